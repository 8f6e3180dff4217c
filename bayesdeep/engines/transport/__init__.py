"""Counts, yes/no and other responses, exactly: coefficients through a Gaussian map that moves with their scales.

Given hyperparameters (standard deviations, correlations, parameters of the family) the coefficients are nearly normal. A map from
standard normal numbers follows them (:mod:`.moving_map`); what it leaves over is little, and is sampled exactly (:mod:`.moves`):
hyperparameters by independence proposals (:mod:`.proposals`) and a random walk, coefficients by Hamiltonian dynamics of a few
steps, and both together where groups tell little (:mod:`.scalings`). No funnel is left, since the map narrows where the
coefficients do, and no gradient by hyperparameters is needed.

Many short chains, called lanes, run side by side, each from a draw of Laplace's approximation: by loops in C that are built once
an installation, or in NumPy where there is no compiler. Nothing is compiled for a model. A chain of the result is some lanes one
after another. What warm-up tunes is frozen before the first kept draw, so that Laplace's approximation decides about speed only.
Where acceptance, R-hat or the spread of the coordinates say that the map does not fit, the result says so.

References
----------
Osmundsen, Kleppe and Liesenfeld (2021), doi:10.1080/10618600.2021.1923519. Shahbaba, Lan, Johnson and Neal (2014), Split
Hamiltonian Monte Carlo, Statistics and Computing 24, 339-349.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.core.errors import FitError
from bayesdeep.core.rowwise import RowSystem
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.mcmc import ess_bulk, ess_tail, rhat

from .._laplace.inner_newton import Inner
from .._laplace.marginal_posterior import Marginal, Shape, centred, fitted_proposal
from .lanes import Moved, Warm, possible, restarted, step
from .moves import Accepted, State, Tuning
from .moving_map import MovingMap, first_sites, floored
from .proposals import Proposals, turn

POINTS_PER_DIMENSION, MAX_POINTS = 250, 2_000
"""Values of the hyperparameters that the proposal is fitted to."""
MAX_PROPOSAL_SECONDS = 1.0
MIN_POINTS_PER_DIMENSION = 60
WORKING_SET = 400_000
"""Numbers that lanes hold at once by one step of the arithmetic."""
MAX_LANES_PER_CHAIN = 8
PHASES, MIN_PHASE, PHASE_DRAWS = 3, 20, 600
"""Phases of warm-up, between which the map is made anew; their fewest iterations, and the draws over all lanes they have."""
MOST_TUNING = 3
"""How many times as long warm-up may take where Laplace's approximation is far off, so that lanes have a way to go."""
LOW_ACCEPTANCE, HIGH_ACCEPTANCE, MAX_STEPS = 0.83, 0.985, 16
FEW_STEPS, HIGH_OF_MANY = 3, 0.92
"""Of trajectories: below the first they get more steps, above the second fewer; of more than a few steps above the last."""
POOR_INDEPENDENT, FAIR_INDEPENDENT, GOOD_INDEPENDENT = 0.25, 0.65, 0.8
"""Acceptance of independence proposals below which there are three, two and one random walk beside them, and from which none."""
SCALED_INDEPENDENT, SCALINGS, MANY_SCALINGS = 0.4, 3, 9
"""Acceptance of independence proposals below which there are tries of scaling, how many, and how many where they are accepted
poorly. Where half were accepted tries took a quarter of the time and gave no more independent draws a second (Arabidopsis)."""
WALK = 2.38
"""Of a random walk's step, in standard deviations over the square root of the dimension (Roberts, Gelman and Gilks 1997)."""
MAX_ROUNDS, MIN_EFFICIENCY, MIN_TAIL_EFFICIENCY = 3, 0.15, 0.11
"""Rounds of drawing, each as long as all before it together, that are made while lanes differ or effective draws, of the middle
or of the tails, are a smaller share of the kept ones; only every second draw is then kept, or every fourth."""
MIN_INDEPENDENT, MIN_TRAJECTORY, MAX_VARIANCE, MAX_RHAT = 0.2, 0.6, 6.0, 1.05
"""What must hold of the kept draws: mean acceptance of both kinds, the largest variance of a coordinate of z, and R-hat. Where
walks and scalings make up for proposals that are rarely accepted, as effective draws show, these are no fault."""


@dataclass(frozen=True)
class TransportSettings:
    """Options of the engine.

    Attributes
    ----------
    draws, chains
        Kept draws of each chain, and the number of chains.
    tune
        Iterations of warm-up of each chain, shared among its lanes.
    """

    draws: int = 1000
    tune: int = 450
    chains: int = 4

    def __post_init__(self) -> None:
        check_counts(self, "transport", draws=1, tune=1, chains=1)


def run(settings: TransportSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Sample; see :class:`bayesdeep.core.draws.Engine`."""
    with threadpool_limits(1), under("transport"):
        return _run(settings, target, seed, progress)


def _run(settings: TransportSettings, target: Any, seed: int, progress: Progress) -> Draws:
    began = time.perf_counter()
    rows: RowSystem = target.rows
    rng = np.random.default_rng(seed)
    inner = Inner.of(rows)
    marginal, shape = centred(inner, progress, "transport")
    lanes = _lanes(settings, inner)
    proposal, theta = _start(marginal, shape, settings.chains * lanes, rng)
    moving = MovingMap.of(marginal, first_sites(marginal, shape))
    state = _at(moving, theta, rng.standard_normal((moving.gaussian.layout.size, len(theta))))
    walk = WALK / np.sqrt(max(rows.system.dim, 1)) * (np.zeros((0, 0)) if shape is None else shape.factor)
    tuning, record = Tuning(2, walk), _Record(settings, lanes, rows)
    phase = max(MIN_PHASE, min(-(-settings.tune // PHASES), -(-PHASE_DRAWS // len(theta))))
    total, done, tuned, accepted = PHASES * phase + record.steps, 0, began, []
    proposals = Proposals(proposal, marginal.coordinates)
    try:
        number = 0
        while number < PHASES:
            warm = Warm(rows)
            for iteration in range(phase):
                moved = step(moving, state, tuning, turn(proposals.tried, iteration), rng, looking=True)
                state = moved.state
                warm.add(moving, moved)
                done += 1
                progress.update(min(95, 5 + int(95 * done / total)), 100, "tuning")
            independent = proposals.tuned(warm)
            tuning = _tuned(tuning, warm, independent, rows.system.dim)
            far = independent < POOR_INDEPENDENT and done < MOST_TUNING * PHASES * phase
            number += number == 0 or not far
            if number < PHASES:  # the last phase settles in the map that the draws are made with
                before, moving = moving, _refitted(moving, warm)
                state = restarted(state, moving, before)
        tuned = time.perf_counter()
        for number in range(MAX_ROUNDS):
            part = record if number == 0 else _Record(settings, lanes, rows)
            note = "drawing" if number == 0 else f"drawing, {2**number} times as many and thinned"
            for iteration in range(part.steps * part.apart(number)):
                moved = step(moving, state, tuning, turn(proposals.kept, iteration), rng)
                state = moved.state
                accepted.append(moved.accepted)
                if (iteration + 1) % part.apart(number) == 0:
                    part.add(moving, moved)
                done += 1
                progress.update(min(99, 5 + int(95 * done / total)), 100, note)
            record = part if number == 0 else record.joined(part)
            if record.enough():
                break
    except KeyboardInterrupt:
        if record.kept == 0:
            raise
    return _draws(settings, target, record, accepted, tuning, (began, tuned))


def _lanes(settings: TransportSettings, inner: Inner) -> int:
    """Return how many lanes a chain has: as many as memory next to a core holds, and no more than there are draws for."""
    most = WORKING_SET // max(inner.products.cost * settings.chains, 1)
    return int(np.clip(min(most, settings.draws // 50), 1, MAX_LANES_PER_CHAIN))


def _start(marginal: Marginal, shape: Shape | None, count: int, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """Return a proposal of hyperparameters, and ``count`` draws ``(lane, dim)`` of Laplace's approximation."""
    if shape is None:
        return None, np.zeros((count, 0))
    dim = len(shape.centre)
    affordable = int(MAX_PROPOSAL_SECONDS / marginal.inner.seconds)
    points = int(np.clip(affordable, MIN_POINTS_PER_DIMENSION * dim, min(POINTS_PER_DIMENSION * dim, MAX_POINTS)))
    adapted = fitted_proposal(marginal, shape, points, rng)
    weights = np.exp(adapted.log_weights - adapted.log_weights.max())
    chosen = rng.choice(len(weights), size=count, p=weights / weights.sum())
    return adapted.proposal, adapted.points[chosen]


def _at(moving: MovingMap, theta: np.ndarray, z: np.ndarray) -> State:
    """Return a state whose lanes are all possible: the others are put where the likeliest is."""
    found = possible(moving, State(theta, z, np.zeros(len(theta))))
    if not np.isfinite(found.log_density).all():
        raise FitError("transport: the posterior is not finite where Laplace's method says it is; use method='nuts'")
    return found


def _tuned(tuning: Tuning, warm: Warm, independent: float, dim: int) -> Tuning:
    """Return the steps of trajectories, and the random walk, after a phase."""
    acceptance, steps = warm.acceptance("trajectory"), tuning.steps
    if acceptance < LOW_ACCEPTANCE:
        steps = min(MAX_STEPS, steps + (1 if acceptance > 0.7 else 2 if acceptance > 0.4 else steps))
    elif acceptance > (HIGH_ACCEPTANCE if steps <= FEW_STEPS else HIGH_OF_MANY):
        steps = max(1, steps - 1)
    if dim == 0:
        return replace(tuning, steps=steps)
    theta = np.concatenate(warm.theta)
    covariance = np.atleast_2d(np.cov(theta.T)) + 1e-8 * np.eye(dim)
    walks = sum(independent < level for level in (POOR_INDEPENDENT, FAIR_INDEPENDENT, GOOD_INDEPENDENT))
    scalings = SCALINGS if independent < SCALED_INDEPENDENT else 0
    if independent < POOR_INDEPENDENT:
        scalings = MANY_SCALINGS
    return Tuning(steps, WALK / np.sqrt(dim) * np.linalg.cholesky(covariance), walks, scalings)


def _refitted(moving: MovingMap, warm: Warm) -> MovingMap:
    """Return the map through the rows' average parabolas."""
    weight = floored(warm.weight / warm.count)
    response = warm.slope / warm.count + weight * (warm.eta / warm.count - moving.sites.anchor)
    return moving.refitted(moving.sites.recentred(np.concatenate(warm.theta), weight, response), warm.stretch())


class _Record:
    """The kept draws of every lane."""

    def __init__(self, settings: TransportSettings, lanes: int, rows: RowSystem) -> None:
        self.settings, self.lanes, self.rows = settings, lanes, rows
        self.steps = -(-settings.draws // lanes)
        shape = (settings.chains * lanes, self.steps)
        system = rows.system
        self.positions, self.lp = np.empty((*shape, system.dim)), np.empty(shape)
        sizes = [(system.columns,), *((f.levels, f.width) for f in system.factors)]
        self.coefficients = [np.empty((*shape, *size)) for size in sizes]
        self.sums: list[np.ndarray | float] = [0.0, 0.0]
        self.kept = 0

    def add(self, moving: MovingMap, moved: Moved) -> None:
        """Keep a draw of every lane."""
        for kept, drawn in zip(self.coefficients, moved.effects, strict=True):
            kept[:, self.kept] = drawn
        z = moved.state.z
        self.sums = [self.sums[0] + z.sum(axis=1), self.sums[1] + np.einsum("ic,ic->i", z, z)]
        self.positions[:, self.kept] = moving.marginal.coordinates.to_system(moved.state.theta)
        self.lp[:, self.kept] = moved.state.log_density
        self.kept += 1

    def apart(self, number: int) -> int:
        """Return how many iterations apart a round's kept draws are: as many as those of all rounds before it are by now."""
        return max(1, 2 ** (number - 1))

    def joined(self, later: "_Record") -> "_Record":
        """Return every second of these draws and of as many that followed them."""
        found = _Record(self.settings, self.lanes, self.rows)

        def both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.concatenate([a, b], axis=1)[:, 1::2]

        found.positions, found.lp = both(self.positions, later.positions), both(self.lp, later.lp)
        found.coefficients = [both(a, b) for a, b in zip(self.coefficients, later.coefficients, strict=True)]
        found.sums = [0.5 * (a + b) for a, b in zip(self.sums, later.sums, strict=True)]
        found.kept = self.steps
        return found

    def seen(self) -> np.ndarray:
        """Return hyperparameters and population coefficients ``(lane, step, value)``."""
        return np.concatenate([self.positions[:, : self.kept], self.coefficients[0][:, : self.kept]], axis=2)

    def apartness(self) -> float:
        """Return the largest R-hat over lanes, which are as good as chains: those that stay apart show."""
        seen = self.seen()
        return float(np.max(rhat(seen))) if self.kept >= 4 and seen.shape[2] else 1.0

    def enough(self) -> bool:
        """Return whether the lanes agree, and a fair share of the draws is independent."""
        return self.apartness() <= MAX_RHAT and self.efficient()

    def efficient(self) -> bool:
        """Return whether a fair share of the draws is independent, in their middle and in their tails."""
        seen = self.by_chain(self.seen())
        if seen.shape[1] < 4 or not seen.shape[2]:
            return True
        draws = seen.shape[0] * seen.shape[1]
        bulk, tail = float(np.min(ess_bulk(seen))), float(np.min(ess_tail(seen)))
        return bulk >= MIN_EFFICIENCY * draws and tail >= MIN_TAIL_EFFICIENCY * draws

    def largest_variance(self) -> float:
        """Return the largest variance of a coordinate of ``z``, which is 1 where the map fits."""
        count = self.kept * self.settings.chains * self.lanes
        total, squared = self.sums
        return float(np.max(squared / count - (total / count) ** 2, initial=1.0))

    def by_chain(self, values: np.ndarray) -> np.ndarray:
        """Return ``(chain, draw, …)`` from ``(lane, step, …)``: a chain's lanes one after another."""
        values = values[:, : self.kept]
        joined = values.reshape(self.settings.chains, self.lanes * self.kept, *values.shape[2:])
        return joined[:, : self.settings.draws]


def _draws(
    settings: TransportSettings,
    target: Any,
    record: _Record,
    accepted: list[Accepted],
    tuning: Tuning,
    times: tuple[float, float],
) -> Draws:
    began, tuned = times
    interrupted = record.kept < record.steps
    means = {name: float(np.mean([getattr(a, name) for a in accepted])) for name in ("independent", "walk", "trajectory")}
    positions = record.by_chain(record.positions)
    variance = record.largest_variance()
    apart = record.apartness()
    doubts = []
    if positions.shape[2] and means["independent"] < MIN_INDEPENDENT and not record.efficient():
        doubts.append(f"proposals of the hyperparameters were accepted {means['independent']:.0%} of the time")
    if means["trajectory"] < MIN_TRAJECTORY:
        doubts.append(f"trajectories were accepted {means['trajectory']:.0%} of the time")
    if variance > MAX_VARIANCE:
        doubts.append(f"a coefficient is {variance:.3g} times as variable as the map has it")
    if apart > MAX_RHAT:
        doubts.append(f"lanes differ (R-hat {apart:.2f})")
    chains, draws = positions.shape[:2]
    advice = [f"Drawing was interrupted; {chains} chains of {draws} draws are kept."] if interrupted else []
    if doubts:
        advice.append(f"transport: {'; '.join(doubts)}. Fit with method='nuts'.")
    return Draws(
        positions=positions,
        stats={"lp": record.by_chain(record.lp)},
        exact=True,
        status="interrupted" if interrupted else "doubtful" if doubts else "ok",
        advice=tuple(advice),
        seconds_compile=target.seconds_compile,
        seconds_tune=tuned - began,
        seconds_sample=time.perf_counter() - tuned,
        details={
            **{f"acceptance_{name}": value for name, value in means.items()},
            "steps": float(tuning.steps),
            "lanes": float(record.lanes),
            "largest_variance": variance,
            "rhat_of_lanes": apart,
        },
        coefficients=tuple(record.by_chain(c) for c in record.coefficients),
    )


ENGINE = Engine(
    name="transport",
    title="transport: coefficients through a map that moves with their scales",
    exact=True,
    settings=TransportSettings,
    run=run,
    needs=frozenset({"rows"}),
    takes=frozenset({"neighbours"}),
    example={"draws": 500},
)
