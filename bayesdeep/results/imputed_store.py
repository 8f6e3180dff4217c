"""A fit to several data sets as one tree, and back: a group a data set is a fit of its own, and what is pooled is made again."""

from __future__ import annotations

from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.spec.model_spec import ModelSpec

from .fitted import Fitted
from .imputed_fitted import IMPUTATIONS, ImputedFitted, pool
from .rows import Rows
from .store import complete
from .tree import rows_from_tree


def imputed_tree(fit: ImputedFitted) -> xr.DataTree:
    """Return everything that a fit to several data sets is loaded from."""
    whole = xr.DataTree()
    whole.attrs = {**fit.pooled.held.attrs, "spec": fit.spec.to_json()}
    for k, one in enumerate(fit.each, start=1):
        whole[f"data_set_{k}"] = complete(one.idata, one.spec, one.explain_choice)
    return whole


def fitted_from(tree: xr.DataTree) -> ImputedFitted:
    """Return the fit that :func:`imputed_tree` was given.

    Raises
    ------
    FitError
        Where its record of the model cannot be read.
    """
    try:
        spec, each = ModelSpec.from_json(tree.attrs["spec"]), []
        for k in range(1, int(tree.attrs[IMPUTATIONS]) + 1):
            own = tree.children[f"data_set_{k}"]
            rows = rows_from_tree(own, spec)
            assert isinstance(rows, Rows)
            each.append(Fitted(spec, rows, own.copy(), str(own.attrs.get("explain_choice", ""))))
        seed, seconds = int(tree.attrs["seed"]), float(tree.attrs["seconds_total"])
        return pool(each, seed, seconds, str(tree.attrs.get("explain_choice", "")))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError) as error:
        raise FitError(f"load: a fit to several data sets cannot be read ({type(error).__name__}: {error})") from error
