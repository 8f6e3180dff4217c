"""``center(x)``: take the mean of the training rows away."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"mean": …}``."""
    if arguments:
        raise FormulaError("it takes one column and nothing else")
    if np.ptp(column.values) == 0:
        raise FormulaError(
            f"column '{column.name}' is constant (every value is {column.values[0]:g}), so nothing is left"
        )
    return {"mean": float(np.mean(column.values))}


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``x - mean (obs,)``."""
    return np.asarray(column.values - state["mean"], dtype=np.float64)


def labels(state: Json) -> None:
    """Return None: a single numeric column."""


TRANSFORM = Transform("center", learn, apply, labels, example="center(x)")
