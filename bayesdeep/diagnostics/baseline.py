"""Baselines of scikit-learn on the rows, columns and folds of a comparison, scored as models are.

A number is predicted by a normal distribution about the baseline's prediction, whose standard deviation is the root mean square of
the residuals in inner folds of the rows it is fitted to (a Gaussian process has its own). Classes have the baseline's probabilities
:math:`p`, mixed with the classes' smoothed shares :math:`f` in those :math:`n` rows, :math:`(n p + f) / (n + 1)`: as if one row
more had been seen, so that no class that occurs is impossible.
"""

import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import norm

from bayesdeep.core.baselines import Baseline
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.optional import require
from bayesdeep.core.progress import progress_bar
from bayesdeep.core.random import derive
from bayesdeep.core.registry import BASELINES
from bayesdeep.results.fit import Fit
from bayesdeep.results.kfold import make_folds, number_groups

from .assess import Assessed, elpd_record
from .baseline_data import Problem, held_out_problem, problem_of
from .scores import WIDTH_AT, RowScores
from .scoring import Scored, Work

INNER = 5
"""Folds by which the spread of residuals is estimated."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictive distributions of rows: ``mean`` and ``sd`` ``(obs,)``, or ``probabilities`` ``(obs, level)``."""

    mean: np.ndarray | None = None
    sd: np.ndarray | None = None
    probabilities: np.ndarray | None = None


def find_baselines(names: Mapping[str, str]) -> dict[str, Baseline]:
    """Return baselines by the names a comparison gives them; raise for one that is not known, or given twice."""
    found: dict[str, Baseline] = {}
    for own, text in names.items():
        key = text.strip().replace(" ", "_").replace("-", "_")
        if key not in BASELINES:
            known = [name.replace("_", " ") for name in BASELINES]
            raise FitError(f"compare: '{own}' is '{text}', which is not a fit and not the name of a baseline{nearest(text, known)}")
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
    names = {name: text for name, text in fits.items() if isinstance(text, str)}
    return {name: fit for name, fit in fits.items() if name not in names}, names


def prepare(names: Mapping[str, str], fits: Mapping[str, Fit]) -> Baselines:
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
    fits: Mapping[str, Fit],
    work: Work,
    groups: np.ndarray | None = None,
    data: Any = None,
) -> tuple[Scored, dict[str, Mapping[str, Any]]]:
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
    attrs: dict[str, Mapping[str, Any]] = {name: fit.idata.attrs for name, fit in fits.items()}
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


def by_fold(baseline: Baseline, problem: Problem, folds: np.ndarray, groups: np.ndarray | None, seed: int) -> Predicted:
    """Return predictions of each row ``(obs,)`` by the baseline fitted without the row's fold."""
    parts, places = [], []
    for fold in range(int(folds.max()) + 1):
        out = np.flatnonzero(folds == fold)
        inside = np.flatnonzero(folds != fold)
        own = None if groups is None else groups[inside]
        parts.append(fit_and_predict(baseline, problem.take(inside), problem.take(out), own, derive(seed, f"baseline {fold}")))
        places.append(out)
    order = np.argsort(np.concatenate(places), kind="stable")
    return Predicted(*(_joined([getattr(p, f) for p in parts], order) for f in ("mean", "sd", "probabilities")))


def fit_and_predict(
    baseline: Baseline, training: Problem, new: Problem, groups: np.ndarray | None, seed: int
) -> Predicted:
    """Return the predictions of new rows by a baseline fitted to others; ``groups`` of these stay together in inner folds."""
    rows = len(training.y)
    with warnings.catch_warnings():
        # Warnings on settings that nobody chose here: they would be shown once a fold.
        warnings.simplefilter("ignore")
        if training.task == "classification":
            return Predicted(probabilities=_probabilities(baseline, training, new, seed))
        made = pipeline(baseline, training, seed).fit(training.table, training.y)
        if "spread" in baseline.words:
            mean, sd = made.predict(new.table, return_std=True)
            return Predicted(np.asarray(mean), np.asarray(sd))
        return Predicted(
            np.asarray(made.predict(new.table)), np.full(len(new.y), residual_sd(baseline, training, groups, seed, rows))
        )


def pipeline(baseline: Baseline, training: Problem, seed: int) -> Any:
    """Return the unfitted baseline behind its preparation: numbers standardised, a column of 0 and 1 for each level."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in training.table if name not in training.categories]
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [("numbers", StandardScaler(), numbers), ("levels", levels, list(training.categories))]
    return make_pipeline(ColumnTransformer(parts), baseline.estimator(training.task, len(training.y), seed))


def residual_sd(baseline: Baseline, training: Problem, groups: np.ndarray | None, seed: int, rows: int) -> float:
    """Return the root mean square of residuals of rows left out, in inner folds that keep groups together."""
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    own = None if groups is None else number_groups(groups)[0]
    units = rows if own is None else int(own.max()) + 1
    inner = make_folds(rows, min(INNER, units), seed, own)
    predicted = cross_val_predict(pipeline(baseline, training, seed), training.table, training.y, cv=PredefinedSplit(inner))
    return float(np.sqrt(np.mean((training.y - predicted) ** 2)))


def _probabilities(baseline: Baseline, training: Problem, new: Problem, seed: int) -> np.ndarray:
    counts = np.bincount(training.y, minlength=training.levels)
    found = np.zeros((len(new.y), training.levels))
    if (counts > 0).sum() == 1:
        found[:, counts.argmax()] = 1.0
    else:
        made = pipeline(baseline, training, seed).fit(training.table, training.y)
        found[:, made.classes_] = made.predict_proba(new.table)
        found /= found.sum(axis=1, keepdims=True)
    shares = (counts + 1) / (counts.sum() + training.levels)
    return (counts.sum() * found + shares) / (counts.sum() + 1)


def assessed_of(
    made: Predicted, new: Problem, kind: str, notes: tuple[str, ...], groups: np.ndarray | None = None
) -> Assessed:
    """Return the scores of predictive distributions, in closed form."""
    if made.probabilities is not None:
        values = np.log(made.probabilities[np.arange(len(new.y)), new.y])
        own: dict[str, Any] = {"probabilities": made.probabilities, "codes": new.y}
    else:
        assert made.mean is not None and made.sd is not None
        values = norm.logpdf(new.y, made.mean, made.sd)
        own = {"scores": normal_scores(new.y, made.mean, made.sd)}
    own["log_scores"] = values
    if new.discrete:
        values, own["log_scores"] = np.full(len(new.y), np.nan), None
        notes = (*notes, "its predictions are normal: a density, so that there is no elpd beside the models' probabilities")
    units = values if groups is None else np.bincount(groups, weights=values)
    return Assessed(kind, elpd_record(units, float(values.sum()), 1), float(values.mean()), places=np.arange(len(new.y)), notes=notes, **own)


def normal_scores(y: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> RowScores:
    """Return the scores of normal predictive distributions.

    The continuous ranked probability score is ``sd (z (2 Φ(z) - 1) + 2 φ(z) - 1 / √π)`` with ``z = (y - mean) / sd``: Gneiting
    and Raftery (2007), https://doi.org/10.1198/016214506000001437
    """
    z = (y - mean) / sd
    below = norm.cdf(z)
    crps = sd * (z * (2 * below - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    width = 2 * norm.ppf((1 + WIDTH_AT) / 2) * sd
    return RowScores(np.asarray(y, dtype=float), mean, mean, crps, below, below, width)


def _check(own: str, baseline: Baseline, problem: Problem) -> None:
    if problem.task not in baseline.words:
        able = [b.name for b in (BASELINES[name] for name in BASELINES) if problem.task in b.words]
        what = "a number" if problem.task == "regression" else "one of several levels"
        raise FitError(f"compare: baseline '{own}' ({baseline.name}) cannot predict {what}; those that can: {', '.join(able)}")
    if baseline.most_rows is not None and len(problem.y) > baseline.most_rows:
        raise FitError(
            f"compare: baseline '{own}' ({baseline.name}) takes at most {baseline.most_rows:,} rows, since its cost grows faster "
            f"than they do, and there are {len(problem.y):,}; leave it out"
        )


def _joined(parts: Iterable[np.ndarray | None], order: np.ndarray) -> np.ndarray | None:
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays)[order] if arrays else None
