"""The public verbs on fits: compare several, load one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayesdeep.results.fit import Fit


def compare(
    fits: Mapping[str, Fit],
    *,
    target: str = "rows",
    by: str | None = None,
    data: Any = None,
    k: int = 10,
    seed: int | None = None,
    progress: bool = True,
) -> Any:
    """Compare fits of the same rows by how well they predict; see :func:`bayesdeep.diagnostics.compare.compare`."""
    from bayesdeep.diagnostics.compare import compare as run

    return run(fits, target=target, by=by, data=data, k=k, seed=seed, progress=progress)


def load(path: str | Path) -> Fit:
    """Return the fit that :meth:`Fit.save` wrote to a file; nothing in the file can run."""
    from bayesdeep.results.store import load_tree
    from bayesdeep.results.tree import rows_from_tree
    from bayesdeep.spec.model_spec import ModelSpec

    tree = load_tree(path)
    spec = ModelSpec.from_json(tree.attrs["spec"])
    return Fit(spec, rows_from_tree(tree, spec), tree, str(tree.attrs.get("explain_choice", "")))
