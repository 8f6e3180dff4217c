"""Knots of spline bases: where they are given and where they stand at quantiles; shared by ``bs()`` and ``ns()``."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.errors import FormulaError


def boundary(name: str, x: np.ndarray, options: Mapping[str, Any]) -> tuple[float, float]:
    """Return the boundary knots: ``lower=`` and ``upper=``, else the ends of the training rows."""
    smallest, largest = float(np.min(x)), float(np.max(x))
    lower = _number("lower", options.get("lower"), smallest)
    upper = _number("upper", options.get("upper"), largest)
    if smallest < lower or largest > upper:
        reach = f"{smallest:g} to {largest:g}, beyond the boundary {lower:g} to {upper:g}"
        raise FormulaError(f"column '{name}' runs from {reach}")
    if lower == upper:
        raise FormulaError(f"column '{name}' is constant (every value is {lower:g})")
    return lower, upper


def given_knots(given: Any, lower: float, upper: float) -> list[float]:
    """Return the inner knots that ``knots=`` names, in their order on the line."""
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


def quantile_knots(name: str, x: np.ndarray, count: int, lower: float, upper: float) -> list[float]:
    """Return ``count`` knots at evenly spaced quantiles of the training rows, or raise where equal values leave no room."""
    knots: list[float] = np.quantile(x, np.linspace(0, 1, count + 2)[1:-1]).tolist()
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


def whole(word: str, value: Any, least: int) -> int | None:
    """Return an option that is a whole number; None where it is not given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FormulaError(f"{word}={value!r} should be a whole number from {least} on")
    return value
