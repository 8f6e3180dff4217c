r"""Cyclic cubic regression splines, ``bs="cc"``: cubic between knots, and the same at the first knot as at the last.

The coefficients are the values :math:`\beta` at all knots but the last, where the first value stands again. The slope is
continuous, also across the seam, where the second derivatives are :math:`\gamma = B^{-1} D \beta` with cyclic tridiagonal
:math:`B, D`, and :math:`\int f''(t)^2 dt = \beta^\top D^\top B^{-1} D \beta`. What repeats is the stretch between the outer
knots: months need ``knots=[0.5, 12.5]``, hours ``knots=[0, 24]``. Without them the ends are the smallest and the largest value.

Wood (2017), Generalized Additive Models: An Introduction with R, 2nd edition, section 5.3.2.
"""

import numpy as np

from bayesdeep.core.columns import Json

from .._smooth_basis import FUNCTIONS, Basis, Learned
from .._smooth_natural import natural

OUTSIDE = 1e-9
"""A value that lies beyond a knot by a smaller share of the period is at the knot."""


def learn(t: np.ndarray, k: int, knots: np.ndarray | None) -> Learned:
    """Return the basis with the given knots, or with ``k`` of them at quantiles of the different values and of the given ends."""
    if knots is None or len(knots) < k:
        given = np.zeros(0) if knots is None else knots[:, 0]
        inside = t[:, 0] if knots is None else _turned(t[:, 0], given[0], given[-1])
        at = np.quantile(np.unique(np.concatenate([inside, given])), np.linspace(0.0, 1.0, k))
    else:
        at = knots[:, 0]
    gaps, size = np.diff(at), k - 1
    here = np.arange(size)
    after, before = (here + 1) % size, gaps[here - 1]
    second, banded = np.zeros((size, size)), np.zeros((size, size))
    # Added, not set: of two functions the one before is the one behind.
    np.add.at(second, (here, here), -1.0 / before - 1.0 / gaps)
    np.add.at(second, (here, after), 1.0 / gaps)
    np.add.at(second, (after, here), 1.0 / gaps)
    np.add.at(banded, (here, here), (before + gaps) / 3.0)
    np.add.at(banded, (here, after), gaps / 6.0)
    np.add.at(banded, (after, here), gaps / 6.0)
    curvatures = np.linalg.solve(banded, second)
    penalty = second.T @ curvatures
    weights = np.vstack([np.eye(size), np.eye(size)[:1], curvatures, curvatures[:1]])
    return Learned({"knots": at.tolist()}, weights, (penalty + penalty.T) / 2, size - 1)


def columns(state: Json, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the splines with values and second derivatives at the knots that are the weights ``(2 knot, spline)``."""
    knots = np.asarray(state["knots"])
    return natural(_turned(t[:, 0], knots[0], knots[-1]), knots, weights[: len(knots)], weights[len(knots) :])


def _turned(t: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the same places between the ends; what is at an end, but for rounding, is left there."""
    period = high - low
    laps = np.floor((t - low) / period)
    near = (t >= low - OUTSIDE * period) & (t <= high + OUTSIDE * period)
    return np.clip(np.where(near, t, t - laps * period), low, high)


def _knots(k: int, given: int) -> str:
    right = given in (2, k)
    return "" if right else f"{given} knots are not the k={k} that it has; give k of them, or the two at the ends"


def _count(given: int) -> int:
    return FUNCTIONS if given == 2 else given


BASIS = Basis("cc", "cyclic cubic regression spline", 4, _knots, _count, learn, columns, straight=False)
