"""Reading a saved fit."""

from pathlib import Path

from bayesdeep.core import arguments
from bayesdeep.results.fit import Fit


@arguments.checked("load", path=arguments.path)
def load(path: str | Path) -> Fit:
    """Return the fit that :meth:`Fit.save` wrote to a file; nothing in the file can run."""
    from bayesdeep.results.store import load_tree
    from bayesdeep.results.tree import rows_from_tree
    from bayesdeep.spec.model_spec import ModelSpec

    tree = load_tree(path)
    spec = ModelSpec.from_json(tree.attrs["spec"])
    return Fit(spec, rows_from_tree(tree, spec), tree, str(tree.attrs.get("explain_choice", "")))
