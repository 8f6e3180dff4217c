"""``poly(x, degree)``: polynomials orthonormal over the training rows, the same columns as R's ``poly``.

They are built by the three-term recurrence of Stieltjes, whose coefficients are all that new rows need
(Kennedy and Gentle, *Statistical Computing*, 1980, p. 343, is where R takes it from).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError

from ._sizes import check_size


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return the degree and, unless ``raw=True``, the recurrence's ``alpha`` and ``norm2``."""
    degree = _degree(column, arguments, options)
    raw = options.get("raw", False)
    if not isinstance(raw, bool):
        raise FormulaError(f"raw={raw!r} should be True or False")
    if raw:
        return {"degree": degree, "raw": True}
    x = column.values.astype(np.float64)
    previous, current = np.zeros_like(x), np.ones_like(x)
    alpha: list[float] = []
    norm2 = [1.0, float(len(x))]
    for _ in range(degree):
        alpha.append(float(np.sum(x * current**2) / norm2[-1]))
        previous, current = current, (x - alpha[-1]) * current - norm2[-1] / norm2[-2] * previous
        norm2.append(float(np.sum(current**2)))
    return {"degree": degree, "raw": False, "alpha": alpha, "norm2": norm2}


def _degree(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> int:
    if len(arguments) + ("degree" in options) > 1:
        raise FormulaError("it takes a column and one degree, poly(x, 2)")
    degree = arguments[0] if arguments else options.get("degree", 1)
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise FormulaError(f"the degree should be a whole number from 1 on, not {degree!r}")
    check_size(column, degree, f"degree {degree}")
    return degree


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``(obs, degree)``."""
    x = column.values.astype(np.float64)
    degree = state["degree"]
    out = np.empty((len(x), degree))
    if state["raw"]:
        for k in range(degree):
            out[:, k] = x ** (k + 1)
        return out
    alpha, norm2 = state["alpha"], state["norm2"]
    previous, current = np.zeros_like(x), np.ones_like(x)
    for k in range(degree):
        # norm2 begins with R's leading 1, so entry k + 1 belongs to polynomial k.
        previous, current = current, (x - alpha[k]) * current - norm2[k + 1] / norm2[k] * previous
        out[:, k] = current / np.sqrt(norm2[k + 2])
    return out


def labels(state: Json) -> tuple[str, ...]:
    """Return ``"1"`` to the degree."""
    return tuple(str(k + 1) for k in range(state["degree"]))


TRANSFORM = Transform(
    "poly", learn, apply, labels, options=("degree", "raw"),
    example="poly(x, 2)",
)
