r"""The series in the density of Tweedie responses between Poisson and gamma.

A response ``y`` above 0 is the sum of :math:`j = 1, 2, …` gamma amounts of shape :math:`a = (2 - p) / (p - 1)` each. Its
density is :math:`\frac1y \left(\sum_j W_j\right) \exp\left(\frac1\phi\left(\frac{y \mu^{1-p}}{1-p} -
\frac{\mu^{2-p}}{2-p}\right)\right)` with

.. math:: \log W_j = j \left[a \log\frac{y}{p - 1} - (1 + a) \log\phi - \log(2 - p)\right] - \log j! - \log\Gamma(j a)

(Dunn & Smyth 2005, Statistics and Computing 15(4), 267-280, doi:10.1007/s11222-005-4070-y). The terms rise up to about
:math:`m = y^{2-p} / (\phi (2 - p))` and fall beyond, as a bell of variance :math:`m / (1 + a)`. However large ``m`` is, a
fixed number of places is enough. Where the bell is narrow, or begins at 1, these are whole numbers around its top. Where it is
wide, the sum is the integral over ``j`` to more digits than a number has (its Fourier transform at 1 is
:math:`e^{-2\pi^2 m / (1 + a)}`), and the trapezoidal rule has spread the places over the whole of it.
"""

from typing import Any

import numpy as np

PLACES, BEFORE = 68, 30
"""Places where terms are worked out, and how many of the whole ones come before the top."""
WIDE, FAR_FROM_0 = 2.56, 30.0
"""Variance of a bell that is wide, and ``m (1 + a)`` from which nothing of it is near 0."""
LOWEST, HIGHEST = -14.0, 9.5
"""Where places begin and end, as sds on the logarithm's scale."""


def needed(m: np.ndarray, a: np.ndarray) -> int:
    """Return how many places these terms need: fewer than :data:`PLACES` where all bells are narrow and near 0."""
    one_plus = 1.0 + a
    if ((m > WIDE * one_plus) & (m * one_plus > FAR_FROM_0)).any():
        return PLACES
    before = np.minimum(np.floor(m), BEFORE + 1.0)
    return int(min(float(np.max(before + 9.0 * np.sqrt(m / one_plus))) + 16.0, PLACES))


def places(m: Any, a: Any, np_like: Any, count: int = PLACES) -> tuple[Any, Any]:
    """Return places ``(…, place)`` and the logarithms of their weights, from ``m`` and ``a``, with NumPy or PyTensor.

    ``count`` is how many there are, no fewer than are :func:`needed`.
    """
    one_plus = 1.0 + a
    wide = (m > WIDE * one_plus) & (m * one_plus > FAR_FROM_0)
    start = np_like.maximum(np_like.floor(np_like.where(wide, 1.0, m)) - BEFORE, 1.0)
    whole = start[..., None] + np.arange(count, dtype=float)
    sd = 1.0 / np_like.sqrt(np_like.where(wide, m * one_plus, FAR_FROM_0))[..., None]
    t = np.linspace(LOWEST, HIGHEST, count)
    spread = np_like.where(wide, m, 1.0)[..., None] * np_like.exp(sd * t)
    is_wide = wide[..., None]
    found = np_like.where(is_wide, spread, whole)
    weights = np_like.where(is_wide, np_like.log(spread * sd) + float(np.log(t[1] - t[0])), 0.0)
    return found, weights


def peak(y: Any, phi: Any, p: Any, np_like: Any) -> Any:
    """Return ``m``, where the terms are largest."""
    return np_like.exp((2.0 - p) * np_like.log(y)) / (phi * (2.0 - p))


def slope(y: Any, phi: Any, p: Any, np_like: Any) -> Any:
    """Return what the logarithm of a term has for each amount: the bracket."""
    a = (2.0 - p) / (p - 1.0)
    return a * (np_like.log(y) - np_like.log(p - 1.0)) - (1.0 + a) * np_like.log(phi) - np_like.log(2.0 - p)
