"""NUTS in JAX: BlackJAX's kernel, tuned by :mod:`bayesdeep.engines._jax.jax_tuning` and run in short pieces.

One program makes a number of iterations, tuning or not, and is called again and again, so that progress can be
shown and an interruption keeps what there is. What a chain draws depends on the seed and the number of the chain alone, not
on how its iterations were cut into pieces.

Where the program runs:

* On a CPU each chain has the one-chain program to itself, in a thread of a pool. Chains in one batch would wait for the
  longest trajectory of all, and their gathers and scatters do not become vector instructions.
* On a GPU all chains of a device are one batch (``jax.vmap``); with several GPUs each gets its share of the chains.

References
----------
Hoffman and Gelman (2014), Journal of Machine Learning Research 15, 1593-1623. Phan, Pradhan and Jankowiak (2019), Composable
effects for flexible and accelerated probabilistic programming in NumPyro, arXiv:1912.11554: the iterative NUTS. Cabezas,
Corenflos, Lao and Louf (2024), BlackJAX: composable Bayesian inference in JAX, arXiv:2402.10797.
"""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from threading import Event
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws, Progress
from bayesdeep.core.errors import FitError
from bayesdeep.numerics.cores import machine_cores

from .._chain_advice import advice
from .._lost_chains import lost_chains, put_in, second_seed, starts_among, told
from .._starts import climbed, safe_start
from .jax_draws import Row, collected
from .jax_tuning import Todo, plan, start, update

PIECE = 100
"""Most iterations of one call."""
PIECE_SECONDS = 0.2
"""About how long one call should take: as long as an interruption may have to wait."""
POLL_SECONDS = 0.05


@dataclass
class Group:
    """Chains that are computed together, and how far they are."""

    device: Any
    chains: Sequence[int]
    batched: bool
    carry: Any
    keys: Any
    data: Any
    kept: list[Row] = field(default_factory=list)
    done: int = 0
    divergences: int = 0
    gradients: int = 0
    seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})


def run_jax(settings: Any, target: Any, seed: int, progress: Progress, *, layout: str = "auto") -> Draws:
    """Sample; see :class:`bayesdeep.core.draws.Engine`.

    Parameters
    ----------
    settings
        :class:`bayesdeep.engines.nuts.NutsSettings`.
    target
        One with the word ``"jax"``: it has ``density(x, *data)`` for JAX to trace, ``data``, and the contexts
        ``computing()`` and ``tracing()``.
    seed, progress
        As everywhere.
    layout
        ``"threads"``, ``"batch"``, or ``"auto"``: threads on a CPU, a batch elsewhere.

    Raises
    ------
    FitError
        Where the log density is not finite, or for an option that is nutpie's alone.
    """
    if settings.adaptation == "low_rank":
        raise FitError("nuts: adaptation='low_rank' is nutpie's; leave it out, or leave device out")
    began = time.perf_counter()
    starts = [safe_start(target, np.random.default_rng((seed, chain)), "nuts") for chain in range(settings.chains)]
    starts = [climbed(target, x, settings.climb) for x in starts]
    with target.tracing():
        groups = _groups(settings, target, seed, starts, layout)
        programs = _programs(settings, target, groups)
    ready = time.perf_counter()
    interrupted = _run(settings, target, groups, programs, progress)
    positions, stats = collected(groups, settings.draws)
    said: tuple[str, ...] = ()
    lost = () if interrupted or "network" in target.words else lost_chains(stats["lp"])
    if lost:
        before, fewer = stats["lp"], replace(settings, chains=len(lost))
        with target.tracing():
            more = _groups(fewer, target, second_seed(seed), list(starts_among(positions, lost, seed)), layout)
            programs = _programs(fewer, target, more)
        interrupted = _run(fewer, target, more, programs, progress)
        groups = [*groups, *more]
        if not interrupted:
            positions, stats = put_in(positions, stats, lost, collected(more, settings.draws))
            said = (told(lost, before, stats["lp"]),)
    seconds = time.perf_counter() - ready
    spent = {tuning: sum(g.seconds[tuning] for g in groups) for tuning in (True, False)}
    share = spent[True] / max(sum(spent.values()), 1e-12)
    return Draws(
        positions=positions,
        stats=stats,
        exact=True,
        status="interrupted" if interrupted else "ok",
        advice=(
            *said,
            *advice(settings, stats, interrupted, "" if "network" in target.words else "Standardise the predictors."),
        ),
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=seconds * share,
        seconds_sample=seconds * (1 - share),
        details={
            "divergences": float(stats["diverging"].sum()),
            "step_size": float(stats["step_size"][:, -1].mean()),
            "gradients": float(sum(g.gradients for g in groups)),
            "device": ", ".join(sorted({_name(g.device) for g in groups})),
            "backend": f"jax {version('jax')}, blackjax {version('blackjax')}",
        },
    )


def _groups(settings: Any, target: Any, seed: int, starts: Sequence[np.ndarray], layout: str) -> list[Group]:
    """Return the chains by where they are computed, each at its starting point."""
    import jax
    from blackjax.mcmc.hmc import HMCState

    devices = _devices()
    batched = devices[0].platform != "cpu" if layout == "auto" else layout == "batch"
    members: list[tuple[Any, list[int]]] = [(devices[0], [chain]) for chain in range(settings.chains)]
    if batched:
        shares = np.array_split(np.arange(settings.chains), len(devices))
        members = [(d, share.tolist()) for d, share in zip(devices, shares, strict=True) if share.size]

    def carry(chain: int) -> Any:
        value, gradient = target.logp_dlogp(starts[chain])
        x, value, slope, scales = (np.asarray(v, target.precision) for v in (starts[chain], value, gradient, target.jitter))
        return HMCState(x, value, slope), start(scales, slope)

    def key(chain: int) -> np.ndarray:
        return np.random.SeedSequence((seed, chain)).generate_state(2)

    groups = []
    for device, chains in members:
        carries, keys = [carry(c) for c in chains], [key(c) for c in chains]
        together = jax.tree.map(lambda *v: np.stack(v), *carries) if batched else carries[0]
        words = np.stack(keys) if batched else keys[0]
        put = jax.device_put((together, words, target.data), device)
        groups.append(Group(device, chains, batched, *put))
    return groups


def _devices() -> list[Any]:
    """Return the devices to use: all of JAX's default kind, or the one the user has told JAX to use."""
    import jax

    (device,) = jax.device_put(0.0).devices()
    several = device.platform != "cpu" and jax.config.jax_default_device is None
    return list(jax.local_devices(backend=device.platform)) if several else [device]


def _name(device: Any) -> str:
    return device.platform if device.platform == "cpu" else f"{device.platform} ({device.device_kind})"


def _programs(settings: Any, target: Any, groups: Sequence[Group]) -> list[Any]:
    """Return each group's compiled program ``(carry, keys, todo, *data) -> (carry, rows)``; equal ones are compiled once."""
    import jax

    todo = _piece(plan(settings.tune, settings.draws), 0, 1)
    made: dict[Any, Any] = {}
    for group in groups:
        key = (group.device, len(group.chains))
        if key not in made:
            function = _iterations(settings, target)
            if group.batched:
                function = jax.vmap(function, in_axes=(0, 0, None, *(None for _ in group.data)))
            arguments = (group.carry, group.keys, jax.device_put(todo, group.device), *group.data)
            made[key] = jax.jit(function).lower(*arguments).compile()
    return [made[group.device, len(group.chains)] for group in groups]


def _iterations(settings: Any, target: Any) -> Any:
    """Return the function that makes :data:`PIECE` iterations of one chain, or fewer: those that are active."""
    import blackjax
    import jax
    import jax.numpy as jnp

    tune = partial(update, target_accept=settings.target_accept, slopes=settings.adaptation == "diag")
    kernel = blackjax.nuts.build_kernel()

    def iterations(carry: Any, words: Any, todo: Todo, *data: Any) -> Any:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def move(carry: Any, now: Todo) -> Any:
            state, tuned = carry
            step_size = tuned.step_size
            state, info = kernel(
                jax.random.fold_in(key, now.number),
                state,
                lambda x: target.density(x, *data),
                step_size,
                tuned.inverse_mass,
                settings.max_treedepth,
            )
            tuned = jax.lax.cond(
                now.tuning,
                lambda t: tune(t, now, state.position, state.logdensity_grad, info.acceptance_rate),
                lambda t: t,
                tuned,
            )
            deep = (info.num_trajectory_expansions >= settings.max_treedepth) & ~info.is_turning & ~info.is_divergent
            row = Row(
                state.position,
                state.logdensity,
                info.is_divergent,
                info.energy,
                info.num_trajectory_expansions,
                info.num_integration_steps,
                step_size,
                info.acceptance_rate,
                deep,
            )
            return (state, tuned), row

        def one(carry: Any, now: Todo) -> Any:
            _, shape = jax.eval_shape(move, carry, now)
            nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
            return jax.lax.cond(now.active, move, lambda carry, now: (carry, nothing), carry, now)

        return jax.lax.scan(one, carry, todo)

    return iterations


def _piece(todo: Todo, begin: int, count: int) -> Todo:
    """Return ``count`` iterations, and idle ones up to the length the program is made for."""
    return Todo(*(np.pad(values[begin : begin + count], (0, PIECE - count)) for values in todo))


def _run(settings: Any, target: Any, groups: Sequence[Group], programs: Sequence[Any], progress: Progress) -> bool:
    """Run every group to its end; return whether it was cut short."""
    todo, stop = plan(settings.tune, settings.draws), Event()
    total = settings.chains * (settings.tune + settings.draws)
    workers = len(groups) if groups[0].batched else min(settings.cores or machine_cores(), len(groups))
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[None]] = [
            pool.submit(_run_group, target, group, program, todo, settings.tune, stop)
            for group, program in zip(groups, programs, strict=True)
        ]
        interrupted = False
        try:
            waiting = True
            while waiting:
                waiting = bool(wait(futures, POLL_SECONDS, FIRST_EXCEPTION).not_done) and not _failed(futures)
                progress.update(sum(g.done * len(g.chains) for g in groups), total, _note(settings, groups))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop.set()
    for future in futures:
        future.result()
    progress.update(total, total, "interrupted" if interrupted else "")
    return interrupted


def _failed(futures: Sequence[Future[None]]) -> bool:
    return any(f.done() and f.exception() is not None for f in futures)


def _run_group(target: Any, group: Group, program: Any, todo: Todo, tune: int, stop: Event) -> None:
    """Make a group's iterations, in pieces that take about :data:`PIECE_SECONDS`."""
    import jax

    count, last = 1, len(todo.number)
    with target.computing():
        while group.done < last and not stop.is_set():
            tuning = group.done < tune
            count = min(count, PIECE, (tune if tuning else last) - group.done)
            began = time.perf_counter()
            piece = jax.device_put(_piece(todo, group.done, count), group.device)
            group.carry, rows = program(group.carry, group.keys, piece, *group.data)
            axis = 1 if group.batched else 0
            found = jax.tree.map(lambda v: np.asarray(v).take(range(count), axis), rows)  # noqa: B023
            seconds = time.perf_counter() - began
            group.seconds[tuning] += seconds
            group.done += count
            group.gradients += int(found.n_steps.sum())
            if not tuning:
                group.kept.append(found)
                group.divergences += int(found.diverging.sum())
            count = max(1, min(2 * count, int(count * PIECE_SECONDS / max(seconds, 1e-9))))


def _note(settings: Any, groups: Sequence[Group]) -> str:
    divergences = sum(g.divergences for g in groups)
    parts = ["tuning"] if any(g.done < settings.tune for g in groups) else []
    return ", ".join([*parts, f"{divergences} divergences"] if divergences else parts)
