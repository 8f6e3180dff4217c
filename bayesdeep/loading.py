"""Reading a saved fit."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesdeep.core import arguments
from bayesdeep.fit import Fit

if TYPE_CHECKING:
    import xarray as xr


@arguments.checked("load", path=arguments.path)
def load(path: str | Path) -> Fit:
    """Return the fit whose ``save`` wrote the file; nothing in the file can run.

    Of several responses it is a :class:`JointFit`, of several imputed data sets an :class:`ImputedFit`.

    Raises
    ------
    FitError
        For a file that is not there, is damaged or was changed, is not a saved fit, or is of a format that this version does not
        know (the error says which version wrote it).
    """
    from bayesdeep.results.store import load_tree

    return _fit(load_tree(path), f"load: '{path}'")


def from_bytes(data: bytes) -> Fit:
    """Return the fit whose file would hold these bytes."""
    from io import BytesIO

    from bayesdeep.results.store import read_tree

    return _fit(read_tree(BytesIO(data), "bytes of a fit"), "load: bytes of a fit")


def _fit(tree: "xr.DataTree", where: str) -> Any:
    if "responses" in tree.attrs:
        from bayesdeep.joint_fit import JointFit
        from bayesdeep.results.joint_store import fitted_from

        return JointFit(fitted_from(tree))
    from bayesdeep.results.imputed_fitted import IMPUTATIONS

    if IMPUTATIONS in tree.attrs:
        from bayesdeep.imputed_fit import ImputedFit
        from bayesdeep.results.imputed_store import fitted_from as imputed_from

        return ImputedFit(imputed_from(tree))
    from bayesdeep.core.errors import BayesdeepError, FitError
    from bayesdeep.results.tree import rows_from_tree
    from bayesdeep.spec.model_spec import ModelSpec

    try:
        spec = ModelSpec.from_json(tree.attrs["spec"])
        rows = rows_from_tree(tree, spec)
    except BayesdeepError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise FitError(f"{where}: its rows cannot be read ({type(error).__name__}: {error})") from error
    return Fit(spec, rows, tree, str(tree.attrs.get("explain_choice", "")))
