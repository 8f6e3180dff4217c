"""K-fold cross-validation by refitting: rows at random, or whole groups left out.

References
----------
Vehtari and Lampinen (2002), Bayesian model assessment and comparison using cross-validation predictive densities,
Neural Computation 14(10), https://doi.org/10.1162/08997660260293292. Roberts et al. (2017), Cross-validation strategies
for data with temporal, spatial, hierarchical, or phylogenetic structure, Ecography 40(8),
https://doi.org/10.1111/ecog.02881
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.lazy import xr
from bayesdeep.core.names import named
from bayesdeep.core.notices import warn
from bayesdeep.core.random import checked_seed, derive
from bayesdeep.core.registry import TERMS
from bayesdeep.display.progress import progress_bar
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.lagged_rows import lagged_term, one_step
from bayesdeep.results.rows import TrainingRows, rows_in_memory
from bayesdeep.spec.declared import factors_of_rows
from bayesdeep.spec.model_spec import ModelSpec

from .refit import Refit, Refitted, Visit, refits, run_refits


@dataclass(frozen=True, eq=False)
class KFold:
    """What cross-validation by refitting found.

    Attributes
    ----------
    elpd, se
        Sum over rows of the log predictive density when the row's fold was left out, and its standard error. Higher is
        better. Only differences between models on the same folds mean anything; those below twice their standard error
        mean little. With ``by`` the standard error is between groups, since the rows of a group err together.
    elpd_i
        It by row ``(obs,)``.
    folds
        Each row's fold ``(obs,)``, from 0.
    k, by
        Number of folds; the factor whose groups stayed together, or None.
    groups
        Each row's group ``(obs,)``, or None.
    seconds, refits
        Time it took and how often the model was fitted.
    chain_variance
        That of ``elpd`` which comes of having these chains and no others; ``se`` is of the rows alone.
    doubtful
        What the method said of folds it was not content with.
    visited
        What ``visit`` returned, by fold.
    """

    elpd: float
    se: float
    elpd_i: xr.DataArray
    folds: np.ndarray
    k: int
    by: str | None
    groups: np.ndarray | None
    seconds: float
    refits: int
    chain_variance: float = 0.0
    doubtful: tuple[str, ...] = ()
    visited: tuple[Any, ...] = ()

    @property
    def units(self) -> np.ndarray:
        """Return the log predictive density of each independent unit: a row, or with ``by`` the sum over a group."""
        values = np.asarray(self.elpd_i)
        return values if self.groups is None else np.bincount(self.groups, weights=values)

    def __repr__(self) -> str:
        what = f"whole groups of '{self.by}' left out" if self.by else "rows left out at random"
        lines = [
            f"{self.k}-fold cross-validation of {len(self.folds):,} rows, {what}",
            f"elpd {self.elpd:.1f} (standard error {self.se:.1f}), {self.elpd / len(self.folds):.3f} a row",
            f"{self.refits} refits in {self.seconds:.1f} s",
        ]
        return "\n".join([*lines, *(f"! {sentence}" for sentence in self.doubtful)])


def make_folds(rows_count: int, k: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Return each row's fold ``(obs,)``; the same arguments give the same folds whatever the model.

    Parameters
    ----------
    rows_count
        Number of rows.
    k
        Number of folds. Rows are dealt out so that folds differ by at most one row.
    seed
        Of the shuffling.
    groups
        Labels or codes ``(obs,)`` of groups that stay together: in random order, each goes to the fold that has the
        fewest rows so far. Which label a group has does not matter, only which rows it has.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        _check_k(k, rows_count, "rows")
        return rng.permutation(np.arange(rows_count) % k)
    own, count = number_groups(groups)
    _check_k(k, count, "groups")
    size, load, fold = np.bincount(own), np.zeros(k, dtype=int), np.zeros(count, dtype=int)
    for group in rng.permutation(count):
        fold[group] = load.argmin()
        load[fold[group]] += size[group]
    return fold[own]


def number_groups(groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Return groups numbered by their first row ``(obs,)``, and how many there are."""
    _, first, own = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=int)
    place[np.argsort(first)] = np.arange(len(first))
    return place[own], len(first)


def _check_k(k: Any, most: int, what: str) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or k < 2:
        raise FitError(f"kfold: k is {k!r}; give a whole number, 2 or more")
    if k > most:
        raise FitError(f"kfold: k is {k}, but there are only {most} {what}; k={most} leaves out one at a time")


def group_codes(spec: ModelSpec, rows: TrainingRows, by: str) -> np.ndarray:
    """Return each row's group ``(obs,)`` of a factor that the model has group effects for."""
    arrays, known = rows_in_memory(rows, "kfold").arrays, {}
    for predictor in spec.predictors:
        for term in predictor.terms:
            for factor in TERMS[term.kind].groups(term.state):
                own = f"{term.key}.codes_{factor}"
                known[factor] = own if own in arrays else f"{term.key}.codes"
    factor_named = named(by, known)
    if factor_named is None:
        has = nearest(by, known) if known else "; the model has no group effects"
        raise FitError(f"kfold: no grouping factor '{by}' in the model{has}")
    if not factors_of_rows(spec)[factor_named]:
        raise FitError(
            f"kfold: a row belongs to several groups of '{factor_named}' at once, so that leaving one group out would tear rows "
            "apart; leave out rows, or groups of another factor"
        )
    return np.asarray(arrays[known[factor_named]])


def fold_refits(
    fit: Fitted,
    k: int = 10,
    groups: np.ndarray | None = None,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    visit: Visit | None = None,
) -> tuple[Refit, ...]:
    """Return what is to be fitted, a refit a fold; ``groups`` ``(obs,)`` stay together. See :func:`kfold`."""
    seed = checked_seed(seed, "kfold")
    folds = make_folds(fit.rows.rows, k, 0 if seed is None else seed, groups)
    base = derive(fit.idata.attrs["seed"] if seed is None else seed, "kfold")
    outs = {f"fold {i}": np.flatnonzero(folds == i) for i in range(k)}
    return refits(fit, outs, base, visit, options)


def collected(
    found: Sequence[Refitted], by: str | None = None, groups: np.ndarray | None = None, seconds: float = 0.0
) -> KFold:
    """Return what the refits of all folds, in their order, say together; ``groups`` of the factor ``by`` stayed together."""
    count = sum(len(one.out) for one in found)
    values, folds = np.empty(count), np.empty(count, dtype=int)
    for i, one in enumerate(found):
        values[one.out], folds[one.out] = one.values, i
    elpd_i = xr.DataArray(values, dims="obs", coords={"obs": np.arange(count)}, name="elpd_i")
    own = None if groups is None else number_groups(groups)[0]
    units = values if own is None else np.bincount(own, weights=values)
    return KFold(
        elpd=float(values.sum()),
        se=float(np.sqrt(len(units) * units.var(ddof=1))),
        elpd_i=elpd_i,
        folds=folds,
        k=len(found),
        by=by,
        groups=own,
        seconds=seconds,
        refits=len(found),
        chain_variance=sum(one.variance for one in found),
        doubtful=tuple(f"fold {i}: {sentence}" for i, one in enumerate(found, 1) for sentence in one.advice),
        visited=tuple(one.visited for one in found),
    )


def kfold(
    fit: Fitted,
    k: int = 10,
    by: str | None = None,
    seed: int | None = None,
    progress: bool = True,
    options: Mapping[str, Any] | None = None,
    *,
    groups: np.ndarray | None = None,
    visit: Visit | None = None,
    executor: Executor | None = None,
    workers: int = 1,
) -> KFold:
    """Return K-fold cross-validation: the model is fitted once for each fold, without that fold's rows.

    Parameters
    ----------
    fit
        The fit. Refits use its model with its priors as they are (numbers; nothing is
        learned from the rows left out but the scale of default priors), its method, and its number of draws and chains.
    k
        Number of folds; 10 is usual, 5 where fits are slow.
    by
        Leave whole groups of this factor out. The effects of a group left out come from the fitted distribution of
        groups, so that this scores predictions for *new* groups (a point estimate puts them at its centre). Rows are
        scored one at a time, not jointly.
    seed
        Of folds and fits. None: folds of seed 0, so that different fits are compared on the same folds, and seeds of
        the refits derived from the fit's own.
    options
        For the refits: ``draws``, ``tune``, ``chains`` and the method's own, which are else those of the fit.
    groups
        Each row's group ``(obs,)`` where ``by`` is no factor of this model.
    visit
        Called after each refit with spec, draws by name, rows left out, their positions and a seed.
    executor
        Any ``concurrent.futures.Executor`` that works in processes, on this machine or on others; what is sent there is
        plain data. The numbers are the same as without. With threads refits wait for each other.
    workers
        More than 1: so many processes are started for the refits. A script that does this must do its work under
        ``if __name__ == "__main__":``. Methods with chains use all cores in one process already; networks gain most.

    Raises
    ------
    FitError
        When there are fewer rows or groups than folds, or no such factor.
    KeyboardInterrupt
        When stopped; no partial result is kept and the fit is as it was.
    """
    started = time.perf_counter()
    own_rows(fit, "kfold")
    if by is not None and groups is None:
        groups = group_codes(fit.spec, fit.rows, by)
    if (lagged := lagged_term(fit.spec)) is not None:
        warn(one_step("kfold", lagged.source))
    tasks = fold_refits(fit, k, groups, seed, options, visit)
    with progress_bar(f"{k}-fold cross-validation", progress, lines=True) as bar:
        found = run_refits({"": tasks}, executor, workers, bar)[""]
    if isinstance(found, Exception):
        raise found
    return collected(found, by, groups, time.perf_counter() - started)
