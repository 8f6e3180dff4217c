"""The marginal posterior of a linear system as a target for a gradient-based chain, where proposals do not cover it.

With many hyperparameters no proposal is close enough. The density is cheap and evaluated in batches, so its gradient is taken by
central differences: ``2 dim + 1`` points at once. Coordinates are centred and whitened by the curvature at the mode, so that the
chain starts where it should and hardly has to adapt.
"""

from dataclasses import dataclass

import numpy as np

from .marginal import Posterior

STEP = 1e-4


@dataclass(frozen=True)
class MarginalTarget:
    """Satisfies :class:`bayesdeep.core.draws.Target`.

    Attributes
    ----------
    posterior
        With its coordinates ``x``.
    mode, factor
        ``x = mode + factor @ q`` for the target's own coordinates ``q``.
    """

    posterior: Posterior
    mode: np.ndarray
    factor: np.ndarray
    words: frozenset[str] = frozenset()
    seconds_compile: float = 0.0

    @property
    def dim(self) -> int:
        """Return the number of hyperparameters."""
        return len(self.mode)

    @property
    def names(self) -> tuple[str, ...]:
        """Return a label for each."""
        return tuple(h.name for h in self.posterior.system.hyperparameters)

    def place(self, q: np.ndarray) -> np.ndarray:
        """Return the posterior's coordinates of ``(…, dim)``."""
        return self.mode + q @ self.factor.T

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its gradient ``(dim,)`` by central differences at ``x`` ``(dim,)``."""
        shifts = np.concatenate([np.zeros((1, self.dim)), STEP * np.eye(self.dim), -STEP * np.eye(self.dim)])
        values = self.posterior.density(self.place(x + shifts))
        with np.errstate(invalid="ignore"):
            return float(values[0]), (values[1 : self.dim + 1] - values[self.dim + 1 :]) / (2 * STEP)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return a point near the mode ``(dim,)``, spread like the curvature there."""
        return rng.standard_normal(self.dim)
