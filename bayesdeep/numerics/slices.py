"""Slice sampling of one coordinate at a time, of several chains at once.

References
----------
Neal (2003), Slice sampling, Annals of Statistics 31, 705-767: stepping out, figure 3, and shrinkage, figure 5.
"""

from collections.abc import Callable

import numpy as np

OUTWARD, INWARD = 50, 200
"""Most steps of widening and of narrowing an interval."""


def step(
    log_density: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    coordinate: int,
    width: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the points with one coordinate drawn anew.

    Parameters
    ----------
    log_density
        Of points ``(chain, dim)``, up to a constant of each chain; minus infinity where there is none.
    points
        ``(chain, dim)``, where it is finite.
    width
        Of the first interval, about the size of the slices.
    """
    chains = len(points)

    def at(values: np.ndarray) -> np.ndarray:
        moved = points.copy()
        moved[:, coordinate] = values
        found = log_density(moved)
        return np.where(np.isnan(found), -np.inf, found)

    here = points[:, coordinate]
    level = at(here) - rng.exponential(size=chains)
    low = here - width * rng.uniform(size=chains)
    high = low + width
    # How the steps outward are shared between the ends is drawn, too: the interval must be as likely from any point in it.
    left = np.floor(OUTWARD * rng.uniform(size=chains))
    for end, outward, most in ((low, -width, left), (high, width, OUTWARD - 1 - left)):
        taken, wider = np.zeros(chains), (at(end) > level) & (most > 0)
        while wider.any():
            end[wider] += outward
            taken += wider
            wider &= (taken < most) & (at(end) > level)
    found, waiting = here.copy(), np.ones(chains, dtype=bool)
    for _ in range(INWARD):
        proposed = np.where(waiting, rng.uniform(low, high), found)
        inside = waiting & (at(proposed) >= level)
        found[inside] = proposed[inside]
        waiting &= ~inside
        if not waiting.any():
            break
        low[waiting & (proposed < here)] = proposed[waiting & (proposed < here)]
        high[waiting & (proposed >= here)] = proposed[waiting & (proposed >= here)]
    out = points.copy()
    out[:, coordinate] = found
    return out
