"""NUTS in JAX: BlackJAX's kernel, tuned by :mod:`bayesdeep.engines._jax.jax_tuning`, in chains of :mod:`.jax_chains`.

References
----------
Hoffman and Gelman (2014), Journal of Machine Learning Research 15, 1593-1623. Phan, Pradhan and Jankowiak (2019), Composable
effects for flexible and accelerated probabilistic programming in NumPyro, arXiv:1912.11554: the iterative NUTS. Cabezas,
Corenflos, Lao and Louf (2024), BlackJAX: composable Bayesian inference in JAX, arXiv:2402.10797.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws, Progress
from bayesdeep.core.errors import FitError

from .._chain_advice import advice, cut_short, status_of
from .._lost_chains import lost_chains, put_in, second_seed, starts_among, told
from .._starts import climbed, safe_start
from .jax_chains import Group, Move, devices_used, groups_of, programs_of, run_groups
from .jax_draws import Row, collected
from .jax_tuning import Todo, plan, start, update


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
    read_off = advice(settings, stats, "" if "network" in target.words else "Standardise the predictors.")
    return Draws(
        positions=positions,
        stats=stats,
        exact=True,
        status=status_of(stats, interrupted, "network" in target.words),
        advice=(*said, *cut_short(stats["lp"], interrupted), *read_off),
        judged=read_off,
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=seconds * share,
        seconds_sample=seconds * (1 - share),
        details={
            "divergences": float(stats["diverging"].sum()),
            "step_size": float(stats["step_size"][:, -1].mean()),
            "gradients": float(sum(g.gradients for g in groups)),
            "device": devices_used(groups),
            "backend": f"jax {version('jax')}, blackjax {version('blackjax')}",
        },
    )


def _groups(settings: Any, target: Any, seed: int, starts: Sequence[np.ndarray], layout: str) -> list[Group]:
    """Return the chains by where they are computed, each at its starting point."""
    from blackjax.mcmc.hmc import HMCState

    def carry(chain: int) -> Any:
        value, gradient = target.logp_dlogp(starts[chain])
        x, value, slope, scales = (np.asarray(v, target.precision) for v in (starts[chain], value, gradient, target.jitter))
        return HMCState(x, value, slope), start(scales, slope)

    return groups_of(carry, settings.chains, target.data, seed, layout)


def _programs(settings: Any, target: Any, groups: Sequence[Group]) -> list[Any]:
    """Return each group's compiled program."""
    return programs_of(_move(settings, target), groups, plan(settings.tune, settings.draws))


def _move(settings: Any, target: Any) -> Move:
    """Return one iteration of NUTS."""
    import blackjax
    import jax

    tune = partial(update, target_accept=settings.target_accept, slopes=settings.adaptation == "diag")
    kernel = blackjax.nuts.build_kernel()

    def move(carry: Any, now: Todo, key: Any, data: Sequence[Any]) -> Any:
        state, tuned = carry
        state, info = kernel(
            key,
            state,
            lambda x: target.density(x, *data),
            tuned.step_size,
            tuned.inverse_mass,
            settings.max_treedepth,
        )
        deep = (info.num_trajectory_expansions >= settings.max_treedepth) & ~info.is_turning & ~info.is_divergent
        row = Row(
            state.position,
            state.logdensity,
            info.is_divergent,
            info.energy,
            info.num_trajectory_expansions,
            info.num_integration_steps,
            tuned.step_size,
            info.acceptance_rate,
            deep,
        )
        tuned = jax.lax.cond(
            now.tuning,
            lambda t: tune(t, now, state.position, state.logdensity_grad, info.acceptance_rate),
            lambda t: t,
            tuned,
        )
        return (state, tuned), row

    return move


def _run(settings: Any, target: Any, groups: Sequence[Group], programs: Sequence[Any], progress: Progress) -> bool:
    """Run every group to its end; return whether it was cut short."""
    total = settings.chains * (settings.tune + settings.draws)

    def report() -> None:
        progress.update(sum(g.done * len(g.chains) for g in groups), total, _note(settings, groups))

    todo = plan(settings.tune, settings.draws)
    interrupted = run_groups(groups, programs, todo, target.computing, settings.cores, report)
    progress.update(total, total, "interrupted" if interrupted else "")
    return interrupted


def _note(settings: Any, groups: Sequence[Group]) -> str:
    divergences = sum(g.divergences for g in groups)
    parts = ["tuning"] if any(g.done < settings.tune for g in groups) else []
    return ", ".join([*parts, f"{divergences} divergences"] if divergences else parts)
