"""The marginal posterior of a linear system's hyperparameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.linear import LinearSystem

from .hyperparameters import Coordinates, Scales, log_prior, scales_of


@dataclass(frozen=True)
class Posterior:
    """The marginal posterior of the hyperparameters in the coordinates in which proposals are made."""

    system: LinearSystem
    solver: Any
    coordinates: Coordinates

    def density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at ``(batch, dim)``; minus infinity where there is none."""
        with np.errstate(all="ignore"):
            found = self.solver.log_likelihood(self.scales(points)) + self.log_prior_and_jacobian(points)
        return np.where(np.isnan(found), -np.inf, found)

    def in_domain(self, points: np.ndarray) -> np.ndarray:
        """Return which points ``(batch, dim)`` lie in the domain (scales ≥ 0); the density is even in each scale."""
        scales = ~np.isnan(self.coordinates.units)
        return (points[:, scales] >= 0).all(axis=1)

    def proposed(self, points: np.ndarray) -> np.ndarray:
        """Return the log density of proposals ``(batch, dim)``: none for mirror images, or they would count twice."""
        return np.where(self.in_domain(points), self.density(points), -np.inf)

    def log_prior_and_jacobian(self, points: np.ndarray) -> np.ndarray:
        """Return the part that is not the likelihood: the prior and the Jacobian."""
        prior = log_prior(self.system, self.coordinates.to_system(points))
        return prior + self.coordinates.log_jacobian(self.system, points)

    def scales(self, points: np.ndarray) -> Scales:
        """Return the scales at ``(batch, dim)``."""
        return scales_of(self.system, self.coordinates.to_system(points))
