r"""Basis functions of a Gaussian process on a box: products of sines, which vanish at its sides.

On :math:`[-L, L]` the functions :math:`\sin(\omega_j (x + L))` with :math:`\omega_j = \pi j / (2 L)` are eigenfunctions of the
Laplacian, and a stationary process is nearly a sum of them with independent coefficients, whose variances its spectral
density says, as long as neither the sides of the box nor the functions that are left out matter: :math:`L \geq a_1 \ell` and
:math:`m \geq a_2 L / \ell` for all length scales :math:`\ell` that there may be.

References
----------
Solin and Särkkä (2020), Hilbert space methods for reduced-rank Gaussian process regression, Statistics and Computing 30, 419-446,
doi:10.1007/s11222-019-09886-w. Riutort-Mayol and others (2022), see :mod:`bayesdeep.terms._gp_covariances`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

import numpy as np

from bayesdeep.core.errors import FormulaError

from ._gp_covariances import Covariance
from ._gp_lengths import Lengths, lengths_between

USUAL = {1: 120, 2: 700}
"""Most basis functions by number of variables where nothing is said; of more variables :data:`USUAL_BEYOND`."""
USUAL_BEYOND = 1_000
MOST = 1_500
FINEST, FINEST_OF_SEVERAL = 20, 10
"""Part of the range that the smallest length scale is where nothing says that it is larger, of one column and of several."""
NARROWEST = 1.2
"""Least half width of the box over that of the values."""
NEAR_SIDES = 1.5
"""Length scales from the sides of the box within which a process is held to 0: nothing is predicted there."""
SHARE, SHARE_OF_SEVERAL = 0.95, 0.9
"""Of the prior's length scales, those for which the box is wide enough: of several columns that takes too many functions."""
FINER = 1.03
"""By how much the smallest length scale is made larger in a step."""
FIRST_RATIO, LEAST_RATIO = 5.0, 2.0
"""Of the largest length scale over the smallest: the range is the largest where the first is kept, or else half the range."""


@dataclass(frozen=True)
class Box:
    """Where a process lives.

    Attributes
    ----------
    centre, widths
        Middle and half widths ``(variable,)``.
    counts
        Number of sines of each variable.
    reach
        How far from the middle rows may lie ``(variable,)``.
    lengths
        Which length scales its prior allows.
    reason
        What says how small these may be.
    """

    centre: np.ndarray
    widths: np.ndarray
    counts: tuple[int, ...]
    reach: np.ndarray
    lengths: Lengths
    reason: str


def length_range(x: np.ndarray) -> tuple[float, float, str]:
    """Return the largest and the smallest length scale that values ``(obs, variable)`` tell of, and what says the latter."""
    largest, d = float(np.ptp(x, axis=0).max()), x.shape[1]
    part, different = FINEST if d == 1 else FINEST_OF_SEVERAL, len(np.unique(x, axis=0))
    gap = largest / max(different - 1, 1) ** (1.0 / d)
    begin, reason = max((largest / part, f"one {part}th of the range"), (gap, "the distance of neighbouring values"))
    least = largest / FIRST_RATIO
    return largest, min(begin, least), "a fifth of the largest" if least < begin else reason


def box_of(
    x: np.ndarray, covariance: Covariance, counts: tuple[int, ...] | None, width: float | None, where: str
) -> Box:
    """Return the box of values ``(obs, variable)``, of these ``counts`` of functions and relative half ``width`` where given.

    Length scales go up to the range, or where there are too few functions for that, as of several columns, to half of it; the
    smallest ones are those that there are functions for.
    """
    low, high = x.min(axis=0), x.max(axis=0)
    half, d = (high - low) / 2.0, x.shape[1]
    reach, different = 2.0 * float(half.max()), len(np.unique(x, axis=0))
    part = FINEST if d == 1 else FINEST_OF_SEVERAL
    gap = reach / max(different - 1, 1) ** (1.0 / d)
    begin, reason = max((reach / part, f"one {part}th of the range"), (gap, "the distance of neighbouring values"))
    most, share = USUAL.get(d, USUAL_BEYOND), SHARE if d == 1 else SHARE_OF_SEVERAL

    def sized(lengths: Lengths) -> tuple[np.ndarray, tuple[int, ...]]:
        widths = np.maximum(covariance.widest * lengths.usual, NARROWEST * half) if width is None else width * half
        return widths, tuple(ceil(covariance.finest * w / lengths.low) for w in widths)

    def enough(needed: tuple[int, ...]) -> bool:
        return prod(needed) <= most if counts is None else all(a <= b for a, b in zip(needed, counts, strict=True))

    for largest, ratio in ((reach, FIRST_RATIO), (reach / 2.0, LEAST_RATIO))[d > 1 :]:
        smallest = first = min(begin, largest / FIRST_RATIO)
        lengths = lengths_between(smallest, largest, share)
        widths, needed = sized(lengths)
        while not enough(needed) and smallest < largest / ratio:
            smallest = min(FINER * smallest, largest / ratio)
            lengths = lengths_between(smallest, largest, share)
            widths, needed = sized(lengths)
        if enough(needed):
            break
    if counts is None and not enough(needed):
        raise FormulaError(
            f"{where}: {prod(needed):,} basis functions were needed for length scales down to a quarter of the range; say how "
            "many each column shall have, as in m=15, or take a smoother covariance or fewer columns"
        )
    if smallest > first:
        reason = f"what {prod(counts or needed):,} functions tell apart"
    elif first < begin:
        reason = "a fifth of the largest"
    # Of a box that was asked for, all but its sides: a fold without the outer rows has to be predicted there.
    near = np.maximum(half, widths - NEAR_SIDES * lengths.usual) if width is None else widths / NARROWEST
    return Box((low + high) / 2.0, widths, counts or needed, near, lengths, reason)


def frequencies_of(counts: Sequence[int], widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which sine of each variable makes a function ``(function, variable)``, and its frequency ``(function,)``, rising."""
    which = np.array(list(product(*(range(1, m + 1) for m in counts))))
    found = np.sqrt(((np.pi * which / (2.0 * widths)) ** 2).sum(axis=1))
    order = np.argsort(found, kind="stable")
    return which[order], found[order]


def functions(x: np.ndarray, centre: np.ndarray, widths: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return the basis functions ``(obs, function)`` at values ``(obs, variable)``, each of amplitude 1."""
    found = np.ones((len(x), len(which)))
    for k in range(x.shape[1]):
        sines = np.sin(np.outer((x[:, k] - centre[k] + widths[k]) / (2.0 * widths[k]), np.pi * np.arange(which[:, k].max() + 1)))
        found *= sines[:, which[:, k]]
    return found
