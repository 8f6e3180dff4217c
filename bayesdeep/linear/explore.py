"""Independence chains over the hyperparameters, and the coefficients drawn back along them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.numerics.cores import machine_cores

from .independence import accept
from .marginal import Posterior
from .mixture import log_sum
from .proposal import Adapted


@dataclass(frozen=True)
class Plan:
    """How many chains and draws, and how many values of the hyperparameters for them.

    Attributes
    ----------
    steps
        Values a chain that are kept; fewer than draws where each costs a large factorisation and serves several.
    thin
        Steps made for each that is kept.
    """

    chains: int
    draws: int
    steps: int
    thin: int = 1

    def draws_of(self, step: int) -> slice:
        """Return the draws that a step serves."""
        return slice(-(-step * self.draws // self.steps), -(-(step + 1) * self.draws // self.steps))


@dataclass(frozen=True)
class Explored:
    """What the chains came to: every array is ``(chain, draw, …)``; ``log_weights`` are those of all proposals."""

    positions: np.ndarray
    coefficients: tuple[np.ndarray, ...]
    stats: dict[str, np.ndarray]
    log_weights: np.ndarray
    interrupted: bool


def batched_chains(plan: Plan, posterior: Posterior, adapted: Adapted, rng: np.random.Generator, progress: Progress) -> Explored:
    """Evaluate all proposals at once, run the chains over them, and draw the coefficients of where they are.

    An interrupt keeps the steps whose proposals have been evaluated.
    """
    chains, draws = plan.chains, plan.draws
    steps, thin = plan.steps, plan.thin
    # Step by step over all chains, so that a shorter run is one of shorter chains.
    points = adapted.proposal.draw(steps * thin * chains, rng)
    values, interrupted = np.full(len(points), -np.inf), False
    block = max(posterior.solver.step * 8, chains)
    evaluated = 0
    try:
        for i in range(0, len(points), block):
            values[i : i + block] = posterior.proposed(points[i : i + block])
            evaluated = min(i + block, len(points))
            progress.update(20 + int(50 * evaluated / len(points)), 100, "evaluating")
    except KeyboardInterrupt:
        interrupted = True
        steps = evaluated // (thin * chains)
        if steps == 0:
            raise
        draws = plan.draws_of(steps - 1).stop
    used = steps * thin * chains
    grid = points[:used].reshape(steps * thin, chains, -1).transpose(1, 0, 2)
    log_p = values[:used].reshape(steps * thin, chains).T
    log_w = log_p - adapted.proposal.log_density(grid.reshape(used, -1)).reshape(chains, -1)
    begin = started(adapted, chains, rng)
    states = accept(log_w, _weights_at(adapted, begin), rng)[:, thin - 1 :: thin]
    at_start, rows = states < 0, np.arange(chains)[:, None]
    positions = np.where(at_start[..., None], adapted.points[begin][:, None], grid[rows, states])
    lp = np.where(at_start, adapted.log_density[begin][:, None], log_p[rows, states])
    moved = np.concatenate([~at_start[:, :1], states[:, 1:] != states[:, :-1]], axis=1)
    serves = [plan.draws_of(t) for t in range(steps)]
    times = np.array([span.stop - span.start for span in serves])
    positions, lp, moved = (np.repeat(v, times, axis=1) for v in (positions, lp, moved))
    progress.update(70, 100, "coefficients")
    flat = positions.reshape(chains * draws, -1)
    coefficients = tuple(
        v.reshape(chains, draws, *v.shape[1:]) for v in posterior.solver.draw(posterior.scales(flat), rng)
    )
    positions = posterior.coordinates.to_system(flat).reshape(positions.shape)
    return Explored(positions, coefficients, {"lp": lp, "accepted": moved}, log_w.ravel(), interrupted)


def sequential_chains(
    plan: Plan, posterior: Posterior, adapted: Adapted, rng: np.random.Generator, progress: Progress
) -> Explored:
    """Run the chains proposal by proposal, so that one large factorisation serves its value and its draws.

    Chains run in threads, one a core. An interrupt keeps the chains that have begun, cut to the shortest.
    """
    system, solver = posterior.system, posterior.solver
    chains, draws = plan.chains, plan.draws
    steps = plan.steps
    sizes = [(system.columns,), *((f.levels, f.width) for f in system.factors)]
    out = tuple(np.empty((chains, draws, *size)) for size in sizes)
    positions = np.empty((chains, draws, system.dim))
    lp, moved = np.empty((chains, draws)), np.zeros((chains, draws), dtype=bool)
    log_w = np.full((chains, steps), np.nan)
    begin = started(adapted, chains, rng)
    start_weights = _weights_at(adapted, begin)
    done, stop = np.zeros(chains, dtype=np.int64), threading.Event()

    def chain(c: int, own: np.random.Generator) -> None:
        """Run one chain; every array is written in its own part only."""
        point, value, weight = adapted.points[begin[c]], adapted.log_density[begin[c]], start_weights[c]
        room, spare = np.empty_like(solver.rest), np.empty_like(solver.rest)
        kept = solver.factor(posterior.scales(point[None]), room)
        for t, proposed in enumerate(adapted.proposal.draw(steps, own)):
            if stop.is_set():
                return
            factored = solver.factor(posterior.scales(proposed[None]), spare)
            there = factored.value + float(posterior.log_prior_and_jacobian(proposed[None])[0])
            there = there if posterior.in_domain(proposed[None])[0] else -np.inf
            log_w[c, t] = there - float(adapted.proposal.log_density(proposed[None])[0])
            span = plan.draws_of(t)
            if log_w[c, t] - weight >= np.log(own.random()):
                point, value, weight, kept = proposed, there, log_w[c, t], factored
                room, spare = spare, room
                moved[c, span] = True
            positions[c, span], lp[c, span] = point, value
            solver.fill(kept, span.stop - span.start, own, [o[c, span] for o in out])
            done[c] = t + 1

    with ThreadPoolExecutor(machine_cores()) as pool:
        work = [pool.submit(chain, c, own) for c, own in enumerate(rng.spawn(chains))]
        try:
            while not all(task.done() for task in work):
                time.sleep(0.02)
                progress.update(20 + int(80 * done.sum() / (chains * steps)), 100, "drawing")
        except KeyboardInterrupt:
            stop.set()
    for task in work:
        task.result()
    begun = np.flatnonzero(done)
    if not len(begun):
        raise KeyboardInterrupt("collapsed was interrupted before the first draw")
    length = plan.draws_of(int(done[begun].min()) - 1).stop
    whole = len(begun) == chains and length == draws
    positions, lp, moved = (v[begun, :length] for v in (positions, lp, moved))
    positions = posterior.coordinates.to_system(positions.reshape(-1, system.dim)).reshape(positions.shape)
    coefficients = out if whole else tuple(o[begun, :length] for o in out)
    return Explored(positions, coefficients, {"lp": lp, "accepted": moved}, log_w[~np.isnan(log_w)], stop.is_set())


def started(adapted: Adapted, chains: int, rng: np.random.Generator) -> np.ndarray:
    """Return which of the proposal's points ``(chain,)`` chains start from: drawn by importance, so that none has to warm up."""
    weights = np.exp(adapted.log_weights - log_sum(adapted.log_weights))
    return rng.choice(len(weights), size=chains, p=weights / weights.sum())


def _weights_at(adapted: Adapted, begin: np.ndarray) -> np.ndarray:
    """Return log target over proposal at starting points ``(chain,)``.

    The proposal is that of the steps. Weights against the rounds in which the points were made may be many times larger, and a
    chain that took them for its own would stand still at its start.
    """
    weights: np.ndarray = adapted.log_density[begin] - adapted.proposal.log_density(adapted.points[begin])
    return weights
