"""Which distribution hyperparameters are proposed from: that fitted to Laplace's approximation, or one fitted to warm-up."""

from dataclasses import replace

import numpy as np

from bayesdeep.linear.hyperparameters import Coordinates
from bayesdeep.linear.mixture import single, with_guard
from bayesdeep.linear.proposal import NEAR
from bayesdeep.linear.tilt import Proposal

from .lanes import Warm

GOOD, FAIR = 0.8, 0.6
"""Acceptance from which Laplace's approximation is as good as what few draws could tell; and the share of the better proposal's
acceptance from which the other is kept as well."""
FREEDOM, GUARD_FREEDOM, GUARD_SHARE, GUARD_WIDTH = 8.0, 4.0, 0.1, 2.0
"""Of the t distribution through warm-up's draws, and of a wider one beside it, so that no tail is left uncovered."""
MOST_FOLDED = 5


def turn(proposals: list[Proposal | None], iteration: int) -> Proposal | None:
    """Return whose turn it is."""
    return proposals[iteration % len(proposals)]


class Proposals:
    """The proposals that are made by turns: in warm-up Laplace's and one through its draws, later those that were accepted.

    Laplace's approximation may be far off (a yes or no a group says almost nothing normal); then draws say where the posterior
    is. Where both are accepted both stay, since what the one hardly reaches the other may.
    """

    def __init__(self, first: Proposal | None, coordinates: Coordinates) -> None:
        self.tried: list[Proposal | None] = [first]
        self.kept: list[Proposal | None] = [first]
        self.coordinates = coordinates

    def tuned(self, warm: Warm) -> float:
        """Choose after a phase of warm-up; return how often the better proposal was accepted."""
        first = self.tried[0]
        if first is None:
            return 1.0
        every = len(self.tried)
        found = [float(np.mean([a.independent for a in warm.accepted[k::every]])) for k in range(every)]
        if every == 1 and found[0] >= GOOD:
            return found[0]
        # What draws of this phase made is better than what those of the one before did, which was tried.
        self.tried = [first, self._fitted(np.concatenate(warm.theta))]
        fair = [f >= FAIR * max(found) for f in found] if every > 1 else [True, False]
        self.kept = [proposal for proposal, good in zip(self.tried, fair, strict=True) if good]
        return max(found)

    def _fitted(self, theta: np.ndarray) -> Proposal:
        mean = theta.mean(axis=0)
        covariance = np.atleast_2d(np.cov(theta.T)) + 1e-8 * np.eye(len(mean))
        sds = np.sqrt(np.diag(covariance))
        near = np.flatnonzero(~np.isnan(self.coordinates.units) & (mean < NEAR * sds))
        folded = tuple(sorted(near[np.argsort(mean[near] / sds[near])][:MOST_FOLDED].tolist()))
        own, wide = np.linalg.cholesky(covariance), np.linalg.cholesky(GUARD_WIDTH**2 * covariance)
        guard = replace(single(mean, wide, GUARD_FREEDOM), folded=folded)
        return with_guard(single(mean, own, FREEDOM), guard, GUARD_SHARE)
