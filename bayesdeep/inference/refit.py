"""Fits without some of the rows: plain data that any process can work off, one after another or side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from threading import Lock
from typing import Any

import numpy as np

from bayesdeep.core.draws import Engine, Progress
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.results.draw_arrays import enough_draws, flat_posterior
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.log_score import chain_variance, log_score_chains
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec

from .run import COMMON, find_engine, run_engine, settings_of, variant_for, words_of

LEAST_HELD_OUT = 1_000
"""How many draws the rows left out are scored with at least; see :func:`~bayesdeep.results.draw_arrays.enough_draws`."""

Visit = Callable[[ModelSpec, Mapping[str, np.ndarray], Rows, np.ndarray, int], Any]
"""Called after a refit with spec, draws by name, the rows left out, their positions and a seed."""

_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True, eq=False)
class Refit:
    """A model to be fitted without some of its rows; it can be pickled if ``visit`` can.

    Attributes
    ----------
    spec, rows, out
        The model, all rows, and the positions of those left out.
    method, common, options
        The engine's name, the settings all engines share, and its own.
    seed
        Of the fit and of what is drawn for the rows left out.
    visit
        See :data:`Visit`; what it returns is kept.
    """

    spec: ModelSpec
    rows: Rows
    out: np.ndarray
    method: str
    common: Mapping[str, int]
    options: Mapping[str, Any]
    seed: int
    visit: Visit | None = None


@dataclass(frozen=True, eq=False)
class Refitted:
    """What a refit found.

    Attributes
    ----------
    out, values
        The positions of the rows left out and their log predictive densities, ``(row,)`` each.
    variance
        That of the sum of ``values`` which comes of having these chains and no others.
    advice
        What the method said of the fit.
    visited
        What ``visit`` returned.
    """

    out: np.ndarray
    values: np.ndarray
    variance: float = 0.0
    advice: tuple[str, ...] = field(default=())
    visited: Any = None


def recipe_of(fit: Fitted, options: Mapping[str, Any] | None = None) -> tuple[dict[str, int], dict[str, Any]]:
    """Return with which shared settings, and which of its method's own, a fit is fitted again.

    Raises
    ------
    FitError
        For an option its method does not have, and where refits would not repeat what the fit is.
    """
    attrs = fit.idata.attrs
    if "chain_weights" in attrs:
        raise FitError(
            "kfold: this fit's chains were weighted, and refits would not repeat that; use the fit it is from"
        )
    if "one_of" in attrs:
        raise FitError(
            f"kfold: this is one response of a model of {attrs['one_of']}, and a refit would be of this response alone, without "
            "what the others say; use kfold() or loo() of the fit of all of them"
        )
    return recipe(fit.idata, variant_for(find_engine(attrs["method"]), words_of(fit.spec)), options)


def recipe(tree: Any, engine: Engine, options: Mapping[str, Any] | None) -> tuple[dict[str, int], dict[str, Any]]:
    """Return the settings, shared and its own, with which an engine makes draws such as those of ``tree`` again."""
    attrs, sizes = tree.attrs, tree["posterior"].sizes
    before = dict(attrs["settings"])
    given = {**{name: value for name, value in before.items() if name not in COMMON}, **(options or {})}
    common = {"draws": int(sizes["draw"]), "tune": before.get("tune", 1000), "chains": int(sizes["chain"])}
    common |= {name: given.pop(name) for name in COMMON if name in given}
    settings_of(engine, common, given)
    return common, given


def refits(
    fit: Fitted,
    outs: Mapping[str, np.ndarray],
    base: int,
    visit: Visit | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Refit, ...]:
    """Return a refit for each of ``outs``, the positions to leave out by what they are (``"fold 0"``); ``base`` is a seed."""
    common, given = recipe_of(fit, options)
    rows, method = replace(own_rows(fit, "refit"), columns={}, index=None), str(fit.idata.attrs["method"])
    return tuple(
        Refit(fit.spec, rows, out, method, common, given, derive(base, what), visit) for what, out in outs.items()
    )


def refit(task: Refit) -> Refitted:
    """Fit without the rows, and score them.

    Raises
    ------
    KeyboardInterrupt
        When stopped: methods keep what they have, but it is no fit.
    """
    # Threads of one process would share PyTensor's and JAX's settings.
    with _ONE_AT_A_TIME:
        engine = variant_for(find_engine(task.method), words_of(task.spec))
        keep = np.setdiff1d(np.arange(task.rows.rows), task.out)
        tree = run_engine(
            task.spec, task.rows.take(keep), engine, dict(task.common), dict(task.options), task.seed, False
        )
        if tree.attrs["status"] == "interrupted":
            raise KeyboardInterrupt
        posterior = enough_draws(flat_posterior(tree["posterior"].to_dataset(), task.spec), LEAST_HELD_OUT)
        held = task.rows.take(task.out)
        sizes = tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]
        scored = blocks(task.spec, posterior, held, "pointwise", "sample", task.seed)
        values, without = log_score_chains(scored, held.rows, sizes)
        visited = task.visit(task.spec, posterior, held, task.out, task.seed) if task.visit else None
        return Refitted(task.out, values, chain_variance(without), tuple(tree.attrs["advice"]), visited)


def run_refits(
    jobs: Mapping[str, Sequence[Refit]], executor: Executor | None, workers: int, bar: Progress, where: str = "kfold"
) -> dict[str, tuple[Refitted, ...] | Exception]:
    """Work off the refits of several fits; a failed one ends those of its fit alone.

    Parameters
    ----------
    jobs
        Refits by the name of their fit.
    executor, workers
        Where they run: on the executor, in so many processes of this machine, or (1) one after another in this process.
        The results are the same.
    bar
        Moved a step by each refit.

    Returns
    -------
    dict
        By name, the refits of a fit in their order, or why one of them failed.

    Raises
    ------
    FitError
        Where ``workers`` makes no sense.
    KeyboardInterrupt
        When stopped, with a text that says that nothing is kept.
    """
    if executor is not None and workers != 1:
        raise FitError(f"{where}: give executor=… or workers={workers}, not both")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise FitError(f"{where}: workers is {workers!r}; give a whole number, 1 or more")
    total, done = sum(map(len, jobs.values())), 0
    found: dict[str, dict[int, Refitted]] = {name: {} for name in jobs}
    failed: dict[str, Exception] = {}
    bar.update(0, total)
    try:
        with _place(executor, min(workers, total)) as place:
            for name, k, result in _results(jobs, place, failed):
                done += 1
                bar.update(done, total, name)
                if isinstance(result, Exception):
                    failed.setdefault(name, result)
                else:
                    found[name][k] = result
        bar.update(total, total)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{where} was stopped after {done} of {total} refits; nothing of them is kept, and the fits are as they were"
        ) from None
    return {name: failed.get(name) or tuple(found[name][k] for k in range(len(tasks))) for name, tasks in jobs.items()}


@contextmanager
def _place(executor: Executor | None, workers: int) -> Iterator[Executor | None]:
    if executor is not None or workers < 2:
        with nullcontext(executor) as place:
            yield place
        return
    # Forked processes would inherit threads of JAX and numba in an unknown state.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


Outcome = tuple[str, int, "Refitted | Exception"]


def _results(
    jobs: Mapping[str, Sequence[Refit]], executor: Executor | None, failed: Mapping[str, Exception]
) -> Iterator[Outcome]:
    """Yield fit, number and outcome of each refit as they come; those of fits that have ``failed`` by then are left out."""
    every = [(name, k, task) for name, tasks in jobs.items() for k, task in enumerate(tasks)]
    if executor is None:
        for name, k, task in every:
            if name not in failed:
                yield name, k, _outcome(partial(refit, task))
        return
    futures: dict[Future[Refitted], tuple[str, int]] = {}
    try:
        futures = {executor.submit(refit, task): (name, k) for name, k, task in every}
        for future in as_completed(futures):
            name, k = futures[future]
            if name not in failed:
                yield name, k, _outcome(future.result)
            for other, (own, _) in futures.items():
                if own in failed:
                    other.cancel()
    finally:
        for future in futures:
            future.cancel()


def _outcome(make: Callable[[], Refitted]) -> Refitted | Exception:
    try:
        return make()
    except Exception as error:
        return error
