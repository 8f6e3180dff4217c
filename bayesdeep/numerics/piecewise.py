r"""One coordinate drawn almost from its distribution, of several chains at once, where its log density is cheap on a grid.

Between neighbouring points of a grid the log density is taken to be linear, so that it can be drawn from exactly; what it differs
from the density by is made up for by a step of Metropolis and Hastings. The grid must not depend on where the chain is.

References
----------
Ritter and Tanner (1992), Facilitating the Gibbs sampler: the Gibbs stopper and the griddy-Gibbs sampler, JASA 87, 861-868,
doi:10.1080/01621459.1992.10475289. Tierney (1994), Markov chains for exploring posterior distributions, Annals of Statistics
22, 1701-1728, for independence proposals.
"""

from collections.abc import Callable

import numpy as np

FLAT = 1e-9
"""Difference of log densities at the ends of a cell below which it counts as uniform."""


def redraw(
    log_density: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, here: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return where chains at ``here`` ``(chain,)`` are after one proposal from the density on their grids.

    Parameters
    ----------
    log_density
        Of points ``(chain, point)``, up to a constant of each chain; minus infinity where there is none.
    grid
        ``(chain, point)``, increasing. Nothing outside it is proposed.
    """
    height = log_density(grid)
    height = height - height.max(axis=1, keepdims=True)
    # Where there is no density the straight line is steep, not endless.
    height = np.where(np.isfinite(height), np.maximum(height, -700.0), -700.0)
    width, rise = np.diff(grid, axis=1), np.diff(height, axis=1)
    steep = np.where(np.abs(rise) < FLAT, FLAT, rise)
    mass = width * np.exp(height[:, :-1]) * np.expm1(steep) / steep
    total = np.cumsum(mass, axis=1)
    rows = np.arange(len(grid))
    cell = (total < (rng.uniform(size=len(grid)) * total[:, -1])[:, None]).sum(axis=1)
    cell = np.minimum(cell, width.shape[1] - 1)
    share = np.log1p(rng.uniform(size=len(grid)) * np.expm1(steep[rows, cell])) / steep[rows, cell]
    there = grid[rows, cell] + share * width[rows, cell]
    both = np.stack([here, there], axis=1)
    at = np.clip((grid[:, :, None] <= both[:, None]).sum(axis=1) - 1, 0, width.shape[1] - 1)
    line = height[rows[:, None], at] + rise[rows[:, None], at] * (
        (both - grid[rows[:, None], at]) / width[rows[:, None], at]
    )
    with np.errstate(invalid="ignore"):
        weight = log_density(both) - line
    gain = weight[:, 1] - weight[:, 0]
    inside = (here >= grid[:, 0]) & (here <= grid[:, -1])
    return np.where(inside & (gain >= np.log(rng.uniform(size=len(grid)))), there, here)
