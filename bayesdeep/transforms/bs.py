"""``bs(x, df=5)``: a B-spline basis without its first column, the same columns as R's ``splines::bs``.

Inner knots stand at quantiles of the training rows unless they are given. Rows beyond the boundary knots
continue the outermost polynomial pieces, as in R.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError

from ._sizes import check_size


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"degree": …, "knots": [inner knots], "lower": …, "upper": …}``."""
    if len(arguments) > 1 or (arguments and "df" in options):
        raise FormulaError("it takes a column, one df, and degree, knots, lower, upper by name")
    df = _whole("df", arguments[0] if arguments else options.get("df"), 1)
    degree = _whole("degree", options.get("degree", 3), 1) or 3
    x = column.values.astype(np.float64)
    lower, upper = _boundary(column.name, x, options)
    if "knots" in options:
        if df is not None:
            raise FormulaError("df and knots say the same thing; give one of them")
        knots = _given_knots(options["knots"], lower, upper)
        check_size(column, degree + len(knots), f"degree={degree} and {len(knots)} knots")
    else:
        check_size(column, max(degree, df or 0), f"degree={degree}" if (df or 0) <= degree else f"df={df}")
        knots = _quantile_knots(column.name, x, df, degree, lower, upper)
    return {"degree": degree, "knots": knots, "lower": lower, "upper": upper}


def _boundary(name: str, x: np.ndarray, options: Mapping[str, Any]) -> tuple[float, float]:
    smallest, largest = float(np.min(x)), float(np.max(x))
    lower = _number("lower", options.get("lower"), smallest)
    upper = _number("upper", options.get("upper"), largest)
    if smallest < lower or largest > upper:
        reach = f"{smallest:g} to {largest:g}, beyond the boundary {lower:g} to {upper:g}"
        raise FormulaError(f"column '{name}' runs from {reach}")
    if lower == upper:
        raise FormulaError(f"column '{name}' is constant (every value is {lower:g})")
    return lower, upper


def _given_knots(given: Any, lower: float, upper: float) -> list[float]:
    values = given if isinstance(given, list | tuple) else [given]
    if not all(isinstance(knot, int | float) and not isinstance(knot, bool) for knot in values):
        raise FormulaError("knots should be a list of numbers, knots=[1, 2.5]")
    knots = sorted(float(knot) for knot in values)
    outside = [knot for knot in knots if not lower < knot < upper]
    if outside:
        raise FormulaError(f"knot {outside[0]:g} is not between {lower:g} and {upper:g}")
    if len(set(knots)) < len(knots):
        raise FormulaError("knots names a knot twice")
    return knots


def _quantile_knots(name: str, x: np.ndarray, df: int | None, degree: int, lower: float, upper: float) -> list[float]:
    if df is None:
        return []
    count = df - degree
    if count < 0:
        raise FormulaError(f"df={df} is too small for degree={degree}; it should be {degree} or more")
    knots = np.quantile(x, np.linspace(0, 1, count + 2)[1:-1]).tolist()
    if any(right <= left for left, right in zip([lower, *knots], [*knots, upper], strict=True)):
        raise FormulaError(
            f"column '{name}' has too many equal values to put {count} knots at its quantiles; "
            "take a smaller df or give knots=[…]"
        )
    return knots


def _number(word: str, value: Any, otherwise: float) -> float:
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormulaError(f"{word}={value!r} should be a number")
    return float(value)


def _whole(word: str, value: Any, least: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FormulaError(f"{word}={value!r} should be a whole number from {least} on")
    return value


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``(obs, inner knots + degree)``."""
    from scipy.interpolate import BSpline

    degree = state["degree"]
    knots = [state["lower"]] * (degree + 1) + state["knots"] + [state["upper"]] * (degree + 1)
    x = column.values.astype(np.float64)
    basis = BSpline.design_matrix(x, np.array(knots), degree, extrapolate=True)
    # The first column goes: together with the intercept all of them would add up to one.
    return np.ascontiguousarray(basis.toarray()[:, 1:])


def labels(state: Json) -> tuple[str, ...]:
    """Return ``"1"`` to the number of columns."""
    return tuple(str(k + 1) for k in range(len(state["knots"]) + state["degree"]))


TRANSFORM = Transform(
    "bs", learn, apply, labels, options=("df", "degree", "knots", "lower", "upper"),
    example="bs(x, df=5)",
)
