r"""Chains over the hyperparameters where proposals leave some of the posterior uncovered.

An independence chain whose proposals are too thin in a tail stays away from it for long, and then stays in it for long. So slice
sampling along each of the posterior's principal axes comes between its steps: it goes into a tail and out of it whatever the
proposals are, and they go from one end of the rest to the other. Both leave the posterior as it is, and so do both in turn; the
coefficients are drawn back as ever.

References
----------
Neal (2003), Slice sampling, Annals of Statistics 31, 705-767, doi:10.1214/aos/1056562461. Tierney (1994), Markov chains for
exploring posterior distributions, Annals of Statistics 22, 1701-1728, doi:10.1214/aos/1176325750, section 2.4, for steps in turn.
"""

from functools import partial

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.numerics.mcmc import ess_bulk, ess_tail, rhat
from bayesdeep.numerics.slices import step

from .explore import Explored, Plan, started
from .marginal import Posterior
from .mixture import log_sum
from .proposal import Adapted

BETWEEN = 6
"""Independence steps between two sweeps of slices."""
SETTLING = 25
"""First sweeps, which are thrown away: where chains start is drawn by the proposals' weights, which may lack a tail."""
WIDTH = 3.0
"""Of a slice's first interval, in the posterior's standard deviations."""
ENOUGH = 400.0
"""Effective draws."""
LARGEST_RHAT, LEAST_EFFECTIVE = 1.02, 100.0
"""Of chains that have forgotten where they began; draws of them are judged more strictly, with all others, in the diagnosis."""


def sliced_chains(
    plan: Plan, posterior: Posterior, adapted: Adapted, most: int, rng: np.random.Generator, progress: Progress
) -> Explored:
    """Run chains of slices and independence steps in turn, with up to ``most`` axes at a time, drawn at random.

    An interrupt keeps the values there are.
    """
    chains, system = plan.chains, posterior.system
    axes = principal_axes(adapted)
    begin = started(adapted, chains, rng)
    points = adapted.points[begin]

    rounds = SETTLING + plan.steps
    kept = np.empty((plan.steps, chains, system.dim))
    lp, done = np.empty((plan.steps, chains)), 0
    try:
        for t in range(rounds):
            for axis in axes.T[rng.permutation(system.dim)[:most]]:
                along = step(partial(_along, posterior, points, axis), np.zeros((chains, 1)), 0, WIDTH, rng)
                points = points + along * axis
            value = posterior.proposed(points)
            weights = value - adapted.proposal.log_density(points)
            proposals = adapted.proposal.draw(BETWEEN * chains, rng)
            values = posterior.proposed(proposals)
            over = values - adapted.proposal.log_density(proposals)
            for i in range(0, len(proposals), chains):
                own = slice(i, i + chains)
                moves = over[own] - weights >= np.log(rng.random(chains))
                points = np.where(moves[:, None], proposals[own], points)
                value, weights = np.where(moves, values[own], value), np.where(moves, over[own], weights)
            if t >= SETTLING:
                kept[t - SETTLING], lp[t - SETTLING], done = points, value, t - SETTLING + 1
            progress.update(20 + 60 * (t + 1) // rounds, 100, "drawing")
    except KeyboardInterrupt:
        if done == 0:
            raise
    serves = [plan.draws_of(t) for t in range(done)]
    times = np.array([span.stop - span.start for span in serves])
    flat = np.repeat(kept[:done], times, axis=0).transpose(1, 0, 2).reshape(-1, system.dim)
    shape = (chains, int(times.sum()))
    coefficients = tuple(v.reshape(*shape, *v.shape[1:]) for v in posterior.solver.draw(posterior.scales(flat), rng))
    positions = posterior.coordinates.to_system(flat).reshape(*shape, -1)
    stats = {"lp": np.repeat(lp[:done].T, times, axis=1)}
    return Explored(positions, coefficients, stats, np.zeros(0), done < plan.steps)


def have_mixed(found: Explored) -> bool:
    """Return whether chains look as if they had forgotten where they began."""
    if len(found.positions) < 2 or found.positions.shape[1] < LEAST_EFFECTIVE:
        return True  # Nothing can be said of so few.
    return bool(rhat(found.positions).max() < LARGEST_RHAT and ess_bulk(found.positions).min() > LEAST_EFFECTIVE)


def enough(found: Explored) -> bool:
    """Return whether there are as many effective draws as a diagnosis asks for, also of the tails, where there could be."""
    chains, draws = found.positions.shape[:2]
    least = min(float(f(found.positions).min()) for f in (ess_bulk, ess_tail))
    return chains * draws < 2 * ENOUGH or least > ENOUGH


def _along(posterior: Posterior, points: np.ndarray, axis: np.ndarray, along: np.ndarray) -> np.ndarray:
    return posterior.proposed(points + along * axis)


def principal_axes(adapted: Adapted) -> np.ndarray:
    """Return the posterior's principal axes times the sds along them ``(dim, axis)``."""
    weights = np.exp(adapted.log_weights - log_sum(adapted.log_weights))
    # As for fitting proposals: a few points must not turn the axes.
    even = np.minimum(weights, 1.0 / np.sqrt(len(weights)))
    even /= even.sum()
    away = adapted.points - even @ adapted.points
    values, vectors = np.linalg.eigh((even[:, None] * away).T @ away)
    return vectors * np.sqrt(np.maximum(values, 1e-12 * values[-1]))
