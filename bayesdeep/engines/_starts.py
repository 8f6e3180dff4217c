"""Starting points, checked before any method spends time."""

import numpy as np

from bayesdeep.core.draws import Target
from bayesdeep.core.errors import FitError


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


def no_parameters(target: Target, chains: int, draws: int) -> np.ndarray:
    """Return the draws of a target without coordinates, ``(chains, draws, 0)``."""
    return np.zeros((chains, draws, target.dim))


def log_densities(target: Target, positions: np.ndarray) -> np.ndarray:
    """Return the log density ``(...)`` at positions ``(..., dim)``; minus infinity where it is not a number."""
    flat = positions.reshape(int(np.prod(positions.shape[:-1])), positions.shape[-1])
    values = np.array([target.logp_dlogp(x)[0] for x in flat], dtype=np.float64)
    return np.where(np.isnan(values), -np.inf, values).reshape(positions.shape[:-1])
