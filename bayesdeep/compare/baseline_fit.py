"""A baseline's predictive distributions of rows it is not fitted to.

A number is predicted by a normal distribution about the baseline's prediction. Its standard deviation is the root mean square of
the residuals in inner folds of the rows that it is fitted to; a Gaussian process has its own. Classes have the baseline's
probabilities :math:`p`, mixed with the classes' smoothed shares :math:`f` in those :math:`n` rows, :math:`(n p + f) / (n + 1)`:
as if one row more had been seen, so that no class is impossible.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.baselines import Baseline
from bayesdeep.core.random import derive
from bayesdeep.inference.kfold import make_folds, number_groups

from .baseline_data import Problem

INNER = 5
"""Folds by which the spread of residuals is estimated."""

ONE_THREAD_ROWS = 20_000
"""Rows up to which one thread does: the threads of boosting spin while they wait, and with anything else on the machine, such as
other folds, a fit that takes a second takes a minute."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictive distributions of rows: ``mean`` and ``sd`` ``(obs,)``, or ``probabilities`` ``(obs, level)``."""

    mean: np.ndarray | None = None
    sd: np.ndarray | None = None
    probabilities: np.ndarray | None = None


def by_fold(baseline: Baseline, problem: Problem, folds: np.ndarray, groups: np.ndarray | None, seed: int) -> Predicted:
    """Return predictions of each row ``(obs,)`` by the baseline fitted without the row's fold."""
    parts, places = [], []
    for fold in range(int(folds.max()) + 1):
        out = np.flatnonzero(folds == fold)
        inside = np.flatnonzero(folds != fold)
        own = None if groups is None else groups[inside]
        parts.append(
            fit_and_predict(baseline, problem.take(inside), problem.take(out), own, derive(seed, f"baseline {fold}"))
        )
        places.append(out)
    order = np.argsort(np.concatenate(places), kind="stable")
    return Predicted(*(_joined([getattr(p, f) for p in parts], order) for f in ("mean", "sd", "probabilities")))


def fit_and_predict(
    baseline: Baseline, training: Problem, new: Problem, groups: np.ndarray | None, seed: int
) -> Predicted:
    """Return the predictions of new rows by a baseline fitted to others; ``groups`` of these stay together in inner folds."""
    rows = len(training.y)
    # What it imports must be there before its threads can be counted.
    baseline.estimator(training.task, rows, seed)
    with warnings.catch_warnings(), threadpool_limits(1 if rows < ONE_THREAD_ROWS else None):
        # Warnings on settings that nobody chose here: they would be shown once a fold.
        warnings.simplefilter("ignore")
        if training.task == "classification":
            return Predicted(probabilities=_probabilities(baseline, training, new, seed))
        made = pipeline(baseline, training, seed).fit(training.table, training.y)
        if "spread" in baseline.words:
            mean, sd = made.predict(new.table, return_std=True)
            return Predicted(np.asarray(mean), np.asarray(sd))
        return Predicted(
            np.asarray(made.predict(new.table)),
            np.full(len(new.y), residual_sd(baseline, training, groups, seed, rows)),
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
    predicted = cross_val_predict(
        pipeline(baseline, training, seed), training.table, training.y, cv=PredefinedSplit(inner)
    )
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


def _joined(parts: Iterable[np.ndarray | None], order: np.ndarray) -> np.ndarray | None:
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays)[order] if arrays else None
