r"""Logarithms of distribution functions and of their complements on arrays, with two derivatives, accurate in both tails.

Each of the two is :math:`\log F(x)` or :math:`\log(1 - F(x))`, then its first and second derivative by :math:`x`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Values = tuple[np.ndarray, np.ndarray, np.ndarray]
LOG_ROOT_2PI, ROOT_2_PI, ROOT_2 = 0.5 * float(np.log(2.0 * np.pi)), float(np.sqrt(2.0 / np.pi)), float(np.sqrt(2.0))
MOST, TINY, FAR = 200.0, -37.0, -1e3
"""Largest exponent, so that squares stay finite; below which ``1 - exp(-exp(x))`` is ``exp(x)`` to double precision; and from
where on the normal distribution's tail is its asymptotic series."""


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
    from scipy.special import erfcx, log_ndtr

    value, low = log_ndtr(x), np.minimum(x, 0.0)
    # By the scaled function in the lower tail, where density and probability both underflow.
    slope = np.where(x < 0.0, ROOT_2_PI / erfcx(-low / ROOT_2), np.exp(-0.5 * np.maximum(x, 0.0) ** 2 - LOG_ROOT_2PI - value))
    far = 1.0 / np.minimum(x, FAR) ** 2 - 1.0
    return value, slope, np.where(x < FAR, far, -slope * (x + slope))


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
