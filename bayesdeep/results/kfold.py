"""K-fold cross-validation by refitting: rows at random, or whole groups left out.

References
----------
Vehtari and Lampinen (2002), Bayesian model assessment and comparison using cross-validation predictive densities,
Neural Computation 14(10), https://doi.org/10.1162/08997660260293292. Roberts et al. (2017), Cross-validation strategies
for data with temporal, spatial, hierarchical, or phylogenetic structure, Ecography 40(8),
https://doi.org/10.1111/ecog.02881
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.progress import progress_bar
from bayesdeep.core.random import derive
from bayesdeep.core.registry import TERMS
from bayesdeep.spec.model_spec import ModelSpec

from .predict import blocks, flat_posterior
from .rows import Rows
from .run import COMMON, find_engine, run_engine, settings_of, variant_for, words_of
from .score import log_score_rows

LEAST_PREDICTIVE = 1_000
"""A few draws, as of a point estimate, are repeated this often before predicting, for smooth distributions."""

Visit = Callable[[ModelSpec, Mapping[str, np.ndarray], Rows, np.ndarray, int], None]


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
    doubtful
        What the method said of folds it was not content with.
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
    doubtful: tuple[str, ...] = ()

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


def group_codes(spec: ModelSpec, rows: Rows, by: str) -> np.ndarray:
    """Return each row's group ``(obs,)`` of a factor that the model has group effects for."""
    known = {}
    for predictor in spec.predictors:
        for term in predictor.terms:
            for factor in TERMS[term.kind].groups(term.state):
                own = f"{term.key}.codes_{factor}"
                known[factor] = own if own in rows.arrays else f"{term.key}.codes"
    if by not in known:
        has = nearest(by, known) if known else "; the model has no group effects"
        raise FitError(f"kfold: no grouping factor '{by}' in the model{has}")
    return np.asarray(rows.arrays[known[by]])


def kfold(
    fit: Any,
    k: int = 10,
    by: str | None = None,
    seed: int | None = None,
    progress: bool = True,
    options: Mapping[str, Any] | None = None,
    *,
    groups: np.ndarray | None = None,
    visit: Visit | None = None,
) -> KFold:
    """Return K-fold cross-validation: the model is fitted once for each fold, without that fold's rows.

    Parameters
    ----------
    fit
        A :class:`~bayesdeep.results.fit.Fit`. Refits use its model with its priors as they are (numbers; nothing is
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

    Raises
    ------
    FitError
        When there are fewer rows or groups than folds, or no such factor.
    KeyboardInterrupt
        When stopped; no partial result is kept and the fit is as it was.
    """
    started = time.perf_counter()
    spec, rows, attrs = fit.spec, fit._rows, fit.idata.attrs
    if by is not None and groups is None:
        groups = group_codes(spec, rows, by)
    own = None if groups is None else number_groups(groups)[0]
    folds = make_folds(rows.rows, k, 0 if seed is None else seed, own)
    engine, before = variant_for(find_engine(attrs["method"]), words_of(spec)), dict(attrs["settings"])
    given = {**{name: value for name, value in before.items() if name not in COMMON}, **(options or {})}
    sizes = fit.idata["posterior"].sizes
    common = {"draws": int(sizes["draw"]), "tune": before.get("tune", 1000), "chains": int(sizes["chain"])}
    common |= {name: given.pop(name) for name in COMMON if name in given}
    settings_of(engine, common, given)
    base = derive(attrs["seed"] if seed is None else seed, "kfold")
    values, doubtful = np.empty(rows.rows), []
    with progress_bar(f"{k}-fold cross-validation", progress) as bar:
        for i in range(k):
            bar.update(i, k, f"fitting without fold {i + 1}")
            out = np.flatnonzero(folds == i)
            own_seed = derive(base, f"fold {i}")
            tree = run_engine(spec, rows.take(folds != i), engine, common, given, own_seed, False)
            doubtful += _doubts(tree.attrs, i)
            posterior = enough_draws(flat_posterior(tree["posterior"].to_dataset(), spec))
            held = rows.take(out)
            values[out] = log_score_rows(blocks(spec, posterior, held, "pointwise", "sample", own_seed), held.rows)
            if visit is not None:
                visit(spec, posterior, held, out, own_seed)
        bar.update(k, k)
    elpd_i = xr.DataArray(values, dims="obs", coords={"obs": np.arange(rows.rows)}, name="elpd_i")
    units = values if own is None else np.bincount(own, weights=values)
    se = float(np.sqrt(len(units) * units.var(ddof=1)))
    seconds = time.perf_counter() - started
    return KFold(float(values.sum()), se, elpd_i, folds, k, by, own, seconds, k, tuple(doubtful))


def _doubts(attrs: Mapping[Any, Any], fold: int) -> list[str]:
    """Return what the method said of a refit; raise if the user stopped it, since methods keep what they have."""
    if attrs["status"] == "interrupted":
        raise KeyboardInterrupt(f"kfold was stopped in fold {fold + 1}; no result is kept")
    return [f"fold {fold + 1}: {sentence}" for sentence in attrs["advice"]]


def enough_draws(posterior: Mapping[str, np.ndarray], least: int = LEAST_PREDICTIVE) -> dict[str, np.ndarray]:
    """Return draws by name, repeated where there are few, so that predictive draws show the response's spread."""
    count = len(next(iter(posterior.values()))) if posterior else least
    times = -(-least // count) if count < 100 else 1
    return {name: np.tile(value, (times, *[1] * (value.ndim - 1))) for name, value in posterior.items()}
