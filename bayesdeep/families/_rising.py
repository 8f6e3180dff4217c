r"""Logarithms of rising factorials, ``a (a + 1) … (a + k - 1)``, of which beta-binomial and negative binomial counts are made.

What is computed is how far ``log`` of the product lies above ``k log a``: :math:`\sum_{j < k} \log(1 + j / a)`. It goes to 0
where ``a`` is large and the distributions become the binomial and Poisson ones, so that nothing cancels there.
"""

from typing import Any

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from bayesdeep.core.lazy import pt

LARGE, LEAST, LARGEST = 40.0, 1e-290, 1e30
"""From the first on Stirling's formula has all digits; between the others shapes are kept."""


def _rest(z: Any) -> Any:
    """Return what Stirling's formula for ``log gamma(z)`` leaves over, for ``z`` of 40 or more."""
    inverse = 1.0 / z
    square = inverse * inverse
    return inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))


def _above(m: Any, gamma: Any, a: Any, log_a: Any, k: Any) -> Any:
    large, small = m.maximum(a, LARGE), m.minimum(m.maximum(a, LEAST), LARGE)
    far = (large + k - 0.5) * m.log1p(k / large) - k + _rest(large + k) - _rest(large)
    # The first factor is `a` itself and goes with the first of `k log a`.
    rest = m.maximum(k, 1.0) - 1.0
    near = gamma(small + 1.0 + rest) - gamma(small + 1.0) - rest * m.minimum(log_a, np.log(LARGE))
    return m.where(k > 0.0, m.where(a > LARGE, far, near), 0.0)


def above_power(a: Any, log_a: Any, k: Any) -> Any:
    """Return ``log(a (a + 1) … (a + k - 1)) - k log a`` of tensors; ``log_a`` may be less than the least double's."""
    return _above(pt, pt.gammaln, a, log_a, k)


def above_power_in_numpy(a: np.ndarray, log_a: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return the same of arrays."""
    return np.asarray(_above(np, gammaln, a, log_a, k))


def slopes(a: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``a S1`` and ``a² S2`` with ``S1`` the sum of ``1 / (a + j)`` over ``j < k``, ``S2`` that of the squares.

    These are the first two derivatives of the product's logarithm by ``a``, but for the second's sign, times powers of ``a`` that
    keep them finite: the first term of each sum is 1.
    """
    a = np.clip(a, LEAST, LARGEST)
    rest = np.maximum(k, 1.0) - 1.0
    b = a + 1.0
    large = np.maximum(b, LARGE)
    end = large + rest
    first = np.log1p(rest / large) + rest / (2.0 * large * end) + _squares(large, end, rest)
    second = rest / (large * end) + rest * (large + end) / (2.0 * (large * end) ** 2) + _cubes(large, end, rest)
    near = b <= LARGE
    if near.any():
        small = np.minimum(b, LARGE)
        first = np.where(near, digamma(small + rest) - digamma(small), first)
        second = np.where(near, polygamma(1, small) - polygamma(1, small + rest), second)
    there = k > 0.0
    return np.where(there, 1.0 + a * first, 0.0), np.where(there, 1.0 + a * (a * second), 0.0)


def _squares(low: np.ndarray, high: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Return the digamma function's series from ``1 / 12 z²`` on, at ``high`` less that at ``low``, without cancellation."""
    u, v = 1.0 / low, 1.0 / high
    difference = apart * u * v  # u - v
    square = difference * (u + v)
    return np.asarray(square * (1.0 / 12.0 - (u**2 + v**2) / 120.0 + (u**4 + (u * v) ** 2 + v**4) / 252.0))


def _cubes(low: np.ndarray, high: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Return the trigamma function's series from ``1 / 6 z³`` on, at ``low`` less that at ``high``."""
    u, v = 1.0 / low, 1.0 / high
    difference = apart * u * v
    cube = u**2 + u * v + v**2
    five = u**4 + u**3 * v + (u * v) ** 2 + u * v**3 + v**4
    seven = u**6 + u**5 * v + u**4 * v**2 + u**3 * v**3 + u**2 * v**4 + u * v**5 + v**6
    return np.asarray(difference * (cube / 6.0 - five / 30.0 + seven / 42.0))
