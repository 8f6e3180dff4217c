r"""Logarithms of distribution functions and of their complements on arrays, with two derivatives, accurate in both tails.

Each of the two is :math:`\log F(x)` or :math:`\log(1 - F(x))`, then its first and second derivative by :math:`x`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Values = tuple[np.ndarray, np.ndarray, np.ndarray]
LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))
MOST, TINY = 700.0, -37.0
"""Largest exponent, and below which ``1 - exp(-exp(x))`` is ``exp(x)`` to double precision."""


@dataclass(frozen=True)
class Tails:
    """``below(x)`` is of ``F``, ``above(x)`` of ``1 - F``."""

    below: Callable[[np.ndarray], Values]
    above: Callable[[np.ndarray], Values]

    @property
    def mirrored(self) -> "Tails":
        """Return those of ``1 - F(-x)``."""
        return Tails(lambda x: _turned(self.above, x), lambda x: _turned(self.below, x))


def _turned(of: Callable[[np.ndarray], Values], x: np.ndarray) -> Values:
    value, slope, bend = of(-x)
    return value, -slope, bend


def _logistic_below(x: np.ndarray) -> Values:
    small = np.exp(-np.abs(x))
    over = 1.0 / (1.0 + small)
    beyond = np.where(x < 0.0, over, small * over)
    return np.minimum(x, 0.0) - np.log1p(small), beyond, -small * over**2


def _normal_below(x: np.ndarray) -> Values:
    from scipy.special import log_ndtr

    value = log_ndtr(x)
    slope = np.exp(-0.5 * x**2 - LOG_ROOT_2PI - value)
    return value, slope, -slope * (x + slope)


def _extreme_below(x: np.ndarray) -> Values:
    """Return those of ``1 - exp(-exp(x))``."""
    rate = np.exp(np.clip(x, TINY, MOST))
    value = np.where(x < TINY, x, np.log(-np.expm1(-rate)))
    with np.errstate(over="ignore"):
        slope = rate / np.expm1(rate)
    return value, slope, slope * (1.0 - rate - slope)


def _extreme_above(x: np.ndarray) -> Values:
    rate = -np.exp(np.minimum(x, MOST))
    return rate, rate, rate


_EXTREME = Tails(_extreme_below, _extreme_above)
TAILS = {
    "logit": Tails(_logistic_below, lambda x: _turned(_logistic_below, x)),
    "probit": Tails(_normal_below, lambda x: _turned(_normal_below, x)),
    "cloglog": _EXTREME,
    "loglog": _EXTREME.mirrored,
}
"""By link; others have to say it in PyTensor."""
