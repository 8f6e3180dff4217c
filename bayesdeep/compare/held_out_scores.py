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
from bayesdeep.results.fitted import Fitted, own_rows

from .assessed_fit import Assessed, Gather, by_folds, by_loo, left_out_exactly, score_left_out
from .refit_allowance import Allowance, cost_of, demanded, how_to, in_words, rows_in_words

Outcomes = tuple[Refitted, ...] | Exception
"""The refits of a fit in their order, or why one of them failed."""
SCORES = ("auto", "loo", "folds")
MOST_REFITS = 10
"""Rows with large Pareto k-hat up to which each is left out by a refit of its own; with more, folds cost less."""


@dataclass(frozen=True)
class Work:
    """How refits are done: the number of folds, their seed, where they run, whether progress is shown, and how many may be."""

    k: int = 10
    seed: int | None = None
    executor: Executor | None = None
    workers: int = 1
    progress: bool = True
    refits: str | bool | int = "auto"


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
    demanded(work.refits, cost_of(fits, tasks, work.workers), f"target='groups' in {work.k} folds")
    found = _worked_off(fits, tasks, work)
    assessed, more = _of_folds(fits, {name: found[name] for name in tasks}, {}, by, groups)
    return Scored(assessed, failed | more, f"groups of '{by}' left out in {work.k} folds")


def score_rows(fits: Mapping[str, Fitted], score: str, work: Work) -> Scored:
    """Score fits on rows that they have not seen.

    With ``score="auto"`` by leave-one-out where there are posterior draws. Rows whose weights fail are left out by refits, one
    row each; if that were more than :data:`MOST_REFITS` for one of the fits, all are refitted in the same folds. What
    ``work.refits`` does not allow is said and not done: such rows keep their weights, and fits without posterior draws have no
    score.
    """
    loos, failed = _loos(fits, score, work.progress)
    bad = {name: bad_rows(one.elpd) for name, one in loos.items() if score == "auto" and _can_be_refitted(fits[name])}
    chosen = _chosen(fits, loos, bad, failed, score, work)
    found = _worked_off(fits, {**chosen.folds, **chosen.singles}, work)
    why = {
        name: (f"{count:,} of {fits[name].rows.rows:,} rows have Pareto k-hat above {loos[name].elpd.good_k:.2f}",)
        for name, count in chosen.too_many.items()
    }
    assessed, more = _of_folds(fits, {name: found[name] for name in chosen.folds}, why)
    kept = {name: one for name, one in loos.items() if name not in chosen.folds}
    assessed |= {name: _of_loo(fits[name], one, found.get(name)) for name, one in kept.items()}
    assessed = {name: assessed[name] for name in fits if name in assessed}
    how, notes = _said(assessed, chosen.too_many, work.k)
    return Scored(assessed, {**chosen.failed, **more}, how, (*notes, *chosen.notes))


@dataclass(frozen=True)
class _Chosen:
    """Which refits are done, by fit: in folds, and without single rows.

    ``too_many`` are the fits whose rows of large k-hat put all on folds, ``failed`` those that have no score, and why, and
    ``notes`` what is not done.
    """

    folds: Mapping[str, tuple[Refit, ...]]
    singles: Mapping[str, tuple[Refit, ...]]
    too_many: Mapping[str, int]
    failed: Mapping[str, str]
    notes: tuple[str, ...]


def _chosen(
    fits: Mapping[str, Fitted],
    loos: Mapping[str, Assessed],
    bad: Mapping[str, np.ndarray],
    failed: Mapping[str, str],
    score: str,
    work: Work,
) -> _Chosen:
    """Return which refits are needed and may be done."""
    allowance, notes = Allowance(work.refits), []
    without = {name: fit for name, fit in fits.items() if name not in loos and name not in failed}
    folds, cannot = _in_folds(without, None, work)
    cannot = {**failed, **cannot}
    if score == "folds":
        demanded(work.refits, cost_of(fits, folds, work.workers), f"score='folds' with k={work.k}")
        return _Chosen(folds, {}, {}, cannot, ())
    too_many = {name: len(rows) for name, rows in bad.items() if len(rows) > MOST_REFITS}
    if too_many:
        every, _ = _in_folds({name: fits[name] for name in bad}, None, work)
        together = {**folds, **every}
        cost = cost_of(fits, together, work.workers)
        if allowance.grants(cost):
            return _Chosen(together, {}, too_many, cannot, ())
        shown = ", ".join(f"'{name}' ({rows_in_words(bad[name])})" for name in too_many)
        notes.append(f"leave-one-out does not serve for {shown}; to refit all in the same {work.k} folds instead: {how_to(cost)}")
    singles = {
        name: _single(fits[name], rows, work) for name, rows in bad.items() if len(rows) and name not in too_many
    }
    done: dict[str, tuple[Refit, ...]] = {}
    costs = {name: cost_of(fits, {name: own}, work.workers) for name, own in {**folds, **singles}.items()}
    # The cheapest first, so that as many fits as may be have what they need.
    for name in sorted(costs, key=lambda name: (costs[name].seconds, costs[name].count)):
        if allowance.grants(costs[name]):
            done[name] = folds.get(name) or singles[name]
        elif name in folds:
            cannot[name] = f"{why_not_weighed(fits[name].held)}; it is scored by refits in {work.k} folds: {how_to(costs[name])}"
        else:
            notes.append(f"to leave {rows_in_words(bad[name])} out of '{name}' exactly: {how_to(costs[name])}")
    return _Chosen(
        {name: own for name, own in done.items() if name in folds},
        {name: own for name, own in done.items() if name not in folds},
        {},
        cannot,
        tuple(notes),
    )


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
    with progress_bar("Leave-one-out", progress and bool(able), lines=True) as bar:
        total = sum(fit.rows.rows for fit in able.values())
        for name, fit in able.items():
            bar.update(done, total, name)
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
    return partial(score_left_out, Gather.of(fit.spec, own_rows(fit, "compare").response))


def _single(fit: Fitted, rows: np.ndarray, work: Work) -> tuple[Refit, ...]:
    """Return a refit without each of these rows."""
    base = derive(fit.idata.attrs["seed"] if work.seed is None else work.seed, "without a row")
    return refits(fit, {f"row {i}": np.array([i]) for i in rows}, base, visitor(fit))


def _worked_off(fits: Mapping[str, Fitted], jobs: Mapping[str, Sequence[Refit]], work: Work) -> dict[str, Outcomes]:
    if not any(jobs.values()):
        return {}
    title = f"Refits (about {in_words(cost_of(fits, jobs, work.workers).seconds)})"
    with progress_bar(title, work.progress, lines=True) as bar:
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
        return f"scored by PSIS leave-one-out{_integrated(assessed)}", ()
    if len(folded) == len(assessed):
        named = ", ".join(f"'{name}'" for name in too_many)
        why = f", since leave-one-out does not serve for {named}" if too_many else ""
        return f"scored on rows left out in the same {k} folds{why}", ()
    shown = ", ".join(f"'{name}'" for name in folded)
    return f"scored by PSIS leave-one-out{_integrated(assessed)}; fits without posterior draws in {k} folds", (
        f"{shown} learned from {1 - 1 / k:.0%} of the rows for each score, the others from all but one; score='folds' refits "
        "all in the same folds",
    )


def _integrated(assessed: Mapping[str, Assessed]) -> str:
    """Return which effects were integrated out of which fits' rows, in brackets; "" if none were."""
    said = [f"'{name}': {'; '.join(one.elpd.integrated)}" for name, one in assessed.items() if one.elpd.integrated]
    return f" ({', '.join(said)})" if said else ""


def reason(error: Exception) -> str:
    """Return an error as a clause of a warning."""
    text = str(error).strip().splitlines()
    kind = "" if isinstance(error, FitError) else f"{type(error).__name__}: "
    return f"{kind}{text[0].rstrip('.')}" if text else type(error).__name__
