"""Proposal distributions for a handful of hyperparameters, fitted in rounds to weighted points.

References
----------
Cappé, Douc, Guillin, Marin and Robert (2008), Adaptive importance sampling in general mixture classes,
doi:10.1007/s11222-008-9059-x.
"""

from dataclasses import dataclass, replace

import numpy as np

from .mixture import Mixture, fit_mixture, log_sum, single, with_guard
from .mode import Density
from .tilt import Proposal, tilted
from .unexplored import UnexploredError

NEAR, MOST_FOLDED = 4.5, 5
"""A scale is folded at 0 if its mode is within so many standard deviations of it; at most so many are."""

MOST_FITTED = 2500
"""Points a mixture is fitted to and judged by."""

LEAST_POINTS = 80
"""Points a dimension before a fit is believed."""

GOOD = 0.93
"""Efficiency (effective over actual number of importance draws) at which fitting the proposal stops."""

MOST_COMPONENTS = 14
"""Of a mixture: as many as follow a ridge that goes around a corner, where what two scales add up to is all that rows tell."""

LEAST_EFFECTIVE = 0.15
"""Effective over actual number of all points before fitting stops on a promise: with fewer, most of them may yet be unseen."""

MOST_OVER = 2.0
"""Times what all rounds' points say that a tilt may promise to be believed: where these have not seen all of the posterior yet,
the few that have nearly all the weight promise anything."""


@dataclass(frozen=True)
class Guard:
    """The component that covers tails: how much wider it is than what the mode shows, and its degrees of freedom."""

    wider: float
    freedom: float


TAILS_OF_PRIORS = Guard(2.0, 2.0)
"""With tails heavier than those of priors with three degrees of freedom: where the rows say little of two scales that go
together, the posterior has the priors' tails, and a light guard leaves them out without a trace."""
NEAR_THE_MODE = Guard(1.0, 4.0)
"""For densities that are themselves approximations, as Laplace's are: those far from the mode are not to be believed."""


@dataclass(frozen=True)
class Adapted:
    """A proposal, what it was fitted to (points with log density and log weight), and how efficient it looks.

    Log weights are against the mixture of all rounds' proposals, in which the points are a sample, not against ``proposal``.
    """

    proposal: Proposal
    points: np.ndarray
    log_density: np.ndarray
    log_weights: np.ndarray
    efficiency: float


def adapt(
    density: Density,
    mode: np.ndarray,
    factor: np.ndarray,
    foldable: np.ndarray,
    sizes: tuple[int, ...],
    rng: np.random.Generator,
    tails: Guard,
) -> Adapted:
    """Return a proposal fitted in rounds of ``sizes`` points; it stops early when the fit is good.

    ``foldable`` ``(dim,)`` says which coordinates stand for a scale by their absolute value; the others are correlations.
    ``tails`` is how far beyond the mode the density is to be believed.
    """
    sds = np.sqrt((factor**2).sum(axis=1))
    near = np.flatnonzero(foldable & (np.abs(mode) < NEAR * sds))
    # The sum over signs doubles with every folded coordinate; beyond a few the nearest to 0 are folded.
    folded = tuple(sorted(near[np.argsort(np.abs(mode[near]) / sds[near])][:MOST_FOLDED].tolist()))
    # A correlation falls back to its prior where a scale it belongs to is near 0: wider than at the mode.
    wide = 2.0 * factor @ factor.T + np.diag(np.where(foldable, 0.0, 0.5**2))
    guard = replace(single(mode, tails.wider * np.linalg.cholesky(wide), tails.freedom), folded=folded)
    proposal = with_guard(single(mode, 1.05 * factor, 12.0), guard, 0.15)
    points = np.zeros((0, len(mode)))
    log_p, used, counts = np.zeros(0), [], []
    final: Proposal = proposal
    for size in sizes:
        new = proposal.draw(size, rng)
        points, log_p = np.concatenate([points, new]), np.concatenate([log_p, density(new)])
        used.append(proposal)
        counts.append(size)
        # All rounds together are one sample from the mixture of their proposals.
        share = np.log(np.array(counts) / sum(counts))[:, None]
        log_q = log_sum(np.stack([q.log_density(points) for q in used]) + share)
        log_w = np.where(np.isfinite(log_p), log_p - log_q, -np.inf)
        if not np.isfinite(log_w).any():
            raise UnexploredError("the marginal posterior of the scales is nowhere finite near its mode")
        proposal, efficiency = _best(points, log_p, log_w, guard, proposal, rng)
        if len(points) < LEAST_POINTS * len(mode):
            continue
        weights = np.minimum(np.exp(log_w - log_sum(log_w)), 1.0 / np.sqrt(len(log_w)))
        better = tilted(proposal, points, log_p, weights)
        if better is not None and better[1] >= efficiency and better[1] < MOST_OVER * _promised(better[0], points, log_p, log_q):
            final, efficiency = better
        else:
            final = proposal
        if efficiency > GOOD and np.exp(-log_sum(2.0 * (log_w - log_sum(log_w)))) > LEAST_EFFECTIVE * len(points):
            break
    return Adapted(final, points, log_p, log_w, efficiency)


def _promised(proposal: Proposal, points: np.ndarray, log_p: np.ndarray, log_q: np.ndarray) -> float:
    """Return the efficiency of a proposal whose density lacks a constant, by points ``(n, dim)`` of the density ``log_q``."""
    own = proposal.log_density(points)
    with np.errstate(over="ignore"):
        to_target, to_own, between = log_sum(log_p - log_q), log_sum(own - log_q), log_sum(2.0 * log_p - log_q - own)
        return float(np.exp(2.0 * to_target - to_own - between))


def _best(
    points: np.ndarray, log_p: np.ndarray, log_w: np.ndarray, guard: Mixture, last: Mixture, rng: np.random.Generator
) -> tuple[Mixture, float]:
    """Return the mixture that promises the most even weights, and the efficiency it promises.

    Mixtures are fitted to every other point and judged by the rest; the best one's kind is fitted again to all.
    """
    weights = np.exp(log_w - log_sum(log_w))
    # A few points must not make a component of their own.
    even = np.minimum(weights, 1.0 / np.sqrt(len(weights)))
    effective = even.sum() ** 2 / (even**2).sum()
    dim, folded = points.shape[1], list(guard.folded)
    most = int(np.clip(effective / (20 * dim), 1, MOST_COMPONENTS))
    mirrored = points.copy()
    mirrored[:, folded] *= rng.choice((-1.0, 1.0), size=(len(points), len(folded)))
    stride = max(1, len(points) // MOST_FITTED)
    fitting, judging = slice(0, None, 2 * stride), slice(stride, None, 2 * stride)
    norm = log_sum(log_w) - np.log(len(log_w))

    def efficiency(q: Mixture) -> float:
        ratio = np.exp(np.minimum(log_p[judging] - norm - q.log_density(points[judging]), 50.0))
        return float(weights[judging].sum() / (weights[judging] @ ratio))

    def fitted(kind: tuple[bool, int, float], part: slice) -> Mixture:
        mirror, components, freedom = kind
        mass = even[part] / even[part].sum()
        return with_guard(fit_mixture((mirrored if mirror else points)[part], mass, components, freedom, rng), guard, 0.1)

    kinds = [
        (mirror, components, freedom)
        for mirror in ((False, True) if folded else (False,))
        for components, freedom in sorted({(1, 8.0), (1, 25.0), (most, 15.0)})
    ]
    scores = [efficiency(fitted(kind, fitting)) for kind in kinds]
    best = int(np.argmax(scores))
    if efficiency(last) > scores[best]:
        return last, min(efficiency(last), 1.0)
    return fitted(kinds[best], slice(0, None, stride)), min(scores[best], 1.0)
