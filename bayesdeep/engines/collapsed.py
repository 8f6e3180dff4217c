"""Coefficients integrated out exactly: only scales and correlations are explored, the rest is drawn back given them.

For a Gaussian response with an identity link every coefficient is part of one linear Gaussian system. Its marginal
likelihood has a handful of arguments, so a proposal fitted to it is nearly the posterior itself: the mode and the curvature
there, then mixtures of t distributions fitted to importance weights. Independence Metropolis chains make the draws exact in
the sense in which any Markov chain is, and the Pareto k-hat of the weights says whether the proposal covers the posterior; where
it does not, slices come between proposals (:mod:`bayesdeep.linear.sliced_chains`), and NUTS where these do not mix. The
coefficients are then drawn from their exact conditional distribution, anew for every draw. Where there are many scales and few
enough coefficients, scales are drawn one after another instead (:mod:`bayesdeep.linear.scale_sweeps`).

References
----------
Cappé, Douc, Guillin, Marin and Robert (2008), doi:10.1007/s11222-008-9059-x. Vehtari, Simpson, Gelman, Yao and Gabry (2024),
Pareto smoothed importance sampling, JMLR 25(72). Gelfand, Sahu and Carlin (1995), doi:10.1093/biomet/82.3.479.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import LinearSystem
from bayesdeep.core.registry import ENGINES
from bayesdeep.linear.crossed import Crossed
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.explore import Explored, Plan, batched_chains, sequential_chains
from bayesdeep.linear.hyperparameters import Coordinates, bounded_at_zero, in_units, scales_of, start_of
from bayesdeep.linear.marginal import Posterior
from bayesdeep.linear.marginal_target import MarginalTarget
from bayesdeep.linear.mixture import log_sum
from bayesdeep.linear.mode import curvature, find_mode, newton, refuse_what_does_not_fall_off
from bayesdeep.linear.principal_axes import in_principal_axes
from bayesdeep.linear.proposal import TAILS_OF_PRIORS, adapt
from bayesdeep.linear.scale_sweeps import TUNING, applies, swept_chains
from bayesdeep.linear.sliced_chains import enough, have_mixed, sliced_chains
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.psis import KHAT_LIMIT

from ._weighted_draws import importance_weights

EXPENSIVE_SECONDS = 2e-3
"""Seconds an evaluation from which proposals are not made in plenty."""

NEAR_ENOUGH = 0.05
"""What a step of the search for the mode must gain in log density to go on, where evaluations are dear."""

MIN_PROPOSALS_PER_ROUND = 300
"""Fewest proposals of a round where they cost next to nothing."""

LEAST_EFFICIENCY, FAIR = 0.2, 0.6
"""Effective over actual number of proposals: below the first another way is taken, below the second another attempt made."""

ENOUGH_EFFECTIVE = 1000.0
"""Effective number of proposals that is enough where evaluations are dear, though more of them could be effective."""

MOST_TUNING = 400
"""Tuning draws of the chain that stands in for proposals: its coordinates are whitened already."""

MAX_RELATIVE_WEIGHT, LONGEST_STAY = 10.0, 0.05
"""A largest weight, in units of the mean, at which no tail is left to be missed, whatever its shape: nearly constant weights
have a Pareto k-hat without a meaning. And the share of its length that a chain may stay at one point: where it stays longer, the
next tail has not been seen, whatever the k-hat of the points that were."""

ATTEMPTS = 3
"""Times a proposal is made anew, with more points, while the Pareto k-hat says that it misses some of the posterior."""

FULL_CHAIN_SECONDS = 15.0
"""Seconds for all evaluations up to which every draw gets hyperparameters of its own."""

LEAST_DISTINCT = 1350
"""Distinct values of the hyperparameters where each costs a large factorisation."""


@dataclass(frozen=True)
class CollapsedSettings:
    """Options of the collapsed engine.

    Attributes
    ----------
    draws, chains
        Kept draws of each chain, and the number of chains.
    tune
        Tuning draws of each chain where the scales are explored by NUTS, because no proposal covers their posterior.
    distinct
        Values of the hyperparameters in all; each is kept for as many draws in a row as it takes, with coefficients drawn
        anew. None: one a draw, unless each costs a large factorisation.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    distinct: int | None = None

    def __post_init__(self) -> None:
        check_counts(self, "collapsed", draws=1, tune=0, chains=1)
        if self.distinct is not None and self.distinct < self.chains:
            raise FitError(f"collapsed: distinct is {self.distinct}; give at least one value a chain, {self.chains}")


def run(settings: CollapsedSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Explore and draw; see :class:`bayesdeep.core.draws.Engine`."""
    # The matrices are small or worked on by several threads of our own: more threads of BLAS would only get in the way.
    began = time.perf_counter()
    with threadpool_limits(1), under("collapsed"):
        turned = in_principal_axes(target.system)
        draws = _run(settings, turned.system, seed, progress, target.seconds_compile - began)
    return replace(draws, coefficients=turned.back(draws.coefficients or ()))


def _run(settings: CollapsedSettings, system: LinearSystem, seed: int, progress: Progress, compiling: float) -> Draws:
    """Explore and draw; ``compiling`` are seconds that went into the target, less the time when this began."""
    rng = np.random.default_rng(seed)
    solver = plan(system)

    if system.dim == 0:
        return _without_hyperparameters(settings, system, solver, rng, compiling + time.perf_counter())
    ready = time.perf_counter()
    if applies(system):
        return _by_sweeps(settings, system, rng, progress, compiling + ready)
    posterior, mode, factor = _centre(system, solver, progress)
    each = solver.seconds
    foldable = ~np.isnan(posterior.coordinates.units)
    rounds = (45, 45) if each > EXPENSIVE_SECONDS else (150, 150, 300, 600)
    sizes = tuple(max(MIN_PROPOSALS_PER_ROUND if each < EXPENSIVE_SECONDS else 100, count * system.dim) for count in rounds)
    steps = _steps(settings, each)
    made = settings.chains * steps.steps * steps.thin
    fair = min(FAIR, ENOUGH_EFFECTIVE / made) if each > EXPENSIVE_SECONDS else FAIR
    tuning = 0.0
    for attempt in range(1 if isinstance(solver, Crossed) else ATTEMPTS):
        before = time.perf_counter()
        adapted = adapt(posterior.proposed, mode, factor, foldable, sizes, rng, TAILS_OF_PRIORS)
        tuning += time.perf_counter() - before
        explore = sequential_chains if isinstance(solver, Crossed) else batched_chains
        found = explore(steps, posterior, adapted, rng, progress)
        khat = importance_weights(found.log_weights)[1]
        weights = np.exp(found.log_weights - log_sum(found.log_weights))
        efficiency = float(1.0 / (weights**2).sum() / len(weights))
        largest = weights.max() * len(weights)
        short = each > EXPENSIVE_SECONDS or largest < LONGEST_STAY * steps.steps * steps.thin
        covered = ((short and khat < KHAT_LIMIT) or largest < MAX_RELATIVE_WEIGHT) and efficiency > LEAST_EFFICIENCY
        if (covered and efficiency > fair) or found.interrupted:
            break
        # A tail that no point of the earlier rounds fell into; with more points it is seen.
        sizes = tuple((2 + attempt) * size for size in sizes)
    how = "importance proposals and independence Metropolis chains"
    details = {"khat": float(khat), "largest_weight": float(weights.max() * len(weights))}
    values_per_draw = steps.steps / settings.draws
    doubtful = not covered or (efficiency < FAIR and not enough(found))
    if doubtful and not found.interrupted and each < EXPENSIVE_SECONDS:
        few, most = _few(settings), 1 if efficiency > FAIR else system.dim
        for times in (1, 3):
            longer = replace(few, steps=min(settings.draws, times * few.steps))
            found = sliced_chains(longer, posterior, adapted, most, rng, progress)
            values_per_draw = longer.steps / settings.draws
            if found.interrupted or have_mixed(found):
                break
        how, covered = "slices along the principal axes between proposals, since these alone did not cover it", True
        if not found.interrupted and not have_mixed(found):
            before = time.perf_counter()
            seeded = int(rng.integers(2**32))
            found, share = _by_chain(settings, MarginalTarget(posterior, mode, factor), seeded, rng, progress)
            tuning += (time.perf_counter() - before) * share
            values_per_draw = 1.0
            how = "NUTS on the marginal density, since neither proposals nor slices covered it"
    done = time.perf_counter()
    progress.update(100, 100)
    return Draws(
        positions=found.positions,
        stats=found.stats,
        exact=True,
        status="interrupted" if found.interrupted else "ok" if covered else "doubtful",
        advice=_advice(covered, khat, found),
        seconds_compile=compiling + ready,
        seconds_tune=tuning,
        seconds_sample=done - ready - tuning,
        details={
            "explored_by": how,
            **details,
            "efficiency": efficiency,
            "evaluations": float(len(weights) + len(adapted.points)),
            "seconds_per_evaluation_expected": float(each),
            "values_per_draw": values_per_draw,
        },
        coefficients=found.coefficients,
    )


def _by_sweeps(
    settings: CollapsedSettings, system: LinearSystem, rng: np.random.Generator, progress: Progress, compiling: float
) -> Draws:
    """Draw one scale after another, where there are so many that no proposal for all of them is close."""
    began = time.perf_counter()
    steps = _few(settings)
    start = start_of(system)
    _check_start(Posterior(system, plan(system), Coordinates(np.full(system.dim, np.nan))).density(start[None]))
    found = swept_chains(steps, system, start, rng, progress)
    progress.update(100, 100)
    spent = time.perf_counter() - began
    tuning = spent * TUNING / (TUNING + steps.steps)
    return Draws(
        positions=found.positions,
        stats=found.stats,
        exact=True,
        status="interrupted" if found.interrupted else "ok",
        advice=_advice(True, 0.0, found),
        seconds_compile=compiling,
        seconds_tune=tuning,
        seconds_sample=spent - tuning,
        details={
            "explored_by": "sweeps over the scales, one after another, the coefficients integrated out",
            "values_per_draw": steps.steps / settings.draws,
        },
        coefficients=found.coefficients,
    )


def _centre(system: LinearSystem, solver: Any, progress: Progress) -> tuple[Posterior, np.ndarray, np.ndarray]:
    """Return the posterior in good coordinates, its mode, and the curvature's factor there."""
    progress.update(0, 100, "mode")
    own = np.full(system.dim, np.nan)
    on_logs = Posterior(system, solver, Coordinates(own))
    start = start_of(system)
    _check_start(on_logs.density(start[None]))
    names = tuple(h.name for h in system.hyperparameters)
    dear = solver.seconds > EXPENSIVE_SECONDS
    mode = find_mode(on_logs.density, start, names, NEAR_ENOUGH if dear else 0.0)
    if not dear:
        scales = np.array([h.kind == "scale" for h in system.hyperparameters])
        refuse_what_does_not_fall_off(on_logs.density, mode, start, scales, names)
    is_scale = np.array([h.kind == "scale" and bounded_at_zero(h) for h in system.hyperparameters])
    posterior = Posterior(system, solver, in_units(system, np.where(is_scale, np.exp(mode), np.nan)))
    centre = posterior.coordinates.from_system(mode)
    if dear:
        centre, factor = newton(posterior.density, centre)
        centre = np.where(is_scale, np.abs(centre), centre)
    else:
        centre = find_mode(posterior.density, centre, names)
        centre = np.where(is_scale, np.abs(centre), centre)
        factor = curvature(posterior.density, centre)
    progress.update(5, 100, "proposal")
    return posterior, centre, factor


def _by_chain(
    settings: CollapsedSettings, target: MarginalTarget, seed: int, rng: np.random.Generator, progress: Progress
) -> tuple[Explored, float]:
    """Explore the hyperparameters by NUTS; also return the share of the time that went into tuning."""
    nuts, posterior = ENGINES["nuts"], target.posterior
    tune = min(settings.tune, MOST_TUNING)
    chain = nuts.run(nuts.settings(draws=settings.draws, tune=max(tune, 1), chains=settings.chains), target, seed, progress)
    points = target.place(chain.positions)
    shape, flat = points.shape[:2], points.reshape(-1, target.dim)
    coefficients = tuple(v.reshape(*shape, *v.shape[1:]) for v in posterior.solver.draw(posterior.scales(flat), rng))
    positions = posterior.coordinates.to_system(flat).reshape(points.shape)
    spent = chain.seconds_tune + chain.seconds_sample
    made = Explored(positions, coefficients, dict(chain.stats), np.zeros(0), chain.status == "interrupted")
    return made, chain.seconds_tune / spent if spent > 0 else 0.0


def _check_start(value: np.ndarray) -> None:
    if not np.isfinite(value).all():
        raise FitError(
            "collapsed: the marginal likelihood is not finite at likely values of the scales. With flat priors, columns "
            "that are combinations of each other have this effect; leave one out or give them proper priors"
        )


def _advice(covered: bool, khat: float, found: Explored) -> tuple[str, ...]:
    advice = []
    if found.interrupted:
        chains, draws = found.positions.shape[:2]
        advice.append(f"Drawing was interrupted; {chains} chains of {draws} draws are kept.")
    if not covered:
        advice.append(
            f"The proposal does not cover the posterior of the scales well (Pareto k-hat {khat:.2f}, limit {KHAT_LIMIT}). "
            "Look at R-hat and the effective sample sizes, or fit with method='nuts'."
        )
    return tuple(advice)


def _steps(settings: CollapsedSettings, each: float) -> Plan:
    """Return how many values of the hyperparameters to make for the draws."""
    total = settings.chains * settings.draws
    if settings.distinct is not None:
        return Plan(settings.chains, settings.draws, min(settings.draws, settings.distinct // settings.chains))
    if each * total < FULL_CHAIN_SECONDS:
        # Where values are cheap, two steps a draw: successive draws are then hardly ever the same.
        return Plan(settings.chains, settings.draws, settings.draws, 2 if each * total < 1.0 else 1)
    return _few(settings)


def _few(settings: CollapsedSettings) -> Plan:
    """Return the plan where each value costs so much that it serves several draws."""
    wanted = LEAST_DISTINCT if settings.distinct is None else settings.distinct
    return Plan(settings.chains, settings.draws, min(settings.draws, -(-wanted // settings.chains)))


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
    takes=frozenset({"several", "neighbours", "related"}),
    example={"draws": 500},
)
