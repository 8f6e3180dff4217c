"""Proposal distributions for a handful of hyperparameters: the mode, the curvature there, and mixtures fitted to weights.

References
----------
Cappé, Douc, Guillin, Marin and Robert (2008), Adaptive importance sampling in general mixture classes,
doi:10.1007/s11222-008-9059-x. Peel and McLachlan (2000), Robust mixture modelling using the t distribution,
doi:10.1023/A:1008981510081.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from scipy.special import gammaln

from .tilt import Proposal, tilted
from .unexplored import UnexploredError

Density = Callable[[np.ndarray], np.ndarray]
"""Log density of points ``(batch, dim)``, ``(batch,)``; minus infinity where there is none."""

GRADIENT_STEP, CURVATURE_STEP = 1e-4, 2e-2
NEAR, MOST_FOLDED = 4.5, 5
"""A scale is folded at 0 if its mode is within so many standard deviations of it; at most so many are."""

MOST_FITTED = 2500
"""Points a mixture is fitted to and judged by."""

LEAST_POINTS = 80
"""Points a dimension before a fit is believed."""

GOOD = 0.93
"""Efficiency (effective over actual number of importance draws) at which fitting the proposal stops."""

GUARD_WIDER, GUARD_FREEDOM = 2.0, 2.0
"""Of the component that covers tails: how much wider it is than what the mode shows, and its degrees of freedom."""

LARGEST_STEP = 2.0
"""Standard deviations that one step of Newton's method is trusted for."""

FARTHEST, DEEPEST = 20.0, 14.0
"""Coordinates (log scales, inverse hyperbolic tangents) so far above and below the likely one have no mode worth the name.

Sums of squares know a residual to the square root of the machine precision: noise of less than a millionth of the response can
hardly be told from none, and a mode found there is made of rounding."""

LOWER_TAIL_STEPS, MIN_DECREASE = 5, -0.05
"""Steps of a log scale below its mode that are looked at, and what the log density must lose in one of them at the least."""

IMPROPER = (
    "the posterior of {} has no maximum within reach. It goes to 0 where the predictors reproduce "
    "the response exactly (a response that does not vary, more coefficients under flat priors than rows), and "
    "beyond all bounds under an improper prior with few groups, or with a column far from 0 that varies by group: "
    "centre the column, use a proper prior, or leave the term out"
)


@dataclass(frozen=True)
class Mixture:
    """A mixture of multivariate t distributions.

    Attributes
    ----------
    weights, means, factors, freedoms
        ``(component,)``, ``(component, dim)``, lower Cholesky factors of the scale matrices
        ``(component, dim, dim)``, degrees of freedom ``(component,)``.
    folded
        Coordinates whose sign is dropped: scales that may be 0.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    freedoms: np.ndarray
    folded: tuple[int, ...] = ()

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return points ``(count, dim)``."""
        which = rng.choice(len(self.weights), size=count, p=self.weights)
        z = rng.standard_normal((count, self.means.shape[1]))
        spread = np.sqrt(self.freedoms[which] / rng.chisquare(self.freedoms[which]))
        points = self.means[which] + np.einsum("nij,nj->ni", self.factors[which], z) * spread[:, None]
        folded = list(self.folded)
        points[:, folded] = np.abs(points[:, folded])
        return points

    @cached_property
    def _whitening(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what whitens points for each component, ``(dim, component * dim)`` and an offset, and log constants."""
        dim, nu = self.means.shape[1], self.freedoms
        inverse = np.linalg.inv(self.factors)
        constant = gammaln((nu + dim) / 2) - gammaln(nu / 2) - 0.5 * dim * np.log(nu * np.pi)
        constant -= np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        constant += np.log(np.maximum(self.weights, 1e-300))
        offset = np.einsum("kij,kj->ki", inverse, self.means)
        return np.ascontiguousarray(inverse.reshape(-1, dim).T), offset.ravel(), constant[:, None]

    def parts(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each component's log density with its weight, and squared distances; both ``(component, batch)``."""
        count, dim = points.shape
        whiten, offset, constant = self._whitening
        z = points @ whiten
        z -= offset
        z *= z
        distance = np.ascontiguousarray(z.reshape(count, -1, dim).sum(axis=2).T)
        nu = self.freedoms[:, None]
        return constant - 0.5 * (nu + dim) * np.log1p(distance / nu), distance

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density ``(batch,)``, of folded coordinates the sum over both signs."""
        count, folded = len(points), list(self.folded)
        if not folded:
            return log_sum(self.parts(points)[0])
        signs = np.ones((2 ** len(folded), 1, points.shape[1]))
        signs[:, 0, folded] = list(product((1.0, -1.0), repeat=len(folded)))
        terms, _ = self.parts((points * signs).reshape(-1, points.shape[1]))
        return log_sum(terms.reshape(-1, count))


def log_sum(terms: np.ndarray) -> np.ndarray:
    """Return the log of the sum of exponentials over the first axis."""
    highest = np.max(terms, axis=0)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(terms - highest).sum(axis=0)) + highest


def single(mean: np.ndarray, factor: np.ndarray, freedom: float) -> Mixture:
    """Return one t distribution."""
    return Mixture(np.ones(1), mean[None], factor[None], np.array([freedom]))


def find_mode(
    density: Density,
    start: np.ndarray,
    names: tuple[str, ...] = (),
    near: float = 0.0,
    farthest: float | np.ndarray = FARTHEST,
) -> np.ndarray:
    """Return where the log density is largest, from gradients by central differences; ``names`` are for messages.

    The search ends when a step gains less than ``near``; ``farthest`` is how far above the start it may end, for all or
    ``(dim,)``.

    Raises
    ------
    FitError
        Where the density has no maximum within reach: the posterior may be improper.
    """
    from scipy.optimize import minimize

    dim = len(start)
    shifts = np.concatenate([np.zeros((1, dim)), GRADIENT_STEP * np.eye(dim), -GRADIENT_STEP * np.eye(dim)])

    def value_and_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        found = density(x + shifts)
        if not np.isfinite(found[0]):
            return 1e300, np.zeros(dim)
        up, down = found[1 : dim + 1], found[dim + 1 :]
        # At the edge of a bounded prior only one side has a density.
        high, low = np.where(np.isfinite(up), up, found[0]), np.where(np.isfinite(down), down, found[0])
        sides = np.isfinite(up).astype(float) + np.isfinite(down)
        return -float(found[0]), -(high - low) / (GRADIENT_STEP * np.maximum(sides, 1.0))

    last = np.inf

    def enough(intermediate_result: Any) -> None:
        nonlocal last
        if last - intermediate_result.fun < near:
            raise StopIteration
        last = intermediate_result.fun

    options = {"gtol": 1e-3, "maxiter": 200}
    result = minimize(value_and_slope, start, jac=True, method="BFGS", options=options, callback=enough)
    if np.abs(result.jac).max() > 1.0 and result.nit < 2:
        # The first step left the region where the density is finite; a search without gradients goes to its edge.
        result = minimize(lambda x: value_and_slope(x)[0], start, method="Nelder-Mead", options={"maxiter": 400 * dim})
    mode = np.asarray(result.x)
    lost = ~((mode - start < farthest) & (mode - start > -DEEPEST))
    if not np.isfinite(result.fun) or result.fun >= 1e300 or lost.any():
        which = ", ".join(f"'{n}'" for n, out in zip(names, lost, strict=False) if out) or "the scales"
        raise UnexploredError(IMPROPER.format(which))
    return mode


def refuse_what_does_not_fall_off(
    density: Density, mode: np.ndarray, start: np.ndarray, scales: np.ndarray, names: tuple[str, ...]
) -> None:
    r"""Raise where the log density of a log scale does not fall off below what the search called its mode.

    With noise :math:`s` and :math:`r` more rows than coefficients that reproduce the response, the density of :math:`\log s` goes
    like :math:`s^{1 - r}`: a straight line on logs, on which a search ends anywhere.

    Parameters
    ----------
    density
        The log density by log scales.
    mode, start
        Where the search ended and began, ``(dim,)``.
    scales
        Which coordinates to look at, ``(dim,)``.
    names
        Theirs, for the message.
    """
    for k in np.flatnonzero(scales):
        steps = np.arange(LOWER_TAIL_STEPS + 1)
        points = np.repeat(mode[None], len(steps), axis=0)
        points[:, k] -= steps
        points = points[points[:, k] > start[k] - DEEPEST]
        with np.errstate(invalid="ignore"):  # Beyond a prior's bounds the density is 0, from point to point.
            endless = len(points) > 1 and (np.diff(density(points)) > MIN_DECREASE).all()
        if endless:
            raise UnexploredError(IMPROPER.format(f"'{names[k]}'"))


def curvature(density: Density, mode: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor ``(dim, dim)`` of the inverse negative Hessian at the mode.

    Directions in which the density does not fall off get a standard deviation of 2.
    """
    return _derivatives(density, mode)[1]


def newton(density: Density, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mode by one step of Newton's method from near it, and the curvature's factor; search where that is far."""
    slope, factor = _derivatives(density, near)
    step = factor.T @ slope
    if step @ step > LARGEST_STEP**2:
        mode = find_mode(density, near)
        return mode, curvature(density, mode)
    return near + factor @ step, factor


def _derivatives(density: Density, mode: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient ``(dim,)`` and the curvature's factor, from the same points."""
    dim, h = len(mode), CURVATURE_STEP
    steps, places = [np.zeros(dim)], {}
    for i in range(dim):
        for j in range(i + 1):
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)) if i != j else ((1, 0), (-1, 0)):
                step = np.zeros(dim)
                step[i] += a * h
                step[j] += b * h
                places[i, j, a, b] = len(steps)
                steps.append(step)
    found = density(mode + np.array(steps))
    # Beyond the edge of a bounded prior: as if it fell off steeply.
    found = np.where(np.isfinite(found), found, found[0] - 1.0)
    slope, hessian = np.empty(dim), np.empty((dim, dim))
    for i in range(dim):
        for j in range(i + 1):
            if i == j:
                slope[i] = (found[places[i, i, 1, 0]] - found[places[i, i, -1, 0]]) / (2 * h)
                value = (found[places[i, i, 1, 0]] + found[places[i, i, -1, 0]] - 2 * found[0]) / h**2
            else:
                signs = sum(a * b * found[places[i, j, a, b]] for a in (1, -1) for b in (1, -1))
                value = signs / (4 * h**2)
            hessian[i, j] = hessian[j, i] = value
    values, vectors = np.linalg.eigh(-hessian)
    values = np.maximum(values, 0.25)
    return slope, np.linalg.cholesky(vectors / values @ vectors.T)


def fit_mixture(
    points: np.ndarray, weights: np.ndarray, components: int, freedom: float, rng: np.random.Generator
) -> Mixture:
    """Return a mixture of t distributions fitted to weighted points ``(n, dim)`` by a few steps of EM."""
    dim = points.shape[1]
    mean = weights @ points
    centred = points - mean
    whole = (centred * weights[:, None]).T @ centred + 1e-8 * np.eye(dim)
    start = rng.choice(len(points), size=components, p=weights)
    mixture = Mixture(
        np.full(components, 1 / components),
        points[start] if components > 1 else mean[None],
        np.repeat(np.linalg.cholesky(whole)[None], components, axis=0),
        np.full(components, freedom),
    )
    for _ in range(8 if components > 1 else 4):
        density, distance = mixture.parts(points)
        share = np.exp(density - log_sum(density)) * weights
        mass = share.sum(axis=1)
        tail = share * (freedom + dim) / (freedom + distance)
        total = np.maximum(tail.sum(axis=1), 1e-300)
        means = tail @ points / total[:, None]
        scatter = (points.T[None] * tail[:, None]) @ points - total[:, None, None] * means[:, :, None] * means[:, None]
        # A little of the whole cloud's shape keeps small components from collapsing.
        prior = 0.02
        factors = np.linalg.cholesky((scatter + prior * whole) / (mass + prior)[:, None, None])
        mixture = Mixture((mass + 1e-6) / (mass + 1e-6).sum(), means, factors, mixture.freedoms)
    return mixture


def with_guard(mixture: Mixture, guard: Mixture, share: float) -> Mixture:
    """Return the mixture with ``share`` of a wide component, so that no tail is left uncovered."""
    return Mixture(
        np.concatenate([(1 - share) * mixture.weights, share * guard.weights]),
        np.concatenate([mixture.means, guard.means]),
        np.concatenate([mixture.factors, guard.factors]),
        np.concatenate([mixture.freedoms, guard.freedoms]),
        guard.folded,
    )


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
) -> Adapted:
    """Return a proposal fitted in rounds of ``sizes`` points; it stops early when the fit is good.

    ``foldable`` ``(dim,)`` says which coordinates stand for a scale by their absolute value; the others are correlations.
    """
    sds = np.sqrt((factor**2).sum(axis=1))
    near = np.flatnonzero(foldable & (np.abs(mode) < NEAR * sds))
    # The sum over signs doubles with every folded coordinate; beyond a few the nearest to 0 are folded.
    folded = tuple(sorted(near[np.argsort(np.abs(mode[near]) / sds[near])][:MOST_FOLDED].tolist()))
    # A correlation falls back to its prior where a scale it belongs to is near 0: wider than at the mode.
    wide = 2.0 * factor @ factor.T + np.diag(np.where(foldable, 0.0, 0.5**2))
    # Far wider, with tails heavier than those of priors with three degrees of freedom: where the rows say little of two scales
    # that go together, the posterior has the priors' tails, and a light guard leaves them out without a trace.
    guard = replace(single(mode, GUARD_WIDER * np.linalg.cholesky(wide), GUARD_FREEDOM), folded=folded)
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
        if better is not None and better[1] >= efficiency:
            final, efficiency = better
        else:
            final = proposal
        if efficiency > GOOD:
            break
    return Adapted(final, points, log_p, log_w, efficiency)


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
    most = int(np.clip(effective / (20 * dim), 1, 6))
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
