"""Coefficients integrated out exactly: only scales and correlations are explored, the rest is drawn back given them.

For a Gaussian response with an identity link every coefficient is part of one linear Gaussian system. Its marginal
likelihood has a handful of arguments, so a proposal fitted to it is nearly the posterior itself: the mode and the curvature
there, then mixtures of t distributions fitted to importance weights. Independence Metropolis chains make the draws exact in
the sense in which any Markov chain is, and the Pareto k-hat of the weights says whether the proposal covers the posterior. The
coefficients are then drawn from their exact conditional distribution, anew for every draw.

References
----------
Cappé, Douc, Guillin, Marin and Robert (2008), doi:10.1007/s11222-008-9059-x. Vehtari, Simpson, Gelman, Yao and Gabry (2024),
Pareto smoothed importance sampling, JMLR 25(72). Gelfand, Sahu and Carlin (1995), doi:10.1093/biomet/82.3.479.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayesdeep.core.draws import Draws, Engine, Progress, Target
from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import LinearSystem

from ._crossed import Crossed
from ._gaussian import KHAT_LIMIT, importance_weights
from ._hyper import Coordinates, Scales, log_prior, scales_of, start_of
from ._independence import accept
from ._plan import plan
from ._proposal import Adapted, adapt, curvature, find_mode

DEAR = 2e-3
"""Seconds an evaluation from which proposals are not made in plenty."""

PATIENCE = 15.0
"""Seconds for evaluations up to which every draw gets hyperparameters of its own."""

LEAST_DISTINCT = 1400
"""Distinct values of the hyperparameters where each costs a large factorisation."""


@dataclass(frozen=True)
class CollapsedSettings:
    """Options of the collapsed engine.

    Attributes
    ----------
    draws, chains
        Kept draws of each chain, and the number of chains.
    distinct
        Values of the hyperparameters in all; each is kept for as many draws in a row as it takes, with coefficients drawn
        anew. None: one a draw, unless each costs a large factorisation.
    """

    draws: int = 1000
    chains: int = 4
    distinct: int | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "chains"):
            if getattr(self, name) < 1:
                raise FitError(f"collapsed: {name} must be at least 1, not {getattr(self, name)}")
        if self.distinct is not None and self.distinct < self.chains:
            raise FitError(f"collapsed: distinct is {self.distinct}; give at least one value a chain, {self.chains}")


def run(settings: CollapsedSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Explore and draw; see :class:`bayesdeep.core.draws.Engine`."""
    began = time.perf_counter()
    system: LinearSystem = target.system  # type: ignore[attr-defined]
    rng = np.random.default_rng(seed)
    solver = plan(system)

    if system.dim == 0:
        return _without_hyperparameters(settings, system, solver, rng, time.perf_counter() - began)
    ready = time.perf_counter()
    posterior, mode, factor, each = _centre(system, solver, progress)
    foldable = ~np.isnan(posterior.coordinates.units)
    sizes = (40 * system.dim,) * 2 if each > DEAR else (500, 1000, 2000, 2000)
    adapted = adapt(posterior.density, mode, factor, foldable, sizes, rng)
    tuned = time.perf_counter()
    explore = _sequential if isinstance(solver, Crossed) else _at_once
    positions, coefficients, lp, accepted, log_weights = explore(
        settings, posterior, adapted, each, rng, progress
    )
    khat = importance_weights(log_weights.ravel())[1]
    done = time.perf_counter()
    progress.update(100, 100)
    good = khat < KHAT_LIMIT
    advice = () if good else (_advice(khat),)
    weights = np.exp(log_weights.ravel() - logsumexp(log_weights.ravel()))
    return Draws(
        positions=positions,
        stats={"lp": lp, "accepted": accepted},
        exact=True,
        status="ok" if good else "doubtful",
        advice=advice,
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=tuned - ready,
        seconds_sample=done - tuned,
        details={
            "explored_by": "importance proposals and independence Metropolis chains",
            "khat": float(khat),
            "efficiency": float(1.0 / (weights**2).sum() / len(weights)),
            "seconds_per_evaluation": float(each),
        },
        coefficients=coefficients,
    )


@dataclass(frozen=True)
class _Posterior:
    """The marginal posterior of the hyperparameters in the coordinates in which proposals are made."""

    system: LinearSystem
    solver: Any
    coordinates: Coordinates

    def density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at ``(batch, dim)``; minus infinity where there is none."""
        with np.errstate(all="ignore"):
            found = self.solver.log_likelihood(self.scales(points)) + self.beside(points)
        return np.where(np.isnan(found), -np.inf, found)

    def beside(self, points: np.ndarray) -> np.ndarray:
        """Return the part that is not the likelihood: the prior and the Jacobian."""
        prior = log_prior(self.system, self.coordinates.to_system(points))
        return prior + self.coordinates.log_jacobian(self.system, points)

    def scales(self, points: np.ndarray) -> Scales:
        """Return the scales at ``(batch, dim)``."""
        return scales_of(self.system, self.coordinates.to_system(points))


def _centre(system: LinearSystem, solver: Any, progress: Progress) -> tuple[_Posterior, np.ndarray, np.ndarray, float]:
    """Return the posterior in good coordinates, its mode, the curvature's factor there, and seconds an evaluation."""
    progress.update(0, 100, "mode")
    own = np.full(system.dim, np.nan)
    on_logs = _Posterior(system, solver, Coordinates(own))
    start = start_of(system)
    _check_start(on_logs.density(start[None]))
    mode = find_mode(on_logs.density, start)
    is_scale = np.array([h.kind == "scale" for h in system.hyperparameters])
    posterior = _Posterior(system, solver, Coordinates(np.where(is_scale, np.exp(mode), np.nan)))
    centre = find_mode(posterior.density, posterior.coordinates.from_system(mode))
    centre = np.where(is_scale, np.abs(centre), centre)
    before = time.perf_counter()
    factor = curvature(posterior.density, centre)
    each = (time.perf_counter() - before) / (1 + 2 * system.dim**2)
    progress.update(5, 100, "proposal")
    return posterior, centre, factor, each


def _check_start(value: np.ndarray) -> None:
    if not np.isfinite(value).all():
        raise FitError(
            "collapsed: the marginal likelihood is not finite at likely values of the scales. With flat priors, columns "
            "that are combinations of each other have this effect; leave one out or give them proper priors"
        )


def _advice(khat: float) -> str:
    return (
        f"The proposal does not cover the posterior of the scales well (Pareto k-hat {khat:.2f}, limit {KHAT_LIMIT}). Look "
        "at R-hat and the effective sample sizes, or fit with method='nuts'."
    )


def _at_once(
    settings: CollapsedSettings,
    posterior: _Posterior,
    adapted: Adapted,
    each: float,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Evaluate all proposals at once, run the chains over them, and draw the coefficients of where they are."""
    chains, draws = settings.chains, settings.draws
    repeat = _repeat(settings, each)
    steps = -(-draws // repeat)
    rejected = min(0.9, max(0.02, 1.0 - np.sqrt(max(adapted.efficiency, 0.01))))
    thin = 1 if repeat > 1 else int(np.clip(np.ceil(np.log(0.03) / np.log(rejected)), 1, 4))
    points = adapted.proposal.draw(chains * steps * thin, rng)
    log_p = np.empty(len(points))
    block = max(posterior.solver.step * 8, 1)
    for i in range(0, len(points), block):
        log_p[i : i + block] = posterior.density(points[i : i + block])
        progress.update(20 + int(50 * i / len(points)), 100, "evaluating")
    log_w = (log_p - adapted.proposal.log_density(points)).reshape(chains, -1)
    begin = _begin(adapted, chains, rng)
    states = accept(log_w, adapted.log_weights[begin], rng)[:, thin - 1 :: thin]
    grid = points.reshape(chains, steps * thin, -1)
    rows = np.arange(chains)[:, None]
    positions = np.where((states < 0)[..., None], adapted.points[begin][:, None], grid[rows, states])
    lp = np.where(states < 0, adapted.log_density[begin][:, None], log_p.reshape(chains, -1)[rows, states])
    moved = np.concatenate([states[:, :1] >= 0, states[:, 1:] != states[:, :-1]], axis=1)
    positions = np.repeat(positions, repeat, axis=1)[:, :draws]
    lp, moved = (np.repeat(v, repeat, axis=1)[:, :draws] for v in (lp, moved))
    progress.update(70, 100, "coefficients")
    flat = positions.reshape(chains * draws, -1)
    coefficients = tuple(
        v.reshape(chains, draws, *v.shape[1:]) for v in posterior.solver.draw(posterior.scales(flat), rng)
    )
    positions = posterior.coordinates.to_system(flat).reshape(positions.shape)
    return positions, coefficients, lp, moved, log_w


def _sequential(
    settings: CollapsedSettings,
    posterior: _Posterior,
    adapted: Adapted,
    each: float,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Run the chains proposal by proposal, so that a large factorisation serves its value and its draws."""
    system, solver = posterior.system, posterior.solver
    chains, draws = settings.chains, settings.draws
    repeat = _repeat(settings, each)
    steps = -(-draws // repeat)
    sizes = [(system.columns,), *((f.levels, f.width) for f in system.factors)]
    out = tuple(np.empty((chains, draws, *size)) for size in sizes)
    positions = np.empty((chains, draws, system.dim))
    lp, moved = np.empty((chains, draws)), np.zeros((chains, draws), dtype=bool)
    log_w = np.empty((chains, steps))
    begin = _begin(adapted, chains, rng)
    for c in range(chains):
        point, value, weight = adapted.points[begin[c]], adapted.log_density[begin[c]], adapted.log_weights[begin[c]]
        kept = solver.factor(posterior.scales(point[None]))
        for t, proposed in enumerate(adapted.proposal.draw(steps, rng)):
            factored = solver.factor(posterior.scales(proposed[None]))
            there = factored.value + float(posterior.beside(proposed[None])[0])
            log_w[c, t] = there - float(adapted.proposal.log_density(proposed[None])[0])
            span = slice(t * repeat, min((t + 1) * repeat, draws))
            if log_w[c, t] - weight >= np.log(rng.random()):
                point, value, weight, kept = proposed, there, log_w[c, t], factored
                moved[c, span] = True
            positions[c, span], lp[c, span] = point, value
            solver.fill(kept, span.stop - span.start, rng, [o[c, span] for o in out])
            progress.update(c * steps + t + 1, chains * steps, "drawing")
    positions = posterior.coordinates.to_system(positions.reshape(-1, system.dim)).reshape(positions.shape)
    return positions, out, lp, moved, log_w


def _begin(adapted: Adapted, chains: int, rng: np.random.Generator) -> np.ndarray:
    """Return which of the proposal's points the chains start from: drawn by importance, so that none has to warm up."""
    weights = np.exp(adapted.log_weights - logsumexp(adapted.log_weights))
    return rng.choice(len(weights), size=chains, p=weights)


def _repeat(settings: CollapsedSettings, each: float) -> int:
    """Return for how many draws in a row hyperparameters are kept."""
    total = settings.chains * settings.draws
    if settings.distinct is not None:
        return max(1, total // settings.distinct)
    return 1 if each * total < PATIENCE else max(1, total // LEAST_DISTINCT)


def _without_hyperparameters(
    settings: CollapsedSettings, system: LinearSystem, solver: Any, rng: np.random.Generator, seconds: float
) -> Draws:
    """Draw from a posterior that is Gaussian as it stands."""
    began = time.perf_counter()
    chains, draws = settings.chains, settings.draws
    positions = np.zeros((chains, draws, 0))
    scales = scales_of(system, positions.reshape(chains * draws, 0))
    value = solver.log_likelihood(scales.take(slice(0, 1)))
    _check_start(value)
    flat = solver.draw(scales, rng)
    return Draws(
        positions=positions,
        stats={"lp": np.full((chains, draws), value[0])},
        exact=True,
        seconds_compile=seconds,
        seconds_sample=time.perf_counter() - began,
        details={"explored_by": "independent draws: nothing but coefficients is unknown"},
        coefficients=tuple(v.reshape(chains, draws, *v.shape[1:]) for v in flat),
    )


ENGINE = Engine(
    name="collapsed",
    title="collapsed: coefficients integrated out",
    exact=True,
    settings=CollapsedSettings,
    run=run,
    needs=frozenset({"linear"}),
)
