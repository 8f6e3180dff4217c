"""Starting points, checked before any method spends time."""

import numpy as np

from bayesdeep.core.draws import Target
from bayesdeep.core.errors import FitError
from bayesdeep.numerics.adam import BETA1, EPSILON

RATE, MEMORY = 0.02, 0.999
"""Length of a step uphill, in units of a coordinate's jitter (those of standardised weights are 1); how long steep slopes are
remembered, which keep later steps short. Forgotten ten times as fast they let coordinates of which the data say little run into
narrow places (radon, modelled noise, three fits: 83, 44 and 21 of 528 draws diverged, so 11, 16 and none)."""


def safe_start(target: Target, rng: np.random.Generator, method: str) -> np.ndarray:
    """Return ``target.initial(rng)`` ``(dim,)``, refusing one where the log density is not finite.

    Raises
    ------
    FitError
        Naming the method and the first coordinates without a finite gradient.
    """
    x = np.asarray(target.initial(rng), dtype=np.float64)
    value, gradient = target.logp_dlogp(x)
    if np.isfinite(value) and np.isfinite(gradient).all():
        return x
    wrong = [n for n, g in zip(target.names, gradient, strict=False) if not np.isfinite(g)]
    where = f", its gradient not for {', '.join(wrong[:5])}" if wrong else ""
    raise FitError(
        f"{method}: the log density is not finite at the starting point (it is {value}{where}). "
        "Check the range of the response, standardise the predictors and use proper priors."
    )


def climbed(target: Target, x: np.ndarray, steps: int) -> np.ndarray:
    """Return the point ``(dim,)`` to which so many steps of Adam lead uphill from ``x``; fewer where they leave what is finite.

    From there a sampler has less far to go. It is not the mode, which is no place of a posterior's mass.
    """
    value, slope = target.logp_dlogp(x)
    first, second = np.zeros_like(x), np.zeros_like(x)
    for step in range(1, steps + 1):
        first, second = BETA1 * first + (1 - BETA1) * slope, MEMORY * second + (1 - MEMORY) * slope**2
        size = np.sqrt(second / (1 - MEMORY**step)) + EPSILON
        further = x + RATE * target.jitter * (first / (1 - BETA1**step)) / size
        value, slope = target.logp_dlogp(further)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            break
        x = further
    return x


def no_parameters(target: Target, chains: int, draws: int) -> np.ndarray:
    """Return the draws of a target without coordinates, ``(chains, draws, 0)``."""
    return np.zeros((chains, draws, target.dim))


def log_densities(target: Target, positions: np.ndarray) -> np.ndarray:
    """Return the log density ``(...)`` at positions ``(..., dim)``; minus infinity where it is not a number."""
    flat = positions.reshape(int(np.prod(positions.shape[:-1])), positions.shape[-1])
    values = np.array([target.logp_dlogp(x)[0] for x in flat], dtype=np.float64)
    return np.where(np.isnan(values), -np.inf, values).reshape(positions.shape[:-1])
