"""Where the chains of a network begin: weights trained to a point, scales and noise held where they are.

A joint mode of weights, their scales and the noise is no place to begin: there the noise collapses onto the residuals of an
overfit network. So the weights are trained alone, on nine tenths of the rows, until the other tenth is predicted no better;
then the family's parameters are fitted to that tenth, and the weights are trained once more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.errors import FitError

from .train_program import cast, precision

HELD_OUT = 0.1
FEWEST = 20
"""Rows below which none are held out."""
FIXED_ROLES = ("scale", "parameter", "sd", "correlation")
"""Roles that are not trained with the weights."""
PATIENCE_STEPS = 100
"""Steps without a better prediction after which training ends."""
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's memories of the gradient and of its square, and what keeps its division sound."""
HALVINGS = 6
"""How often the learning rate may be halved where a step has left what can be computed."""

Loss = Callable[[np.ndarray, np.ndarray], tuple[float, float, np.ndarray]]
"""``loss(x, weights) -> (value, held-out log likelihood a row, gradient)`` for weights ``(obs,)`` of the rows."""


@dataclass(frozen=True)
class Trained:
    """A trained point ``x`` ``(dim,)``, the steps it took and the log likelihood of a held-out row."""

    x: np.ndarray
    steps: int
    held_out: float


def objective(target: BatchTarget) -> Callable[..., Any]:
    """Return ``f(x, weights, *arrays) -> (value, log likelihood a held-out row)`` for JAX to trace.

    ``weights`` ``(obs,)`` multiply the rows' log likelihoods and are 0 for the rows held out; the value is the negative log
    density with these weights.
    """
    import jax.numpy as jnp

    rows = target.rows_function(target.rows)

    def value(x: Any, weights: Any, *arrays: Any) -> Any:
        each = rows(x, arrays)
        away = weights == 0
        held_out = jnp.where(away, each, 0.0).sum() / jnp.maximum(away.sum(), 1)
        return -target.prior(x) - jnp.where(away, 0.0, weights * each).sum(), held_out

    return value


def compiled_loss(target: BatchTarget, kind: str) -> Loss:
    """Return the compiled loss, computed in ``"float32"`` or ``"float64"``; safe in several threads."""
    import jax

    ones = np.ones(target.rows, dtype=kind)
    with precision(kind):
        arrays = jax.device_put(cast(target.arrays, kind))
        program: Any = jax.jit(jax.value_and_grad(objective(target), has_aux=True))
        code = program.lower(target.start.astype(kind), ones, *arrays).compile()

    def loss(x: np.ndarray, weights: np.ndarray) -> tuple[float, float, np.ndarray]:
        with jax.enable_x64(kind == "float64"):
            (value, held_out), slope = code(x.astype(kind), weights.astype(kind), *arrays)
        return float(value), float(held_out), np.asarray(slope, dtype=np.float64)

    return loss


def train(
    target: BatchTarget, loss: Loss, seed: Any, steps: int, rate: float, stop: Event, method: str = "mclmc"
) -> Trained:
    """Return where training leads from a random start.

    Parameters
    ----------
    target
        The model.
    loss
        Of :func:`objective`, compiled.
    seed
        For the start and for the choice of rows.
    steps
        The most steps of each of the two rounds.
    rate
        Adam's learning rate, in standardised weights.
    stop
        Ends training early.
    method
        The engine's name, for errors.

    Raises
    ------
    FitError
        Where the log density is not finite at the start, or training leaves what can be computed.
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(target.initial(rng), dtype=np.float64)
    weights, rest = _split(target.rows, rng)
    value, _, slope = loss(x, weights)
    if not (np.isfinite(value) and np.isfinite(slope).all()):
        raise FitError(
            f"{method}: the log density is not finite at the starting point (it is {-value}). Check the range of the response, "
            "standardise the predictors and use proper priors."
        )
    free = ~np.isin(target.roles.astype(str), FIXED_ROLES)
    noise = target.roles == "parameter"
    x, first, _ = _adam(loss, x, weights, free, steps, rate, stop, method)
    if rest is not None and noise.any():
        x, _, _ = _adam(lambda x, _: _alone(loss(x, rest)), x, rest, noise, steps, 5 * rate, stop, method)
    x, second, best = _adam(loss, x, weights, free, steps, rate, stop, method)
    return Trained(x, first + second, best)


def _split(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Return weights of the rows trained on, which sum to the number of rows, and those of the others; None for none."""
    weights = np.ones(rows)
    if rows < FEWEST:
        return weights, None
    away = rng.permutation(rows)[: int(np.ceil(HELD_OUT * rows))]
    rest = np.zeros(rows)
    rest[away], weights[away] = 1.0, 0.0
    return weights * rows / weights.sum(), rest


def _alone(found: tuple[float, float, np.ndarray]) -> tuple[float, float, np.ndarray]:
    """Return a loss that is to be brought down itself, with nothing held out from it."""
    return found[0], -found[0], found[2]


def _adam(
    loss: Loss, x: np.ndarray, weights: np.ndarray, free: np.ndarray, steps: int, rate: float, stop: Event, method: str
) -> tuple[np.ndarray, int, float]:
    """Return the best point by what was held out, the steps taken, and how well it predicts that."""
    first, second = np.zeros(x.size), np.zeros(x.size)
    value, held_out, slope = loss(x, weights)
    judged = (weights == 0).any()
    best, best_x, since, age, halvings = (held_out if judged else -value), x, 0, 0, 0
    for step in range(steps):
        if stop.is_set() or since > PATIENCE_STEPS:
            return best_x, step, best
        age += 1
        slope = np.where(free, slope, 0.0)
        first, second = BETA1 * first + (1 - BETA1) * slope, BETA2 * second + (1 - BETA2) * slope**2
        x = x - rate * (first / (1 - BETA1**age)) / (np.sqrt(second / (1 - BETA2**age)) + EPSILON)
        value, held_out, slope = loss(x, weights)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            halvings += 1
            if halvings > HALVINGS:
                raise FitError(f"{method}: training diverged; lower learning_rate")
            x, rate, age, first, second = best_x, rate / 2, 0, np.zeros(x.size), np.zeros(x.size)
            value, held_out, slope = loss(x, weights)
            continue
        score = held_out if judged else -value
        since = 0 if score > best else since + 1
        if score > best:
            best, best_x = score, x
    return best_x, steps, best
