"""The way into nutpie and back: a target as its compiled model, its trace as arrays.

The target may offer ``native``, a C function (its ``address``, and ``keep``, what must stay alive meanwhile):
``int64 f(uint64 dim, double *x, double *gradient, double *logp, void *unused)``, which returns a positive number
where the log density is not finite. Without it every gradient is one call of ``logp_dlogp`` under Python's lock.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from bayesdeep.core.draws import Progress, Target
from bayesdeep.core.errors import FitError
from bayesdeep.numerics.cores import machine_cores

from .._starts import climbed

POLL_SECONDS, POLL_SHARE, MOST_POLL_SECONDS = 0.01, 0.05, 0.1
"""Least and most time between two looks at the chains, and its share of the time they have run: a look takes a millisecond."""

RUST = "pyo3_runtime"
"""Module of the class of Rust's panics, which cannot be imported."""

# nutpie's name of each statistic, and the name and type ArviZ knows it by.
STATS: Mapping[str, tuple[str, type]] = {
    "logp": ("lp", float),
    "diverging": ("diverging", bool),
    "energy": ("energy", float),
    "depth": ("tree_depth", int),
    "n_steps": ("n_steps", int),
    "step_size": ("step_size", float),
    "mean_tree_accept": ("acceptance_rate", float),
    "maxdepth_reached": ("reached_max_treedepth", bool),
}


def compiled(
    target: Target, failures: list[BaseException], climb: int = 0, starts: np.ndarray | None = None
) -> Any:
    """Return nutpie's view of the target; what its Python parts raise is put into ``failures``.

    Chains start after so many steps uphill from a random point, or from one of the points ``starts`` ``(point, dim)``.
    """

    def start(seed: int) -> np.ndarray:
        # The result must be an array even when the target fails: an exception in a Rust thread is lost.
        try:
            if starts is not None:
                return np.ascontiguousarray(starts[np.random.default_rng(seed).integers(len(starts))])
            x = np.ascontiguousarray(target.initial(np.random.default_rng(seed)), dtype=np.float64)
            return climbed(target, x, climb) if climb else x
        except BaseException as error:
            failures.append(error)
            return np.full(target.dim, np.nan)

    native = getattr(target, "native", None)
    return _from_callback(target, start, failures) if native is None else _from_native(target.dim, native, start)


def _from_native(dim: int, native: Any, start: Callable[[int], np.ndarray]) -> Any:
    from nutpie.compile_pymc import CompiledPyMCModel

    return CompiledPyMCModel(
        dims={},
        _coords={},
        _n_dim=dim,
        _shapes={"x": (dim,)},
        compiled_logp_func=SimpleNamespace(address=native.address, keep=native.keep),
        compiled_expand_func=_identity(),
        initial_point_func=start,
        shared_data={},
        shared_var_keys={},
        user_data=np.zeros(1),
        n_expanded=dim,
        shape_info=(["x"], [slice(0, dim)], [(dim,)]),
        logp_func=None,
        expand_func=None,
    )


@cache
def _identity() -> Any:
    """Return the C function that copies a position: the package names the variables afterwards, all at once."""
    import numba
    from numba import types

    double = types.CPointer(types.float64)

    @numba.cfunc(types.int64(types.uint64, types.uint64, double, double, types.voidptr))
    def copy(dim: Any, expanded: Any, x: Any, out: Any, unused: Any) -> Any:
        for i in range(dim):
            out[i] = x[i]
        return 0

    return copy


def _from_callback(target: Target, start: Callable[[int], np.ndarray], failures: list[BaseException]) -> Any:
    from nutpie.compiled_pyfunc import from_pyfunc

    nowhere = np.full(target.dim, np.nan)

    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        try:
            value, gradient = target.logp_dlogp(x)
            gradient = np.ascontiguousarray(gradient, dtype=np.float64)
        except BaseException as error:
            failures.append(error)
            return float("nan"), nowhere
        return (float(value), gradient) if np.isfinite(gradient).all() else (float("nan"), nowhere)

    return from_pyfunc(
        target.dim,
        lambda: density,
        lambda *seeds: lambda x: {"x": x},
        [np.dtype("float64")],
        [(target.dim,)],
        ["x"],
        make_initial_point_fn=start,
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what nutpie raises, and what Rust's panics come out as, which no ``except Exception`` catches, into a FitError."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, RuntimeError) and type(error).__module__ != RUST:
            raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FitError(
            f"nuts: a chain could not go on: {first}. The log density is not finite near the starting points, its gradient is "
            "zero there, or it is so steep that no step is small enough; check the priors and the scale of the data. Known "
            "standard errors that are far too small make it so as well."
        ) from error


def sample(
    settings: Any, compiled: Any, seed: int, progress: Progress, failures: list[BaseException]
) -> tuple[np.ndarray, dict[str, np.ndarray], float, bool]:
    """Return positions, statistics, the share of the leapfrog steps spent on tuning, and whether it was cut short."""
    total = settings.chains * (settings.draws + settings.tune)
    with _refusing():
        draws, table, interrupted = _traced(settings, compiled, seed, progress, failures)
    other = [e for e in failures if not isinstance(e, KeyboardInterrupt)]
    if other:
        if isinstance(other[0], FitError):
            raise other[0]
        raise FitError(f"nuts: the log density failed: {other[0]}") from other[0]
    interrupted = interrupted or bool(failures)
    positions, stats, share = _unpack(draws, table)
    if positions.size == 0:
        raise KeyboardInterrupt("nuts was interrupted before the first draw after tuning")
    if not np.isfinite(positions).all() or not np.isfinite(stats["lp"]).all():
        raise FitError("nuts: a chain reached a log density that is not finite; check the priors and the data's scale")
    progress.update(total, total, "interrupted" if interrupted else "")
    return positions, stats, share, interrupted


def _traced(
    settings: Any, compiled: Any, seed: int, progress: Progress, failures: list[BaseException]
) -> tuple[Any, Any, bool]:
    """Return nutpie's tables of draws and statistics, and whether the user cut it short."""
    import nutpie

    total = settings.chains * (settings.draws + settings.tune)
    latest: list[Any] = []
    handle = nutpie.sample(
        compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.cores or machine_cores(), settings.chains),
        seed=seed,
        adaptation=settings.adaptation,
        target_accept=settings.target_accept,
        maxdepth=settings.max_treedepth,
        progress_bar=False,
        progress_callback=lambda chains: latest.append(chains),
        return_raw_trace=True,
        blocking=False,
    )
    interrupted, began = False, time.perf_counter()
    try:
        while not failures and not _finished(handle):
            time.sleep(min(MOST_POLL_SECONDS, max(POLL_SECONDS, POLL_SHARE * (time.perf_counter() - began))))
            if latest:
                # The callback runs in a thread of the sampler; the report is made from this one.
                chains = latest[-1]
                latest.clear()
                progress.update(sum(c.finished_draws for c in chains), total, _note(chains))
        raw = handle.abort() if failures else handle.wait()
    except KeyboardInterrupt:
        interrupted, raw = True, handle.abort()
    return *raw.get_arrow_trace(), interrupted


def _finished(handle: Any) -> bool:
    try:
        return bool(handle.is_finished)
    except TimeoutError:
        return False


def _note(chains: list[Any]) -> str:
    divergences = sum(c.divergences for c in chains if not c.tuning)
    parts = ["tuning"] if any(c.tuning for c in chains) else []
    return ", ".join([*parts, f"{divergences} divergences"] if divergences else parts)


def _unpack(draws: list[Any], stats: list[Any]) -> tuple[np.ndarray, dict[str, np.ndarray], float]:
    """Return kept positions ``(chain, draw, dim)``, statistics ``(chain, draw)`` and the tuning share of steps."""
    tuned = [_column(s, "tuning", bool) for s in stats]
    kept = _longest_block([int((~t).sum()) for t in tuned])
    steps = [_column(s, "n_steps", int) for s in stats]
    spent = sum(int(s.sum()) for s in steps)
    share = sum(int(s[t].sum()) for s, t in zip(steps, tuned, strict=True)) / max(spent, 1)
    if not kept:
        return np.zeros((0, 0, 0)), {}, share
    length = min(int((~tuned[i]).sum()) for i in kept)

    def trim(i: int, values: np.ndarray) -> np.ndarray:
        return values[~tuned[i]][:length]

    positions = np.stack([trim(i, _column(draws[i], "x", float).reshape(tuned[i].size, -1)) for i in kept])
    table = {
        ours: np.stack([trim(i, _column(stats[i], name, kind)) for i in kept])
        for name, (ours, kind) in STATS.items()
    }
    return positions, table, share


def _longest_block(lengths: list[int]) -> list[int]:
    """Return the chains that, cut to a common length, keep the most draws; all of them after a full run."""
    order = sorted((i for i, n in enumerate(lengths) if n), key=lambda i: -lengths[i])
    sizes = [(k + 1) * lengths[i] for k, i in enumerate(order)]
    return sorted(order[: len(sizes) - sizes[::-1].index(max(sizes))]) if order else []


def _column(batch: Any, name: str, kind: type) -> np.ndarray:
    import pyarrow

    column = pyarrow.array(batch.column(name))
    flat = column.flatten() if hasattr(column, "flatten") else column
    return np.asarray(flat.to_numpy(zero_copy_only=False), dtype=kind)
