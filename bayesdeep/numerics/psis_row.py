"""Pareto smoothed importance sampling of one row in NumPy: ArviZ's numbers, without importing it, or anything compiled.

ArviZ (and JAX, which it imports where it is installed) costs seconds to import, and a row of 4,000 draws is smoothed in a third
of a millisecond here. The formula is in :mod:`.psis`, which has the compiled loop for many rows.
"""

import numpy as np
from scipy.special import logsumexp

PRIOR_BS, PRIOR_K = 3.0, 10.0
"""Prior of the generalised Pareto fit: how its grid is spread, and how many draws a shape of 1/2 counts for."""
NEGLIGIBLE = 10 * float(np.finfo(float).eps)


def smoothed_weights(log_ratios: np.ndarray, tail: int) -> tuple[np.ndarray, float]:
    """Return the logarithms ``(draw,)`` of smoothed weights that sum to 1, and the Pareto k-hat.

    Parameters
    ----------
    log_ratios
        Logarithms of importance ratios ``(draw,)``.
    tail
        How many of the largest are smoothed.

    Raises
    ------
    ValueError
        Where the largest ratios are all equal, or the tail has fewer than five.
    """
    weights = np.asarray(log_ratios, dtype=np.float64)
    weights = weights - weights.max()
    if tail < 5:
        raise ValueError("n_draws_tail must be at least 5")
    split = len(weights) - tail
    order = np.argsort(weights)
    places, largest = order[split:], weights[order[-1]]
    if abs(largest - weights[places[0]]) < np.finfo(float).tiny:
        raise ValueError("All tail values are the same")
    cutoff = np.exp(weights[order[split - 1]])
    shape, scale = pareto_fit(np.exp(weights[places]) - cutoff)
    if np.isfinite(shape):
        weights[places] = np.minimum(np.log(_quantiles(tail, shape, scale, cutoff)), largest)
    return weights - logsumexp(weights), float(shape)


def pareto_fit(exceedances: np.ndarray) -> tuple[float, float]:
    """Return shape and scale of a generalised Pareto distribution, by Zhang and Stephens' mean over a grid.

    ``exceedances`` are sorted. Both are not a number where a quarter of them are equal.
    """
    count = len(exceedances)
    grid = 30 + int(count**0.5)
    quartile = exceedances[int((count / 4 + 0.5) - 1)]
    if quartile <= exceedances[0]:
        return np.nan, np.nan
    inverse = 1 - np.sqrt(grid / (np.arange(1, grid + 1, dtype=float) - 0.5))
    inverse /= PRIOR_BS * quartile
    inverse += 1 / exceedances[-1]
    shapes = np.mean(np.log1p(-inverse[:, None] * exceedances), axis=1)
    profile = count * (np.log(-inverse / shapes) - shapes - 1)
    weight = np.exp(profile - logsumexp(profile))
    kept = weight >= NEGLIGIBLE
    weight, inverse = weight[kept], inverse[kept]
    weight /= weight.sum()
    best = np.sum(inverse * weight)
    shape = np.mean(np.log1p(-best * exceedances))
    scale = -shape / best
    shape = (count * shape + PRIOR_K * 0.5) / (count + PRIOR_K)
    return (np.inf, np.nan) if np.isnan(shape) else (float(shape), float(scale))


def _quantiles(count: int, shape: float, scale: float, cutoff: float) -> np.ndarray:
    """Return the distribution's quantiles ``(tail,)`` at the plotting positions."""
    survival = np.log1p(-np.arange(0.5, count) / count)
    if scale <= 0:
        return np.full(count, np.nan)
    return cutoff + (-scale * survival if shape == 0 else scale * np.expm1(-shape * survival) / shape)
