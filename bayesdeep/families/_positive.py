"""Distribution functions of positive variables, defined for all real numbers without a NaN in any gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt

TINY = float(np.finfo(np.float64).tiny)
"""The smallest number that is drawn where 0 has a meaning of its own."""


def where_positive(value: Any, outside: float, function: Callable[[Any], Any]) -> Any:
    """Return ``function(value)`` where the value is above 0 and ``outside`` elsewhere.

    The function never sees the other values: a gradient through the branch not taken is 0 times infinity there.
    """
    inside = pt.gt(value, 0.0)
    return pt.switch(inside, function(pt.where(inside, value, 1.0)), outside)


def log_density(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return the log density, minus infinity at 0 and below."""
    return where_positive(value, -np.inf, function)


def log_below(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return ``log P(Y <= value)``, minus infinity at 0 and below."""
    return where_positive(value, -np.inf, function)


def log_above(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return ``log P(Y > value)``, 0 at 0 and below."""
    return where_positive(value, 0.0, function)
