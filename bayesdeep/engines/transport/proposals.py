"""Which distribution hyperparameters are proposed from: that fitted to Laplace's approximation, or one fitted to warm-up."""

from dataclasses import replace

import numpy as np

from bayesdeep.linear.hyperparameters import Coordinates
from bayesdeep.linear.proposal import NEAR, single, with_guard
from bayesdeep.linear.tilt import Proposal

from .._laplace.marginal_posterior import Shape
from .lanes import Warm

GOOD = 0.65
"""Acceptance from which Laplace's approximation is as good as what few draws could tell."""
FREEDOM, GUARD_FREEDOM, GUARD_SHARE, GUARD_WIDTH = 8.0, 4.0, 0.1, 2.0
"""Of the t distribution through warm-up's draws, and of a wider one beside it, so that no tail is left uncovered."""
MOST_FOLDED = 5


class Proposals:
    """The proposal in use, replaced between phases of warm-up by what is accepted more often.

    Laplace's approximation may be far off (a yes or no a group says almost nothing normal); then draws say where the posterior is.
    """

    def __init__(self, first: Proposal | None, shape: Shape | None, coordinates: Coordinates) -> None:
        self.current, self.first, self.coordinates = first, first, coordinates
        self.shape = shape
        self.at_first = 1.0

    def tuned(self, warm: Warm) -> float:
        """Choose the proposal of the next phase; return how often that of the last was accepted."""
        if self.first is None or self.shape is None:
            return 1.0
        found = warm.acceptance("independent")
        if self.current is self.first:
            self.at_first = found
        if found < GOOD:
            # Back to the first where draws made a worse one.
            self.current = self.first if found < self.at_first else self._fitted(np.concatenate(warm.theta))
        return found

    def _fitted(self, theta: np.ndarray) -> Proposal:
        mean = theta.mean(axis=0)
        covariance = np.atleast_2d(np.cov(theta.T)) + 1e-8 * np.eye(len(mean))
        sds = np.sqrt(np.diag(covariance))
        near = np.flatnonzero(~np.isnan(self.coordinates.units) & (mean < NEAR * sds))
        folded = tuple(sorted(near[np.argsort(mean[near] / sds[near])][:MOST_FOLDED].tolist()))
        own, wide = np.linalg.cholesky(covariance), np.linalg.cholesky(GUARD_WIDTH**2 * covariance)
        guard = replace(single(mean, wide, GUARD_FREEDOM), folded=folded)
        return with_guard(single(mean, own, FREEDOM), guard, GUARD_SHARE)
