"""How the fits of a comparison are kept from the rows they are scored on: by leave-one-out weights, or by refitting."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.display.progress import progress_bar
from bayesdeep.inference.kfold import collected, fold_refits
from bayesdeep.inference.loo import bad_rows, why_not_weighed
from bayesdeep.inference.refit import Refit, Refitted, Visit, recipe_of, refits, run_refits
from bayesdeep.results.fitted import Fitted

from .assessed_fit import Assessed, by_folds, by_loo, left_out_exactly, response_kind, score_left_out

Outcomes = tuple[Refitted, ...] | Exception
"""The refits of a fit in their order, or why one of them failed."""
SCORES = ("auto", "loo", "folds")
MOST_REFITS = 10
"""Rows with large Pareto k-hat up to which each is left out by a refit of its own; with more, folds cost less."""


@dataclass(frozen=True)
class Work:
    """How refits are done: the number of folds, their seed, where they run, and whether a bar shows how far they are."""

    k: int = 10
    seed: int | None = None
    executor: Executor | None = None
    workers: int = 1
    progress: bool = True


@dataclass(frozen=True, eq=False)
class Scored:
    """Assessments by name, why there is none of the others, how it was done in words, and what to mind of that."""

    found: Mapping[str, Assessed]
    failed: Mapping[str, str]
    how: str
    notes: tuple[str, ...] = ()


def score_groups(fits: Mapping[str, Fitted], by: str, groups: np.ndarray, work: Work) -> Scored:
    """Score fits on whole groups that they were refitted without."""
    tasks, failed = _in_folds(fits, groups, work)
    found = _worked_off(tasks, work)
    assessed, more = _of_folds(fits, {name: found[name] for name in tasks}, {}, by, groups)
    return Scored(assessed, failed | more, f"groups of '{by}' left out in {work.k} folds")


def score_rows(fits: Mapping[str, Fitted], score: str, work: Work) -> Scored:
    """Score fits on rows that they have not seen.

    With ``score="auto"`` by leave-one-out where there are posterior draws. Rows whose weights fail are left out by refits, one
    row each; if that were more than :data:`MOST_REFITS` for one of the fits, all are refitted in the same folds.
    """
    loos, failed = _loos(fits, score, work.progress)
    bad = {name: bad_rows(one.elpd) for name, one in loos.items() if score == "auto" and _can_be_refitted(fits[name])}
    too_many = {name: len(rows) for name, rows in bad.items() if len(rows) > MOST_REFITS}
    kept = {name: one for name, one in loos.items() if not (too_many and name in bad)}
    why = {
        name: (f"{count:,} of {fits[name].rows.rows:,} rows have Pareto k-hat above {loos[name].elpd.good_k:.2f}",)
        for name, count in too_many.items()
    }
    folded = {name: fit for name, fit in fits.items() if name not in kept and name not in failed}
    tasks, more = _in_folds(folded, None, work)
    singles = {name: _single(fits[name], bad[name], work) for name in kept if len(bad.get(name, ()))}
    found = _worked_off({**tasks, **singles}, work)
    assessed, still_more = _of_folds(fits, {name: found[name] for name in tasks}, why)
    assessed |= {name: _of_loo(fits[name], one, found.get(name)) for name, one in kept.items()}
    assessed = {name: assessed[name] for name in fits if name in assessed}
    return Scored(assessed, failed | more | still_more, *_said(assessed, too_many, work.k))


def can_be_weighed(fit: Fitted) -> bool:
    """Return whether there are draws that stand for a posterior, so that a row can be taken out of them by weights."""
    return not why_not_weighed(fit.idata)


def _can_be_refitted(fit: Fitted) -> bool:
    try:
        recipe_of(fit)
    except FitError:
        return False
    return True


def _loos(fits: Mapping[str, Fitted], score: str, progress: bool) -> tuple[dict[str, Assessed], dict[str, str]]:
    """Return the leave-one-out estimates of fits that have draws, and what went wrong."""
    able = {} if score == "folds" else {name: fit for name, fit in fits.items() if can_be_weighed(fit)}
    if score == "loo" and (unable := [name for name in fits if name not in able]):
        raise FitError(
            f"compare: score='loo' weighs posterior draws, and '{unable[0]}' has none; score='auto' refits it in folds "
            f"({why_not_weighed(fits[unable[0]].idata)})"
        )
    found, failed, done = {}, {}, 0
    with progress_bar("Leave-one-out", progress and bool(able)) as bar:
        total = sum(fit.rows.rows for fit in able.values())
        for name, fit in able.items():
            try:
                found[name] = by_loo(fit, partial(_tick, bar, total, name, done))
            except Exception as error:
                failed[name] = reason(error)
            done += fit.rows.rows
    return found, failed


def _tick(bar: Progress, total: int, name: str, before: int, rows: int) -> None:
    bar.update(before + rows, total, name)


def _in_folds(
    fits: Mapping[str, Fitted], groups: np.ndarray | None, work: Work
) -> tuple[dict[str, tuple[Refit, ...]], dict[str, str]]:
    """Return the refits of each fit in folds that are the same for all, and which cannot be refitted."""
    found, failed = {}, {}
    for name, fit in fits.items():
        try:
            recipe_of(fit)
        except FitError as error:
            failed[name] = reason(error)
        else:
            found[name] = fold_refits(fit, work.k, groups, work.seed, {}, visitor(fit))
    return found, failed


def visitor(fit: Fitted) -> Visit:
    """Return what scores the rows that a refit leaves out."""
    return partial(score_left_out, response_kind(fit.spec))


def _single(fit: Fitted, rows: np.ndarray, work: Work) -> tuple[Refit, ...]:
    """Return a refit without each of these rows."""
    base = derive(fit.idata.attrs["seed"] if work.seed is None else work.seed, "without a row")
    return refits(fit, {f"row {i}": np.array([i]) for i in rows}, base, visitor(fit))


def _worked_off(jobs: Mapping[str, Sequence[Refit]], work: Work) -> dict[str, Outcomes]:
    if not any(jobs.values()):
        return {}
    with progress_bar("Refits", work.progress) as bar:
        return run_refits(jobs, work.executor, work.workers, bar, "compare")


def _of_folds(
    fits: Mapping[str, Fitted],
    found: Mapping[str, Outcomes],
    why: Mapping[str, tuple[str, ...]],
    by: str | None = None,
    groups: np.ndarray | None = None,
) -> tuple[dict[str, Assessed], dict[str, str]]:
    """Return assessments of the fits that were refitted in folds, and which of these failed."""
    assessed, failed = {}, {}
    for name, result in found.items():
        if isinstance(result, Exception):
            failed[name] = reason(result)
        else:
            assessed[name] = by_folds(fits[name], collected(result, by, groups), why.get(name, ()))
    return assessed, failed


def _of_loo(fit: Fitted, one: Assessed, result: Outcomes | None) -> Assessed:
    """Return the assessment of a fit by leave-one-out, with what refits found of rows whose weights fail."""
    if isinstance(result, Exception):
        return replace(one, notes=(f"refits without rows of large Pareto k-hat failed: {reason(result)}", *one.notes))
    if not result:
        return one
    what = "1 row" if len(result) == 1 else f"{len(result)} rows"
    note = f"{what} with Pareto k-hat above {one.elpd.good_k:.2f} left out exactly, by refitting"
    exact = left_out_exactly(fit, one, result)
    return replace(exact, notes=(note, *exact.notes))


def _said(assessed: Mapping[str, Assessed], too_many: Mapping[str, int], k: int) -> tuple[str, tuple[str, ...]]:
    """Return how rows were kept from the fits, and what to mind where that differs between them."""
    folded = [name for name, one in assessed.items() if one.kind == "folds"]
    if not folded:
        return "scored by PSIS leave-one-out", ()
    if len(folded) == len(assessed):
        named = ", ".join(f"'{name}'" for name in too_many)
        why = f", since leave-one-out does not serve for {named}" if too_many else ""
        return f"scored on rows left out in the same {k} folds{why}", ()
    shown = ", ".join(f"'{name}'" for name in folded)
    return f"scored by PSIS leave-one-out; fits without posterior draws in {k} folds", (
        f"{shown} learned from {1 - 1 / k:.0%} of the rows for each score, the others from all but one; score='folds' refits "
        "all in the same folds",
    )


def reason(error: Exception) -> str:
    """Return an error as a clause of a warning."""
    text = str(error).strip().splitlines()
    kind = "" if isinstance(error, FitError) else f"{type(error).__name__}: "
    return f"{kind}{text[0].rstrip('.')}" if text else type(error).__name__
