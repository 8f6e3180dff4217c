r"""Many standard deviations, one after another, with the coefficients integrated out.

Of a system with many scales, such as tensor products by category, no proposal for all of them at once is close enough. One at a
time they are easy. Let :math:`C` be the covariance of all coefficients given the response and the scales, and :math:`b` those
with the standard deviation :math:`\tau`. With the eigenvectors of :math:`C_{bb} = Q \operatorname{diag}(c) Q^\top \tau_0^2`
at the present value :math:`\tau_0`, and the means :math:`m_b = Q a`, the likelihood of any other value is

.. math:: \log p(y \mid \tau) = \sum_j \frac{r a_j^2}{2 \tau_0^2 c_j^2 (1 + r l_j)} - \frac12 \log(1 + r l_j) + \text{constant},
    \qquad r = \tau^2 / \tau_0^2, \quad l_j = (1 - c_j) / c_j,

the other coefficients integrated out, whatever they are correlated with. So a draw of :math:`\tau` costs a small decomposition
and an update of :math:`C` of low rank, and all of them together about as much as a few factorisations. The noise is drawn given
all coefficients, which are drawn anew before they are used again: a partially collapsed Gibbs sampler.

References
----------
van Dyk and Park (2008), Partially collapsed Gibbs samplers, JASA 103, 790-796, doi:10.1198/016214508000000409. Harville (1977),
JASA 72, 320-338, for likelihoods of variance components. Woodbury's identity for the update.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotri

from bayesdeep.core.draws import Progress
from bayesdeep.core.linear import LinearSystem, Scale
from bayesdeep.numerics.piecewise import redraw

from .block_elimination import Blocks
from .block_layout import lay_out
from .explore import Explored, Plan
from .hyperparameters import Coordinates, bounded_at_zero, log_prior, scales_of
from .mode import Density
from .unexplored import UnexploredError

FEWEST_SCALES = 8
"""Scales from which they are drawn one after another."""
MOST_COEFFICIENTS = 600
"""Whose covariance is kept."""
TUNING = 40
"""First sweeps, which are thrown away; with coefficients integrated out a sweep forgets most of the one before."""
JITTER = 0.5
"""Of the log scales that chains start from."""
NEGLIGIBLE = 1e-5
"""Size of effects, in units of what the rows can tell, below which their standard deviation makes no difference."""
UNTOLD = 1e-13
"""Share of an effect's prior variance that rows take away, below which it is rounding; that of a negligible sd is 1e-10."""
COARSE, FINE, REACH = 40, 61, 6.0
"""Points at which the peak is looked for, and around it; the latter lie at hyperbolic sines of numbers to this."""
ROUNDING = 1e-15
"""Share of the largest eigenvalue below which others are not known."""
REPRODUCED = 1e-10
"""Share of the response's sum of squares below which that of the residuals is made of rounding."""


def applies(system: LinearSystem) -> bool:
    """Return whether a system has many scales and nothing else, and few enough coefficients."""
    coefficients = system.columns + sum(f.levels * f.width for f in system.factors)
    if system.dim < FEWEST_SCALES or coefficients > MOST_COEFFICIENTS or system.joint or system.noise:
        return False
    if not all(h.kind == "scale" and bounded_at_zero(h) for h in system.hyperparameters):
        return False
    alone = (not f.blocks and f.neighbours is None and f.related is None for f in system.factors)
    simple = all(alone) and all(isinstance(s, Scale) for f in system.factors for s in f.scales)
    owned = {s.index for f in system.factors for s in f.scales if isinstance(s, Scale)}
    return simple and system.sigma.index not in owned


@dataclass(frozen=True)
class Dense:
    """A system with nothing eliminated.

    Attributes
    ----------
    blocks
        The system laid out so.
    members
        By hyperparameter, which coefficients ``(coefficient,)`` it is the standard deviation of.
    least
        By hyperparameter, what is negligible in units of the residual standard deviation ``(dim,)``.
    """

    blocks: Blocks
    members: tuple[np.ndarray, ...]
    least: np.ndarray

    @classmethod
    def of(cls, system: LinearSystem) -> "Dense":
        """Lay a system out."""
        blocks = lay_out(system, (), {})
        owner = np.full(len(blocks.rest) - 1, -1)
        for number, start in blocks.inner:
            factor = system.factors[number]
            own = [-1 if not isinstance(s, Scale) or s.index is None else s.index for s in factor.scales]
            owner[start : start + factor.levels * factor.width] = np.tile(own, factor.levels)
        members = tuple(np.flatnonzero(owner == k) for k in range(system.dim))
        size = [np.linalg.norm(blocks.rest[np.ix_(own, own)], 2) if len(own) else 1.0 for own in members]
        return cls(blocks, members, NEGLIGIBLE / np.sqrt(np.maximum(size, 1e-300)))


def swept_chains(plan: Plan, system: LinearSystem, mode: np.ndarray, rng: np.random.Generator, progress: Progress) -> Explored:
    """Run chains of sweeps from about ``mode`` ``(dim,)``; an interrupt keeps the draws there are."""
    dense, chains = Dense.of(system), plan.chains
    sizes = [(system.columns,), *((f.levels, f.width) for f in system.factors)]
    out = tuple(np.empty((chains, plan.draws, *size)) for size in sizes)
    positions, lp = np.empty((chains, plan.draws, system.dim)), np.empty((chains, plan.draws))
    points = mode + JITTER * rng.uniform(-1.0, 1.0, (chains, system.dim))
    if not np.isfinite(_prior(system, points)).all():
        points = np.tile(mode, (chains, 1))
    kept, interrupted = 0, False
    try:
        for t in range(-TUNING, plan.steps):
            points = sweep(dense, points, rng)
            scales = scales_of(system, points)
            factored = dense.blocks.factored(scales)
            span = plan.draws_of(t) if t >= 0 else slice(0, 1)
            for draw in range(span.start, span.stop):
                drawn = dense.blocks.draw_from(factored, scales, rng)
                for whole, one in zip(out, drawn, strict=True):
                    whole[:, draw] = one
            if t >= 0:
                positions[:, span] = points[:, None]
                lp[:, span] = (factored.value + _prior(system, points))[:, None]
                kept = span.stop
            if system.sigma.index is not None:
                points = _noise(dense, points, drawn, rng)
            progress.update(10 + 90 * (t + TUNING + 1) // (plan.steps + TUNING), 100, "drawing")
    except KeyboardInterrupt:
        if kept == 0:
            raise
        interrupted = True
    return Explored(positions[:, :kept], tuple(o[:, :kept] for o in out), {"lp": lp[:, :kept]}, np.zeros(0), interrupted)


def sweep(dense: Dense, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the points ``(chain, dim)`` with every scale of coefficients drawn anew, given the noise."""
    system, points = dense.blocks.system, points.copy()
    scales = scales_of(system, points)
    least = np.log(dense.least * scales.sigma[:, None])
    raised = np.maximum(points, np.where([len(own) > 0 for own in dense.members], least, -np.inf))
    mean, covariance = _conditional(dense, raised)
    for k in rng.permutation(system.dim):
        own = dense.members[k]
        if not len(own):
            continue
        tau = np.exp(raised[:, k])
        block = covariance[:, own[:, None], own] / tau[:, None, None] ** 2
        values, axes = np.linalg.eigh(block)
        # Below this share of the largest an eigenvalue is made of rounding, and may be negative.
        values = np.clip(values, np.maximum(ROUNDING * values[:, -1:], 1e-200), 1.0)
        means = np.einsum("bij,bi->bj", axes, mean[:, own])
        # Of effects that rows say nothing of, mean and information are rounding, which a large sd would make much of.
        told = 1.0 - values > UNTOLD
        ratio = np.where(told, (1.0 - values) / values, 0.0)
        pull = np.where(told, means / (tau[:, None] * values), 0.0) ** 2

        def log_density(at: np.ndarray, k: int = k, ratio: np.ndarray = ratio, pull: np.ndarray = pull) -> np.ndarray:
            with np.errstate(all="ignore"):
                r = np.exp(2.0 * (at - raised[:, k, None]))[..., None]
                grown = 1.0 + r * ratio[:, None]
                found = 0.5 * (r * pull[:, None] / grown - np.log(grown)).sum(axis=2)
                found = found + system.hyperparameters[k].log_density(np.exp(at)) + at
            return np.where(np.isnan(found), -np.inf, found)

        points[:, k] = redraw(log_density, _grid(log_density, least[:, k], len(own)), points[:, k], rng)
        now = np.maximum(points[:, k], least[:, k])
        shrunk = np.exp(2.0 * (raised[:, k] - now))[:, None]
        # One less the values apart: of effects that rows say nothing of they are 1, and next to it shrunk would be lost.
        by = (shrunk - 1.0) / ((1.0 - values) + shrunk * values) / tau[:, None] ** 2
        turned = covariance[:, :, own] @ axes
        mean -= np.einsum("bnj,bj,bj->bn", turned, by, means)
        covariance -= (turned * by[:, None]) @ turned.transpose(0, 2, 1)
        raised[:, k] = now
    return points


def _grid(log_density: Density, least: np.ndarray, count: int) -> np.ndarray:
    """Return points ``(chain, point)`` about the peak of a log scale's density, denser the more coefficients there are."""
    coarse = least[:, None] + np.linspace(0.0, 40.0, COARSE)
    peak = np.take_along_axis(coarse, log_density(coarse).argmax(axis=1)[:, None], axis=1)
    return np.asarray(peak + 0.5 / np.sqrt(count) * np.sinh(np.linspace(-REACH, REACH, FINE)))


def _conditional(dense: Dense, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means ``(chain, coefficient)`` and covariances of all coefficients given the hyperparameters."""
    scales = scales_of(dense.blocks.system, points)
    factored = dense.blocks.factored(scales)
    if not np.isfinite(factored.value).all():
        raise UnexploredError("the marginal posterior of the scales is not finite where a chain is")
    count = len(dense.blocks.rest) - 1
    sds = np.ones((len(points), count))
    for number, start in dense.blocks.inner:
        factor = dense.blocks.system.factors[number]
        own = np.stack([np.asarray(row[-1]) for row in scales.roots[number]], axis=1)
        sds[:, start : start + factor.levels * factor.width] = np.tile(own, (1, factor.levels))
    covariance = np.empty((len(points), count, count))
    for one, lower in zip(covariance, factored.lower[:, :count, :count], strict=True):
        inverse = np.tril(dpotri(lower, lower=1)[0])
        one[...] = inverse + np.tril(inverse, -1).T
    right = factored.lower[:, -1:, :count] @ factored.lower[:, :count, :count].transpose(0, 2, 1)
    mean = (covariance @ right.transpose(0, 2, 1))[..., 0] * sds
    covariance *= sds[:, :, None]
    covariance *= sds[:, None]
    return mean, covariance


def _noise(dense: Dense, points: np.ndarray, drawn: tuple[np.ndarray, ...], rng: np.random.Generator) -> np.ndarray:
    """Return the points with the residual standard deviation drawn given coefficients."""
    system = dense.blocks.system
    at, rows = system.sigma.index, system.moments.rows
    assert at is not None
    effects = [drawn[1 + number].reshape(len(points), -1) for number, _ in dense.blocks.inner]
    against = np.concatenate([drawn[0], *effects, -np.ones((len(points), 1))], axis=1)
    squares = np.einsum("bi,ij,bj->b", against, dense.blocks.rest, against, optimize=True)
    if (squares <= REPRODUCED * system.moments.gram[-1, -1]).any():
        raise UnexploredError("the predictors reproduce the response exactly, so that the data say nothing of the noise")
    hyper = system.hyperparameters[at]

    def log_density(log_sigma: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = hyper.log_density(np.exp(log_sigma)) + (1.0 - rows) * log_sigma
            found = found - 0.5 * squares[:, None] * np.exp(-2.0 * log_sigma)
        return np.where(np.isnan(found), -np.inf, found)

    likely = 0.5 * np.log(squares / max(rows, 1.0))
    grid = likely[:, None] + 0.5 / np.sqrt(max(rows, 1.0)) * np.sinh(np.linspace(-REACH - 2.0, REACH + 2.0, 2 * FINE))
    moved = points.copy()
    moved[:, at] = redraw(log_density, grid, points[:, at], rng)
    return moved


def _prior(system: LinearSystem, points: np.ndarray) -> np.ndarray:
    """Return the log prior density of log scales ``(chain,)``."""
    on_logs = Coordinates(np.full(system.dim, np.nan))
    return np.asarray(log_prior(system, points) + on_logs.log_jacobian(system, points))
