"""Baselines of scikit-learn on the rows, columns and folds of a comparison, scored as models are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import norm

from bayesdeep.core.baselines import Baseline
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.optional import require
from bayesdeep.core.registry import BASELINES
from bayesdeep.display.progress import progress_bar
from bayesdeep.inference.kfold import make_folds, number_groups
from bayesdeep.results.fitted import Fitted

from .assessed_fit import Assessed, elpd_record
from .baseline_data import Problem, held_out_problem, problem_of
from .baseline_fit import Predicted, by_fold, fit_and_predict
from .held_out_scores import Scored, Work
from .proper_scores import NOMINAL, RowScores


def find_baselines(names: Mapping[str, str]) -> dict[str, Baseline]:
    """Return baselines by the names a comparison gives them; raise for one that is not known, or given twice."""
    found: dict[str, Baseline] = {}
    for own, text in names.items():
        key = text.strip().replace(" ", "_").replace("-", "_")
        if key not in BASELINES:
            known = [name.replace("_", " ") for name in BASELINES]
            raise FitError(
                f"compare: '{own}' is '{text}', which is not a fit and no baseline's name{nearest(text, known)}"
            )
        baseline = BASELINES[key]
        twice = next((other for other, given in found.items() if given is baseline), None)
        if twice is not None:
            raise FitError(f"compare: '{own}' and '{twice}' are the same baseline, '{baseline.name}'")
        found[own] = baseline
    return found


@dataclass(frozen=True, eq=False)
class Baselines:
    """Baselines by the names a comparison gives them, and what they are to predict."""

    chosen: Mapping[str, Baseline]
    problem: Problem | None = None


def split(fits: Any) -> tuple[Any, dict[str, str]]:
    """Return the fits, and the names of baselines that stand among them."""
    if not isinstance(fits, Mapping):
        return fits, {}
    fits = _by_text(fits)
    names = {name: text for name, text in fits.items() if isinstance(text, str)}
    return {name: fit for name, fit in fits.items() if name not in names}, names


def _by_text(fits: Mapping[Any, Any]) -> dict[str, Any]:
    """Return fits by text, which tables, pictures and reports call them by, whatever they were called."""
    found: dict[str, Any] = {}
    for name, fit in fits.items():
        if str(name) in found:
            raise FitError(f"compare: two fits are called '{name}'; give each a name of its own")
        found[str(name)] = fit
    return found


def prepare(names: Mapping[str, str], fits: Mapping[str, Fitted]) -> Baselines:
    """Return the baselines of a comparison, after everything that can be checked before they are fitted.

    Raises
    ------
    FitError
        For an unknown baseline, one that is not made for such a response, or too many rows.
    """
    if not names:
        return Baselines({})
    chosen = find_baselines(names)
    require("sklearn", "scikit-learn", "sklearn", "compare: baselines")
    problem = problem_of(fits)
    for own, baseline in chosen.items():
        _check(own, baseline, problem)
    return Baselines(chosen, problem)


def with_baselines(
    scored: Scored,
    baselines: Baselines,
    fits: Mapping[str, Fitted],
    work: Work,
    groups: np.ndarray | None = None,
    data: Any = None,
) -> tuple[Scored, dict[str, Mapping[Any, Any]]]:
    """Return the scores with those of baselines, and of fits and baselines what they cost and whether they are exact.

    Parameters
    ----------
    scored
        How the fits were scored.
    baselines
        What :func:`prepare` returned.
    fits
        By name.
    work
        Of the folds: their number and seed, as for the models.
    groups
        Each row's group ``(obs,)`` where groups are left out.
    data
        Held-out rows; None for folds.
    """
    attrs: dict[str, Mapping[Any, Any]] = {name: fit.idata.attrs for name, fit in fits.items()}
    if baselines.problem is None:
        return scored, attrs
    found, failed, problem = dict(scored.found), dict(scored.failed), baselines.problem
    seed = 0 if work.seed is None else work.seed
    own_groups = None if groups is None else number_groups(groups)[0]
    held = None if data is None else held_out_problem(problem, next(iter(fits.values())), data)
    folds = None if held is not None else make_folds(len(problem.y), work.k, seed, own_groups)
    with progress_bar("Baselines", work.progress) as bar:
        for done, (name, baseline) in enumerate(baselines.chosen.items()):
            bar.update(done, len(baselines.chosen), name)
            started, times = time.perf_counter(), 1 if folds is None else work.k
            try:
                found[name] = _assessed(baseline, problem, held, folds, own_groups, seed)
            except (ValueError, np.linalg.LinAlgError) as error:
                failed[name] = f"scikit-learn: {str(error).strip().splitlines()[0]}"
            seconds = (time.perf_counter() - started) / times
            attrs[name] = {"method": "baseline", "exact": False, "status": "ok", "seconds_total": seconds}
        bar.update(len(baselines.chosen), len(baselines.chosen))
    how, notes = scored.how, scored.notes
    if any(one.kind == "loo" for one in scored.found.values()):
        shown = ", ".join(f"'{name}'" for name in baselines.chosen)
        how += f"; baselines in {work.k} folds"
        notes += (
            f"{shown} learned from {1 - 1 / work.k:.0%} of the rows for each score, models scored by leave-one-out from all but "
            "one; score='folds' refits all in the same folds",
        )
    return replace(scored, found=found, failed=failed, how=how, notes=notes), attrs


def _assessed(
    baseline: Baseline,
    problem: Problem,
    held: Problem | None,
    folds: np.ndarray | None,
    groups: np.ndarray | None,
    seed: int,
) -> Assessed:
    if folds is not None:
        made = by_fold(baseline, problem, folds, groups, seed)
        return assessed_of(made, problem, "folds", (f"baseline, refitted in {int(folds.max()) + 1} folds",), groups)
    new = problem if held is None else held
    return assessed_of(fit_and_predict(baseline, problem, new, None, seed), new, "data", ("baseline",))


def assessed_of(
    made: Predicted, new: Problem, kind: str, notes: tuple[str, ...], groups: np.ndarray | None = None
) -> Assessed:
    """Return the scores of predictive distributions, in closed form."""
    if made.probabilities is not None:
        values = np.log(made.probabilities[np.arange(len(new.y)), new.y])
        own: dict[str, Any] = {"probabilities": made.probabilities, "codes": new.y}
    else:
        assert made.mean is not None
        assert made.sd is not None
        values = norm.logpdf(new.y, made.mean, made.sd) + new.log_slope
        own = {"scores": normal_scores(new.y, made.mean, made.sd)}
    own["log_scores"] = values
    if new.discrete:
        values, own["log_scores"] = np.full(len(new.y), np.nan), None
        notes = (
            *notes,
            "its predictions are normal: a density, so that there is no elpd beside the models' probabilities",
        )
    units = values if groups is None else np.bincount(groups, weights=values)
    return Assessed(
        kind,
        elpd_record(units, float(values.sum()), 1),
        float(values.mean()),
        places=np.arange(len(new.y)),
        notes=notes,
        **own,
    )


def normal_scores(y: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> RowScores:
    """Return the scores of normal predictive distributions.

    The continuous ranked probability score is ``sd (z (2 Φ(z) - 1) + 2 φ(z) - 1 / √π)`` with ``z = (y - mean) / sd``: Gneiting
    and Raftery (2007), https://doi.org/10.1198/016214506000001437
    """
    z = (y - mean) / sd
    below = norm.cdf(z)
    crps = sd * (z * (2 * below - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    widths = 2 * np.asarray(sd)[:, None] * norm.ppf((1 + np.array(NOMINAL)) / 2)
    return RowScores(np.asarray(y, dtype=float), mean, mean, crps, below, below, widths)


def _check(own: str, baseline: Baseline, problem: Problem) -> None:
    if problem.task not in baseline.words:
        able = [b.name for b in (BASELINES[name] for name in BASELINES) if problem.task in b.words]
        what = "a number" if problem.task == "regression" else "one of several levels"
        raise FitError(
            f"compare: baseline '{own}' ({baseline.name}) cannot predict {what}; those that can: {', '.join(able)}"
        )
    if baseline.most_rows is not None and len(problem.y) > baseline.most_rows:
        raise FitError(
            f"compare: baseline '{own}' ({baseline.name}) takes at most {baseline.most_rows:,} rows, since its cost grows faster "
            f"than they do, and there are {len(problem.y):,}; leave it out"
        )
