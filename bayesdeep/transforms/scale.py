"""``scale(x)``: standardise with the mean and standard deviation of the training rows.

The standard deviation is R's ``sd``, with n - 1 below the line.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"mean": …, "sd": …}``."""
    if arguments:
        raise FormulaError("it takes one column and nothing else")
    # By the range: the standard deviation of equal values need not round to zero.
    if np.ptp(column.values) == 0:
        raise FormulaError(
            f"column '{column.name}' is constant (every value is {column.values[0]:g}), so it has no scale"
        )
    return {"mean": float(np.mean(column.values)), "sd": float(np.std(column.values, ddof=1))}


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``(x - mean) / sd (obs,)``."""
    return np.asarray((column.values - state["mean"]) / state["sd"], dtype=np.float64)


def labels(state: Json) -> None:
    """Return None: a single numeric column."""


TRANSFORM = Transform("scale", learn, apply, labels, example="scale(x)")
