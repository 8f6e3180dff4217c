"""Running microcanonical chains: one compiled program of a number of iterations, called in pieces.

The pattern is that of :mod:`bayesdeep.engines._jax.jax_nuts`: on a CPU each chain has the one-chain program to itself, in a
thread
of a pool; elsewhere the chains of a device are one batch. What a chain draws depends on the seed and its number alone.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, NamedTuple

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.numerics.cores import machine_cores

from .._jax.jax_nuts import PIECE, PIECE_SECONDS, POLL_SECONDS, Group, _devices, _failed
from .._training.train_program import cast
from .mclmc_moves import Place, random_direction, trajectory
from .mclmc_tuning import Todo, begin, tuned_on

Slope = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Row(NamedTuple):
    """What is kept of one iteration."""

    position: Any
    lp: Any
    diverging: Any
    energy_error: Any
    acceptance_rate: Any
    n_steps: Any
    step_size: Any


def density_of(target: BatchTarget) -> Callable[..., Any]:
    """Return ``density(x, *arrays)``: the log density with all rows, for JAX to trace."""
    rows = target.rows_function(target.rows)
    return lambda x, *arrays: target.prior(x) + rows(x, arrays).sum()


def make_groups(
    target: BatchTarget, starts: Sequence[np.ndarray], slope_of: Slope, seed: int, layout: str, kind: str
) -> list[Group]:
    """Return the chains by where they are computed, each at its starting point.

    Parameters
    ----------
    target
        The model.
    starts
        Starting points, ``(dim,)`` each.
    slope_of
        The log density and its gradient ``(dim,)`` at a point.
    seed
        Decides the chains' random numbers.
    layout
        ``"threads"``, ``"batch"``, or ``"auto"``: threads on a CPU, a batch elsewhere.
    kind
        ``"float32"`` or ``"float64"``.
    """
    import jax

    arrays = cast(target.arrays, kind)
    devices = _devices()
    batched = devices[0].platform != "cpu" if layout == "auto" else layout == "batch"
    members: list[tuple[Any, list[int]]] = [(devices[0], [chain]) for chain in range(len(starts))]
    if batched:
        shares = np.array_split(np.arange(len(starts)), len(devices))
        members = [(d, share.tolist()) for d, share in zip(devices, shares, strict=True) if share.size]

    def carry(chain: int) -> Any:
        x = np.asarray(starts[chain], dtype=kind)
        lp, slope = (np.asarray(v, dtype=kind) for v in slope_of(x))
        return Place(x, lp, slope, np.full(x.size, x.size**-0.5, dtype=kind)), begin(np.ones(x.size, dtype=kind))

    groups = []
    for device, chains in members:
        carries = [carry(c) for c in chains]
        keys = [np.random.SeedSequence((seed, c)).generate_state(2) for c in chains]
        together = jax.tree.map(lambda *v: np.stack(v), *carries) if batched else carries[0]
        words = np.stack(keys) if batched else keys[0]
        put = jax.device_put((together, words, arrays), device)
        groups.append(Group(device, chains, batched, *put))
    return groups


def programs_of(settings: Any, target: BatchTarget, groups: Sequence[Group], todo: Todo) -> list[Any]:
    """Return each group's program ``(carry, keys, todo, *arrays) -> (carry, rows)``; equal ones are compiled once."""
    import jax

    made: dict[Any, Any] = {}
    for group in groups:
        key = (group.device, len(group.chains))
        if key not in made:
            function = _iterations(settings, target)
            if group.batched:
                function = jax.vmap(function, in_axes=(0, 0, None, *(None for _ in group.data)))
            arguments = (group.carry, group.keys, jax.device_put(_piece(todo, 0, 1), group.device), *group.data)
            made[key] = jax.jit(function).lower(*arguments).compile()
    return [made[group.device, len(group.chains)] for group in groups]


def _iterations(settings: Any, target: BatchTarget) -> Any:
    """Return the function that makes :data:`PIECE` iterations of one chain, or fewer: those that are active."""
    import jax
    import jax.numpy as jnp

    density = density_of(target)
    length = float(settings.path * np.sqrt(target.dim))

    def iterations(carry: Any, words: Any, todo: Todo, *arrays: Any) -> Any:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def slope_of(x: Any) -> Any:
            return jax.value_and_grad(density)(x, *arrays)

        def move(carry: Any, now: Todo) -> Any:
            place, tuned = carry
            turn, times, disturb, test = jax.random.split(jax.random.fold_in(key, now.number), 4)
            fresh = random_direction(turn, place.x)
            place = place._replace(direction=jnp.where(now.adjusted, fresh, place.direction))
            share = jnp.where(now.adjusted, 2.0 * jax.random.uniform(times), 1.0)
            steps = jnp.ceil(share * length / tuned.step_size)
            steps = jnp.clip(steps, 1, settings.max_steps).astype(jnp.int32)
            scales = jnp.sqrt(tuned.inverse_mass)
            memory = jnp.where(now.adjusted, 0.0, length)
            end, path = trajectory(slope_of, place, disturb, steps, tuned.step_size, scales, memory)
            accepted = jnp.where(now.adjusted, jax.random.uniform(test) < path.acceptance, ~path.diverging)
            place = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), end, place._replace(direction=fresh))
            row = Row(place.x, place.lp, path.diverging, path.error, path.acceptance, steps, tuned.step_size)
            tuned = jax.lax.cond(
                now.tuning,
                lambda t: tuned_on(
                    t,
                    now,
                    place,
                    path,
                    target_accept=settings.target_accept,
                    energy_variance=settings.exploring,
                ),
                lambda t: t,
                tuned,
            )
            return (place, tuned), row

        def one(carry: Any, now: Todo) -> Any:
            _, shape = jax.eval_shape(move, carry, now)
            nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
            return jax.lax.cond(now.active, move, lambda carry, now: (carry, nothing), carry, now)

        return jax.lax.scan(one, carry, todo)

    return iterations


def _piece(todo: Todo, first: int, count: int) -> Todo:
    """Return ``count`` iterations, and idle ones up to the length the program is made for."""
    return Todo(*(np.pad(values[first : first + count], (0, PIECE - count)) for values in todo))


def run_stages(
    groups: Sequence[Group], programs: Sequence[Any], todo: Todo, cores: int | None, kind: str, report: Callable[[], None]
) -> bool:
    """Make every group's iterations; return whether it was cut short."""
    stop = Event()
    workers = len(groups) if groups[0].batched else min(cores or machine_cores(), len(groups))
    interrupted = False
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[None]] = [
            pool.submit(_run_group, group, program, todo, kind, stop) for group, program in zip(groups, programs, strict=True)
        ]
        try:
            waiting = True
            while waiting:
                waiting = bool(wait(futures, POLL_SECONDS, FIRST_EXCEPTION).not_done) and not _failed(futures)
                report()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop.set()
    for future in futures:
        future.result()
    return interrupted


def _run_group(group: Group, program: Any, todo: Todo, kind: str, stop: Event) -> None:
    """Make a group's iterations, in pieces that take about :data:`PIECE_SECONDS`, and keep what is not tuning."""
    import jax

    count, last, done = 1, len(todo.number), 0
    with jax.enable_x64(kind == "float64"):
        while done < last and not stop.is_set():
            tuning = bool(todo.tuning[done])
            count = min(count, PIECE, last - done)
            if tuning:
                count = min(count, int(todo.tuning[done:].sum()))
            began = time.perf_counter()
            piece = jax.device_put(_piece(todo, done, count), group.device)
            group.carry, rows = program(group.carry, group.keys, piece, *group.data)
            axis = 1 if group.batched else 0
            found = jax.tree.map(lambda v: np.asarray(v).take(range(count), axis), rows)  # noqa: B023
            seconds = time.perf_counter() - began
            group.seconds[tuning] += seconds
            done += count
            group.done += count
            group.gradients += int(found.n_steps.sum())
            if not tuning:
                group.kept.append(found)
                group.divergences += int(found.diverging.sum())
            count = max(1, min(2 * count, int(count * PIECE_SECONDS / max(seconds, 1e-9))))
