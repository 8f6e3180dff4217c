"""Chains in JAX that run side by side in short pieces, whatever one iteration of theirs does.

One program makes a number of iterations, tuning or not, and is called again and again, so that progress can be
shown and an interruption keeps what there is. What a chain draws depends on the seed and the number of the chain alone, not
on how its iterations were cut into pieces.

Where the program runs:

* On a CPU each chain has the one-chain program to itself, in a thread of a pool. Chains in one batch would wait for the
  longest trajectory of all, and their gathers and scatters do not become vector instructions.
* On a GPU all chains of a device are one batch (``jax.vmap``); with several GPUs each gets its share of the chains.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from bayesdeep.numerics.cores import machine_cores

PIECE = 100
"""Most iterations of one call."""
PIECE_SECONDS = 0.2
"""About how long one call should take: as long as an interruption may have to wait."""
POLL_SECONDS = 0.05

Move = Callable[[Any, Any, Any, Sequence[Any]], tuple[Any, Any]]
"""One iteration, ``move(carry, now, key, data) -> (carry, row)``: ``now`` is what it is to do, ``row`` what is kept of it."""


@dataclass
class Group:
    """Chains that are computed together, and how far they are."""

    device: Any
    chains: Sequence[int]
    batched: bool
    carry: Any
    keys: Any
    data: Any
    kept: list[Any] = field(default_factory=list)
    done: int = 0
    divergences: int = 0
    gradients: int = 0
    seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})


def groups_of(carry: Callable[[int], Any], chains: int, data: Any, seed: int, layout: str) -> list[Group]:
    """Return the chains by where they are computed, each at its starting point.

    Parameters
    ----------
    carry
        What a chain, by its number, begins with: arrays, in records as JAX knows them.
    chains
        How many.
    data
        Arrays that iterations read.
    seed
        Decides the chains' random numbers.
    layout
        ``"threads"``, ``"batch"``, or ``"auto"``: threads on a CPU, a batch elsewhere.
    """
    import jax

    devices = _devices()
    batched = devices[0].platform != "cpu" if layout == "auto" else layout == "batch"
    members: list[tuple[Any, list[int]]] = [(devices[0], [chain]) for chain in range(chains)]
    if batched:
        shares = np.array_split(np.arange(chains), len(devices))
        members = [(d, share.tolist()) for d, share in zip(devices, shares, strict=True) if share.size]
    groups = []
    for device, numbers in members:
        carries = [carry(c) for c in numbers]
        keys = [np.random.SeedSequence((seed, c)).generate_state(2) for c in numbers]
        together = jax.tree.map(lambda *v: np.stack(v), *carries) if batched else carries[0]
        words = np.stack(keys) if batched else keys[0]
        put = jax.device_put((together, words, data), device)
        groups.append(Group(device, numbers, batched, *put))
    return groups


def _devices() -> list[Any]:
    """Return the devices to use: all of JAX's default kind, or the one the user has told JAX to use."""
    import jax

    (device,) = jax.device_put(0.0).devices()
    several = device.platform != "cpu" and jax.config.jax_default_device is None
    return list(jax.local_devices(backend=device.platform)) if several else [device]


def devices_used(groups: Sequence[Group]) -> str:
    """Return the names of the devices the chains run on."""
    names = {g.device.platform if g.device.platform == "cpu" else f"{g.device.platform} ({g.device.device_kind})" for g in groups}
    return ", ".join(sorted(names))


def programs_of(move: Move, groups: Sequence[Group], todo: Any) -> list[Any]:
    """Return each group's compiled program ``(carry, keys, todo, *data) -> (carry, rows)``; equal ones are compiled once."""
    import jax

    made: dict[Any, Any] = {}
    for group in groups:
        key = (group.device, len(group.chains))
        if key not in made:
            function = _iterations(move)
            if group.batched:
                function = jax.vmap(function, in_axes=(0, 0, None, *(None for _ in group.data)))
            arguments = (group.carry, group.keys, jax.device_put(_piece(todo, 0, 1), group.device), *group.data)
            made[key] = jax.jit(function).lower(*arguments).compile()
    return [made[group.device, len(group.chains)] for group in groups]


def _iterations(move: Move) -> Callable[..., Any]:
    """Return the function that makes :data:`PIECE` iterations of one chain, or fewer: those that are active."""
    import jax
    import jax.numpy as jnp

    def iterations(carry: Any, words: Any, todo: Any, *data: Any) -> Any:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def active(carry: Any, now: Any) -> Any:
            return move(carry, now, jax.random.fold_in(key, now.number), data)

        def one(carry: Any, now: Any) -> Any:
            _, shape = jax.eval_shape(active, carry, now)
            nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
            return jax.lax.cond(now.active, active, lambda carry, now: (carry, nothing), carry, now)

        return jax.lax.scan(one, carry, todo)

    return iterations


def _piece(todo: Any, begin: int, count: int) -> Any:
    """Return ``count`` iterations, and idle ones up to the length the program is made for."""
    return type(todo)(*(np.pad(values[begin : begin + count], (0, PIECE - count)) for values in todo))


def run_groups(
    groups: Sequence[Group],
    programs: Sequence[Any],
    todo: Any,
    computing: Callable[[], AbstractContextManager[Any]],
    cores: int | None,
    report: Callable[[], None],
) -> bool:
    """Make all iterations of every group; return whether they were cut short.

    Parameters
    ----------
    groups, programs
        The chains, which are changed, and their programs.
    todo
        What each iteration is to do: records of arrays ``(iteration,)``, among them ``number``, ``active`` and ``tuning``;
        those that tune come first.
    computing
        The context a program is called in, in each thread.
    cores
        Groups that run at once; as many as the machine has cores when None.
    report
        Called every :data:`POLL_SECONDS`.
    """
    stop = Event()
    workers = len(groups) if groups[0].batched else min(cores or machine_cores(), len(groups))
    interrupted = False
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[None]] = [
            pool.submit(_run_group, group, program, todo, computing, stop)
            for group, program in zip(groups, programs, strict=True)
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


def _failed(futures: Sequence[Future[None]]) -> bool:
    return any(f.done() and f.exception() is not None for f in futures)


def _run_group(
    group: Group, program: Any, todo: Any, computing: Callable[[], AbstractContextManager[Any]], stop: Event
) -> None:
    """Make a group's iterations, in pieces that take about :data:`PIECE_SECONDS`, and keep what is not tuning."""
    import jax

    count, last, done, tune = 1, len(todo.number), 0, int(np.sum(todo.tuning))
    with computing():
        while done < last and not stop.is_set():
            tuning = done < tune
            count = min(count, PIECE, (tune if tuning else last) - done)
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
