r"""P-splines, ``bs="ps"``: cubic B-splines on evenly spaced knots, with the squared second differences of their coefficients.

With :math:`k` splines the range of the values, or from one given knot to the other, is cut into :math:`k - 3` equal
stretches. Coefficients on a line make a straight line, so that these are not penalised. Beyond the ends a function goes on
straight. The penalty's scale is that of the columns, as for every basis: it does not depend on the number of splines.

Eilers and Marx (1996), Flexible smoothing with B-splines and penalties, Statistical Science 11(2), 89-121,
doi:10.1214/ss/1038425655.
"""

import numpy as np

from bayesdeep.core.columns import Json

from .._smooth_basis import FUNCTIONS, Basis, Learned

DEGREE = 3


def learn(t: np.ndarray, k: int, knots: np.ndarray | None) -> Learned:
    """Return ``k`` splines between the ends."""
    low, high = (t[:, 0].min(), t[:, 0].max()) if knots is None else (knots[0, 0], knots[-1, 0])
    differences = np.diff(np.eye(k), 2, axis=0)
    return Learned({"ends": [float(low), float(high)], "splines": k}, np.eye(k), differences.T @ differences, k - 2)


def columns(state: Json, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return splines with the coefficients ``(spline, function)``, straight beyond the ends."""
    low, high = state["ends"]
    stretches = state["splines"] - DEGREE
    place = (t[:, 0] - low) / (high - low) * stretches
    held = np.clip(place, 0.0, stretches)
    first = np.minimum(held.astype(int), stretches - 1)
    u, beyond = held - first, (place - held)[:, None]
    values = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    slopes = (-3 * (1 - u) ** 2, 9 * u**2 - 12 * u, -9 * u**2 + 6 * u + 3, 3 * u**2)
    found = np.zeros((len(t), weights.shape[1]))
    for shift, (value, slope) in enumerate(zip(values, slopes, strict=True)):
        found += (value[:, None] + slope[:, None] * beyond) / 6.0 * weights[first + shift]
    return found


def _knots(k: int, given: int) -> str:
    del k
    return "" if given == 2 else f"{given} knots are not the two at the ends, between which they lie evenly; give these, or none"


def _count(given: int) -> int:
    del given
    return FUNCTIONS


BASIS = Basis("ps", "P-spline", 4, _knots, _count, learn, columns, straight=True)
