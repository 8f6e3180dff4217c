r"""The compiled program of training: some epochs of all members at once.

In the beginning of an epoch

1. what depends on all rows together is worked out again,
2. the held-out rows judge, and the best parameters so far are kept,
3. the family's parameters make a Newton step up the log likelihood of the held-out rows, with their prior.

Then each step goes down the gradient of

.. math:: -\frac{1}{N} \Bigl( K \sum_{i \in \text{batch}} \log p(y_i \mid x) + \log p(x) \Bigr)

for :math:`N` training rows in :math:`K` batches; over an epoch these gradients have the mean that all rows give.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from bayesdeep.core.batches import Batch, BatchTarget

from .train_compiled import padded
from .train_coordinates import Coordinates
from .train_settings import Recipe
from .train_split import Slots, Split
from .train_steps import optimiser

REACH = 0.1
"""How far from a family's parameter the held-out rows are asked, for slope and curvature, on its unconstrained scale."""
LONGEST_STEP = 0.5
"""Of such a parameter in an epoch."""
FLATTEST = 1e-3
"""Curvature that a held-out row is supposed to have at least."""


class Carry(NamedTuple):
    """Where training is; the first axis of everything is the member.

    ``w`` are the trained coordinates in their units and ``v`` the tuned ones; ``best_w`` and ``best_v`` the best so far,
    ``score`` its held-out log score a row, ``at`` the number of epochs before it; ``live`` whether training goes on.
    """

    w: Any
    v: Any
    steps: Any
    best_w: Any
    best_v: Any
    score: Any
    at: Any
    live: Any


class Todo(NamedTuple):
    """Epochs: their ``number``, whether they are wanted, rows ``(epoch, member, batch, place)``, step sizes and keys."""

    number: Any
    active: Any
    rows: Any
    rate: Any
    key: Any


class Inputs(NamedTuple):
    """Arrays the program reads."""

    arrays: Any
    refresh: Any
    filled: Any
    size: Any
    held_out: Any
    weight: Any
    fixed: Any
    unit: Any
    decay: Any


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Compute in ``"float32"`` or ``"float64"``, whatever JAX is set to otherwise; in this thread."""
    import warnings

    import jax

    with jax.enable_x64(name == "float64"), warnings.catch_warnings():
        if name == "float32":
            warnings.filterwarnings("ignore", "Explicitly requested dtype", UserWarning)
        yield


def cast(arrays: Batch, name: str) -> Batch:
    """Return arrays of floats in a precision, the others as they are."""
    return tuple(a.astype(name) if a.dtype.kind == "f" else a for a in arrays)


def program_inputs(
    target: BatchTarget, recipe: Recipe, where: Coordinates, parts: Split, places: Slots, rows: np.ndarray
) -> Inputs:
    """Return the arrays of the program; ``rows`` are those from which what all rows decide is worked out."""
    import jax

    kind, size = recipe.precision, places.filled.shape[-1]
    # Only what depends on all rows reads them together; without it the program does not depend on their number.
    all_rows = jax.eval_shape(target.all_rows_function(len(rows)), target.start, target.take(rows)) if len(rows) else ()
    chunks = max(-(-len(h) // size) for h in parts.held_out)
    held_out = np.zeros((len(parts.held_out), chunks * size), dtype=np.int32)
    weight = np.zeros(held_out.shape)
    for member, own in enumerate(parts.held_out):
        held_out[member, : len(own)], weight[member, : len(own)] = own, 1.0
    shape = (len(parts.held_out), chunks, size)
    return Inputs(
        arrays=cast(padded(target.arrays), kind),
        refresh=cast(target.take(rows), kind) if all_rows else (),
        filled=places.filled.astype(kind),
        size=np.array([len(t) for t in parts.training], dtype=kind),
        held_out=held_out.reshape(shape),
        weight=weight.reshape(shape).astype(kind),
        fixed=target.start.astype(kind),
        unit=where.unit[where.trained].astype(kind),
        decay=(recipe.weight_decay * where.decayed[where.trained]).astype(kind),
    )


def first_carry(recipe: Recipe, w: np.ndarray, v: np.ndarray) -> Carry:
    """Return a carry from starting points ``(member, coordinate)``."""
    import jax

    w, v = w.astype(recipe.precision), v.astype(recipe.precision)
    members = len(w)
    steps = jax.tree.map(lambda s: np.broadcast_to(np.asarray(s), (members, *s.shape)), optimiser(recipe).init(w[0]))
    lowest = np.full(members, -np.inf, recipe.precision)
    return Carry(w, v, steps, w, v, lowest, np.zeros(members, np.int32), np.ones(members, bool))


def loss_function(target: BatchTarget, recipe: Recipe, where: Coordinates, count: int) -> Callable[..., Any]:
    """Return ``loss(w, v, batch, filled, batches, size, all_rows, masks, data)`` of a batch of ``count`` rows."""
    rows = target.rows_function(count)

    def loss(w: Any, v: Any, batch: Any, filled: Any, batches: int, size: Any, all_rows: Any, masks: Any, data: Inputs) -> Any:
        x = where.join(w, v, data.unit, data.fixed)
        total = batches * (filled * rows(x, batch, masks, all_rows)).sum()
        return -(total + (target.prior(x) if recipe.penalty else 0.0)) / size

    return loss


def program(target: BatchTarget, recipe: Recipe, where: Coordinates, parts: Split, places: Slots) -> Callable[..., Any]:
    """Return ``run(carry, todo, data) -> (carry, (losses, scores))``, to be compiled."""
    import jax
    import jax.numpy as jnp

    transform = optimiser(recipe)
    batches, width = places.filled.shape[1:]
    loss = loss_function(target, recipe, where, width)
    judge = _judge(target, where, parts, width)

    def refreshed(w: Any, v: Any, data: Inputs) -> Any:
        if not data.refresh:
            return ()
        return target.all_rows_function(len(data.refresh[0]))(where.join(w, v, data.unit, data.fixed), data.refresh)

    def epoch(
        w: Any, v: Any, steps: Any, all_rows: Any, rows: Any, filled: Any, size: Any, key: Any, rate: Any, data: Inputs
    ) -> Any:
        def step(carry: Any, now: Any) -> Any:
            w, steps = carry
            rows, filled, rate, number = now
            masks = _masks(target, recipe.dropout, width, key, number, w.dtype)
            batch = tuple(a[rows] for a in data.arrays)
            value, slope = jax.value_and_grad(loss)(w, v, batch, filled, batches, size, all_rows, masks, data)
            change, steps = transform.update(slope, steps, w)
            return (w - rate * (change + data.decay * w), steps), value

        (w, steps), values = jax.lax.scan(step, (w, steps), (rows, filled, rate, np.arange(batches, dtype=np.int32)))
        return w, steps, values.mean()

    every_epoch = jax.vmap(epoch, (0, 0, 0, 0, 0, 0, 0, 0, None, None))

    def one(c: Carry, now: Todo, data: Inputs) -> Any:
        all_rows = jax.vmap(refreshed, (0, 0, None))(c.w, c.v, data)
        score, v = judge(c.w, c.v, all_rows, now.number, data)
        better = c.live & (score > c.score)
        best_w, best_v = (jnp.where(better[:, None], n, b) for n, b in ((c.w, c.best_w), (c.v, c.best_v)))
        at, top = jnp.where(better, now.number, c.at), jnp.where(better, score, c.score)
        w, steps, losses = every_epoch(c.w, v, c.steps, all_rows, now.rows, data.filled, data.size, now.key, now.rate, data)
        live = c.live & (now.number - at < recipe.patience) & jnp.isfinite(losses) & jnp.isfinite(score)
        # What is not a number is told apart from epochs that were not made.
        said = jnp.where(jnp.isnan(losses), jnp.inf, losses), jnp.where(jnp.isnan(score), -jnp.inf, score)
        return Carry(w, v, steps, best_w, best_v, top, at, live), said

    def run(carry: Carry, todo: Todo, data: Inputs) -> Any:
        def some(carry: Carry, now: Todo) -> Any:
            nothing = jnp.full(carry.score.shape, jnp.nan, carry.score.dtype)
            wanted = now.active & carry.live.any()
            return jax.lax.cond(wanted, lambda c: one(c, now, data), lambda c: (c, (nothing, nothing)), carry)

        return jax.lax.scan(some, carry, todo)

    return run


def _masks(target: BatchTarget, share: float, count: int, key: Any, number: Any, kind: Any) -> tuple[Any, ...]:
    """Return a mask a layer ``(count, unit)`` whose mean is 1; none where nothing is left out."""
    import jax

    if share == 0:
        return ()
    own = jax.random.fold_in(jax.random.wrap_key_data(key, impl="threefry2x32"), number)
    pairs = zip(jax.random.split(own, len(target.masks)), target.masks.values(), strict=True)
    return tuple(jax.random.bernoulli(k, 1 - share, (count, size)).astype(kind) / (1 - share) for k, size in pairs)


def _judge(target: BatchTarget, where: Coordinates, parts: Split, width: int) -> Callable[..., Any]:
    """Return ``judge(w, v, all_rows, number, data)``: a score ``(member,)``, and tuned coordinates for the next epoch.

    The score is the log likelihood of a held-out row; the number of the epoch where there is none, so that the last is best.
    Slope and curvature come from differences, which costs the compiler much less than derivatives do; they need not be exact.
    """
    import jax
    import jax.numpy as jnp

    if max(len(h) for h in parts.held_out) == 0:
        return lambda w, v, all_rows, number, data: (jnp.full(len(w), number, w.dtype), v)
    rows, tuned = target.rows_function(width), len(where.tuned)
    away = REACH * np.concatenate([np.zeros((1, tuned)), np.eye(tuned), -np.eye(tuned)])

    def values(w: Any, v: Any, all_rows: Any, own: Any, weight: Any, data: Inputs) -> Any:
        """Return log likelihood and log prior at ``v`` and about it, each ``(point,)``."""

        def value(v: Any) -> Any:
            x = where.join(w, v, data.unit, data.fixed)
            fit = jax.vmap(lambda rows_: rows(x, tuple(a[rows_] for a in data.arrays), (), all_rows))(own)
            return jnp.where(weight > 0, fit, 0.0).sum(), target.prior(x) if tuned else 0.0

        return jax.vmap(value)(v + away.astype(v.dtype))

    def pooled(array: Any) -> Any:
        return jnp.broadcast_to(array.sum(axis=0), array.shape) if parts.together else array

    def judge(w: Any, v: Any, all_rows: Any, number: Any, data: Inputs) -> Any:
        del number
        fit, prior = jax.vmap(values, (0, 0, 0, 0, 0, None))(w, v, all_rows, data.held_out, data.weight, data)
        fit, total = pooled(fit), pooled(data.weight.sum(axis=(1, 2)))
        here, up, down = jnp.split(fit + prior, [1, 1 + tuned], axis=1)
        bend = jnp.maximum(jnp.abs(up + down - 2 * here) / REACH**2, FLATTEST * total[:, None])
        step = jnp.clip((up - down) / (2 * REACH) / bend, -LONGEST_STEP, LONGEST_STEP)
        return fit[:, 0] / total, v + step

    return judge
