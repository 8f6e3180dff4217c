"""Joint proposals of hyperparameters and coefficients, and independence chains through them.

Hyperparameters come from a proposal fitted to the approximate marginal posterior, coefficients from the Gaussian around the
inner mode, so every joint proposal has a known density and a known weight against the true posterior. Chains that use these
weights target the posterior itself; chains that use the approximate marginal posterior's target the approximation.

References
----------
Tierney (1994), doi:10.1214/aos/1176325750 (independence chains); Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto
smoothed importance sampling, JMLR 25(72).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.linear.independence import accept
from bayesdeep.linear.mixture import log_sum
from bayesdeep.linear.tilt import Proposal

from .._laplace.marginal_posterior import Marginal
from .._weighted_draws import importance_weights

LOOKED_AT, HOPELESS = 16, 5.0
"""Values of the hyperparameters after which it is seen whether weights can be of use, and the log weights' sd from which not."""


@dataclass(frozen=True)
class Proposed:
    """Joint proposals, ``steps`` values of the hyperparameters a chain with ``repeat`` draws of the coefficients each.

    Attributes
    ----------
    positions
        Of the hyperparameters, the system's coordinates ``(chain, step, dim)``.
    coefficients
        ``(repeat, chain, step, …)`` each.
    log_marginal
        Approximate log posterior of the hyperparameters ``(chain, step)``.
    log_weights
        The same over the proposal's density ``(chain, step)``.
    log_ratios
        Log of the true joint posterior over the approximate one ``(repeat, chain, step)``, up to a constant.
    interrupted
        Whether fewer than asked for were made.
    """

    positions: np.ndarray
    coefficients: tuple[np.ndarray, ...]
    log_marginal: np.ndarray
    log_weights: np.ndarray
    log_ratios: np.ndarray
    interrupted: bool


@dataclass(frozen=True)
class Size:
    """Chains, values of the hyperparameters a chain, and draws of the coefficients for each."""

    chains: int
    steps: int
    repeat: int


def propose(
    size: Size, marginal: Marginal, proposal: Proposal | None, rng: np.random.Generator, progress: Progress
) -> Proposed:
    """Make joint proposals; an interrupt keeps those that are there. Without hyperparameters there is no ``proposal``."""
    inner, chains, repeat = marginal.inner, size.chains, size.repeat
    system, count = inner.rows.system, size.chains * size.steps
    points = np.zeros((count, 0)) if proposal is None else proposal.draw(count, rng)
    log_q = np.zeros(count) if proposal is None else proposal.log_density(points)
    log_p, ratios = np.full(count, -np.inf), np.full((repeat, count), -np.inf)
    sizes = [(system.columns,), *((f.levels, f.width) for f in system.factors)]
    out = [np.zeros((repeat, count, *one)) for one in sizes]
    block, made = max(inner.step, 1), 0
    parts = [slice(i, min(i + block, count)) for i in range(0, count, block)]

    def fill(part: slice, rng: np.random.Generator) -> None:
        mode = inner.mode(marginal.coordinates.to_system(points[part]))
        log_p[part] = mode.log_marginal + marginal.log_prior_and_jacobian(points[part])
        log_p[part][~marginal.in_domain(points[part])] = -np.inf
        with np.errstate(all="ignore"):
            mode = inner.recentred(mode, rng)
            for j in range(repeat):
                drawn, ratios[j, part] = inner.draw(mode, rng, weigh=j == 0 or not hopeless)
                for kept, values in zip(out, drawn, strict=True):
                    kept[j, part] = values

    hopeless = False
    # Each block has its own random numbers, so that it does not matter how many threads there are.
    generators = rng.spawn(len(parts))
    try:
        for i in range(0, len(parts), inner.threads):
            side_by_side(inner.threads, fill, list(zip(parts, generators, strict=True))[i : i + inner.threads])
            made = parts[min(i + inner.threads, len(parts)) - 1].stop
            hopeless = inner.threads > 1 and made >= LOOKED_AT and float(np.std(ratios[0, :LOOKED_AT])) > HOPELESS
            progress.update(20 + int(75 * made / count), 100, "drawing")
    except KeyboardInterrupt:
        if made < chains:
            raise
    steps = made // chains
    used = steps * chains
    finite = np.isfinite(log_p)
    log_p = np.where(finite, log_p, -np.inf)
    # Where weights were found to be of no use, only the first draw at each value has one, which stands for the others.
    ratios = np.where(np.isnan(ratios), ratios[:1], ratios)
    ratios = np.where(np.isfinite(ratios) & finite, ratios, -np.inf)

    def by_chain(values: np.ndarray, axis: int) -> np.ndarray:
        """Bring ``(…, step * chain, …)`` into ``(…, chain, step, …)``."""
        shape = (*values.shape[:axis], steps, chains, *values.shape[axis + 1 :])
        return np.take(values, np.arange(used), axis=axis).reshape(shape).swapaxes(axis, axis + 1)

    return Proposed(
        by_chain(marginal.coordinates.to_system(points), 0),
        tuple(by_chain(v, 1) for v in out),
        by_chain(log_p, 0),
        by_chain(log_p - log_q, 0),
        by_chain(ratios, 1),
        made < count,
    )


def side_by_side(threads: int, work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    """Do some work for each of the arguments, in threads where there are several."""
    if threads == 1:
        for given in arguments:
            work(*given)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *given) for given in arguments]:
            done.result()


@dataclass(frozen=True)
class Chains:
    """What the chains came to, each ``(chain, draw, …)``."""

    positions: np.ndarray
    coefficients: tuple[np.ndarray, ...]
    lp: np.ndarray
    accepted: np.ndarray


def run_chains(proposed: Proposed, draws: int, corrected: bool, rng: np.random.Generator) -> Chains:
    """Return independence chains of ``draws`` draws, thinned from all proposals, by the joint weights if ``corrected``."""
    repeat, chains, steps = proposed.log_ratios.shape
    # Draws that share a value of the hyperparameters follow each other, so that effective sample sizes count it once.
    joint = np.broadcast_to(proposed.log_weights, (repeat, chains, steps))
    if corrected:
        joint = joint + proposed.log_ratios
    log_w = joint.transpose(1, 2, 0).reshape(chains, steps * repeat)
    weights = np.exp(log_w - log_sum(log_w.ravel()))
    start = np.array([rng.choice(len(w), p=w / w.sum()) for w in weights])
    at = np.arange(chains)
    states = accept(log_w, log_w[at, start], rng)
    states = np.where(states < 0, start[:, None], states)
    moved = np.concatenate([np.ones((chains, 1), dtype=bool), states[:, 1:] != states[:, :-1]], axis=1)
    thin = max(1, states.shape[1] // draws)
    keep = slice(thin - 1, thin * draws, thin)
    states, moved = states[:, keep], moved[:, keep]
    step, again = np.divmod(states, repeat)
    chain = at[:, None]
    return Chains(
        proposed.positions[chain, step],
        tuple(v[again, chain, step] for v in proposed.coefficients),
        proposed.log_marginal[chain, step],
        moved,
    )


def weigh(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Return smoothed weights ``(n,)`` that sum to one, and the Pareto k-hat; of ratios that are all alike minus infinity."""
    finite = np.isfinite(log_ratios)
    if finite.all() and np.ptp(log_ratios) < 1e-6:
        return np.full(len(log_ratios), 1.0 / len(log_ratios)), float("-inf")
    with np.errstate(all="ignore"):
        return importance_weights(log_ratios)


def shift(proposed: Proposed) -> float:
    """Return by how many standard deviations the correction moves the mean of what it moves most.

    Looked at are the hyperparameters and the population coefficients.
    """
    repeat = len(proposed.log_ratios)
    plain = np.broadcast_to(proposed.log_weights, proposed.log_ratios.shape).ravel()
    both = (proposed.log_weights + proposed.log_ratios).ravel()
    positions = np.broadcast_to(proposed.positions, (repeat, *proposed.positions.shape))
    values = np.concatenate(
        [positions.reshape(len(plain), -1), proposed.coefficients[0].reshape(len(plain), -1)], axis=1
    )
    good = np.isfinite(values).all(axis=1)
    before, after = (weigh(np.where(good, w, -np.inf))[0] for w in (plain, both))
    values = np.where(good[:, None], values, 0.0)
    centre = before @ values
    sd = np.sqrt(np.maximum(before @ (values - centre) ** 2, 1e-300))
    return float(np.max(np.abs(after @ values - centre) / sd)) if values.shape[1] else 0.0
