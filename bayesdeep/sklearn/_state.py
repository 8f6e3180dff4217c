"""A fit as bytes of the file it would be saved as: numbers and JSON, so that pickling an estimator keeps nothing compiled."""

from typing import Any

from bayesdeep.fit import Fit
from bayesdeep.loading import from_bytes
from bayesdeep.results.store import complete, tree_bytes

FIT = "fit_"


def packed(state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's attributes with its fit as bytes."""
    fit = state.get(FIT)
    if not isinstance(fit, Fit):
        return dict(state)
    return {**state, FIT: b"".join(tree_bytes(complete(fit.idata, fit.spec, fit.explain_choice)))}


def unpacked(state: dict[str, Any]) -> dict[str, Any]:
    """Return what was given to :func:`packed`."""
    data = state.get(FIT)
    return {**state, FIT: from_bytes(data)} if isinstance(data, bytes) else dict(state)
