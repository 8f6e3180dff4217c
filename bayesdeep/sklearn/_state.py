"""A fit as bytes of the file it would be saved as: numbers and JSON, so that pickling an estimator keeps nothing compiled."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bayesdeep.loading import load
from bayesdeep.results.fit import Fit

FIT = "fit_"


def packed(state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's attributes with its fit as bytes."""
    fit = state.get(FIT)
    if not isinstance(fit, Fit):
        return dict(state)
    with TemporaryDirectory() as folder:
        return {**state, FIT: fit.save(Path(folder) / "fit.nc").read_bytes()}


def unpacked(state: dict[str, Any]) -> dict[str, Any]:
    """Return what was given to :func:`packed`."""
    data = state.get(FIT)
    if not isinstance(data, bytes):
        return dict(state)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fit.nc"
        path.write_bytes(data)
        return {**state, FIT: load(path)}
