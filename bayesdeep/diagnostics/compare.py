"""Comparison of fits by how well they predict rows they have not seen.

References
----------
Vehtari, Gelman and Gabry (2017), https://doi.org/10.1007/s11222-016-9696-4 (leave-one-out). Yao, Vehtari, Simpson and
Gelman (2018), Using stacking to average Bayesian predictive distributions, Bayesian Analysis 13(3),
https://doi.org/10.1214/17-BA1091 (weights). Sivula et al. (2025), arXiv:2008.10296 (when differences mean something).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.results.fit import Fit
from bayesdeep.results.kfold import group_codes, number_groups
from bayesdeep.results.rows import Rows, rows_of
from bayesdeep.results.run import find_engine, variant_for, words_of

from .assess import Assessed, by_folds, by_loo, on_held_out
from .loo import LEAST_DRAWS
from .rank import rank_table

TARGETS = ("rows", "groups")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What :func:`compare` found.

    Attributes
    ----------
    table
        A row a fit, best first; see :func:`compare` for how to read its columns. ``table.attrs["scored_on"]`` says how
        rows were kept from the fit that predicts them.
    calibration
        Index: nominal probability of central intervals; a column a fit: the share of rows inside. On the diagonal is
        calibrated, below it overconfident. Empty for responses with levels.
    assessed
        By name, ArviZ's record (``elpd``), scores by row (``scores``) and sentences to mind (``notes``).
    fits
        The fits, by name.
    target, by
        What was left out: rows, or the groups of a factor.
    data
        The held-out rows that all fits were scored on, or None.
    """

    table: pd.DataFrame
    calibration: pd.DataFrame
    assessed: Mapping[str, Assessed]
    fits: Mapping[str, Fit]
    target: str = "rows"
    by: str | None = None
    notes: tuple[str, ...] = field(default=())
    data: Frame | None = None

    def errors(self, by: str | None = None, *, factor: str | None = None) -> pd.DataFrame:
        """Return who is wrong where: scores by group size, by region of the inputs and by predicted uncertainty.

        See :func:`bayesdeep.diagnostics.where.errors`.
        """
        from .where import errors

        return errors(self, by, factor=factor)

    def selective(self) -> pd.DataFrame:
        """Return the error of the rows that are kept when those with the most uncertain predictions are left out.

        See :func:`bayesdeep.diagnostics.where.selective`.
        """
        from .where import selective

        return selective(self)

    def report(self, path: str | Path) -> Any:
        """Write a report, HTML or Markdown by the path's suffix."""
        from bayesdeep.report import report

        return report(self, path)

    def __repr__(self) -> str:
        head = f"Comparison of {len(self.table)} fits, {self.table.attrs['scored_on']}"
        shown = self.table.drop(columns="warning").round(3).to_string()
        warned = [f"! {name}: {text}" for name, text in self.table["warning"].items() if text]
        return "\n".join([head, "", shown, *warned, *(f"! {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = f"<p>Comparison, {escape(self.table.attrs['scored_on'])}</p>"
        return head + self.table.round(3).to_html() + "".join(f"<p>{escape(note)}</p>" for note in self.notes)


def compare(
    fits: Mapping[str, Fit],
    *,
    target: str = "rows",
    by: str | None = None,
    data: Any = None,
    k: int = 10,
    seed: int | None = None,
    progress: bool = True,
) -> Comparison:
    """Compare fits of the same rows by how well they predict rows, or groups, that they have not seen.

    Parameters
    ----------
    fits
        By name; at least two, of the same response on the same rows.
    target
        ``"rows"``: predict single rows, by PSIS leave-one-out; point estimates and ensembles, which have no posterior draws
        to weigh, are refitted in ``k`` folds instead. ``"groups"``: refit without whole groups of the factor ``by``.
    by
        The factor, such as ``"county"``. At least one of the models must have group effects for it.
    data
        Held-out rows; all fits are scored on these instead.
    k, seed, progress
        For refits: the number of folds (at most the number of groups), their seed, and whether to show a bar.

    Returns
    -------
    Comparison
        With ``table``, whose columns are

        * ``rank``, from 0; ``elpd``: expected log predictive density of all rows, higher is better, and ``se``;
        * ``elpd_diff``: ``elpd`` minus that of the best, so 0 or negative, and ``dse`` its standard error. Below 4, or
          below twice ``dse``, the models predict alike; with fewer than 100 rows ``dse`` itself is rough;
        * ``p``: effective number of parameters (NaN where it is not leave-one-out);
        * ``weight``: stacking weight, what a mixture of the models would give each: near 0 means that it adds nothing
          to the others, not that it is bad;
        * ``rmse``, ``mae``, ``crps`` in the response's units, lower is better; ``log_score``: ``elpd`` a row;
        * ``coverage_50`` to ``coverage_95``: shares of rows inside their central intervals; less than nominal is
          overconfident. ``width_90``: mean width, of two models that both cover, the narrower is better;
        * for responses with levels instead ``accuracy`` and ``calibration_error``;
        * ``seconds`` the fit took; ``exact``: whether its draws are the posterior's; ``warning``: what to mind.

    Notes
    -----
    None of the scores is in-sample: for ``target="rows"`` predictive draws carry each row's leave-one-out weights, so
    that rows with large Pareto k-hat (see ``warning``) make all of them optimistic. Censored rows count in ``elpd``
    but, since their response is not known, not in the other scores.
    """
    _check_fits(fits)
    if target not in TARGETS:
        raise FitError(f"compare: unknown target '{target}'{nearest(target, TARGETS)}")
    if (target == "groups") != (by is not None):
        raise FitError("compare: target='groups' and by='…' (the grouping factor) go together")
    if data is not None and target == "groups":
        raise FitError("compare: give data=… or target='groups', not both: data are left out already")
    if data is not None:
        frame = read_frame(data)
        found = {name: on_held_out(fit, rows_of(fit.spec, frame, observed=True), seed) for name, fit in fits.items()}
        how = "scored on held-out data"
    elif target == "groups":
        groups = _groups(fits, str(by))
        k = min(k, number_groups(groups)[1])
        found = {name: by_folds(fit, k, by, groups, seed, progress) for name, fit in fits.items()}
        how = f"groups of '{by}' left out in {k} folds"
    else:
        found = {
            name: by_loo(fit) if _can_be_weighed(fit) else by_folds(fit, k, None, None, seed, progress)
            for name, fit in fits.items()
        }
        how = "scored by PSIS leave-one-out" + (
            "" if all(a.kind == "loo" for a in found.values()) else f"; fits without posterior draws in {k} folds"
        )
    table, calibration, notes = rank_table(found, fits)
    table.attrs["scored_on"] = how
    held_out = None if data is None else frame
    return Comparison(table, calibration, found, dict(fits), target, by, (*_mixed(fits), *notes), held_out)


def _mixed(fits: Mapping[str, Fit]) -> tuple[str, ...]:
    """Return a note where log probabilities would be compared with log densities."""
    discrete = {name: "discrete" in FAMILIES[fit.spec.family].words for name, fit in fits.items()}
    if len(set(discrete.values())) == 1:
        return ()
    shown = ", ".join(f"'{name}'" for name, is_discrete in discrete.items() if is_discrete)
    return (
        f"{shown} give probabilities, the others densities: their elpd cannot be compared, unless values are whole "
        "numbers and one unit is small against their spread",
    )


def _can_be_weighed(fit: Fit) -> bool:
    """Return whether there are draws, and whether they stand for a posterior that a row can be taken out of by weights.

    The members of an ensemble do not: each was trained on the row.
    """
    sizes = fit.idata["posterior"].sizes
    engine = variant_for(find_engine(fit.idata.attrs["method"]), words_of(fit.spec))
    trained = "batches" in engine.needs and not fit.idata.attrs["exact"]
    return int(sizes["chain"] * sizes["draw"]) >= LEAST_DRAWS and not trained


def _check_fits(fits: Any) -> None:
    if not isinstance(fits, Mapping):
        raise FitError(f"compare: fits is {type(fits).__name__}; give a dict of fits by name")
    for name, fit in fits.items():
        if not isinstance(fit, Fit):
            raise FitError(f"compare: '{name}' is {type(fit).__name__}, not a fit; call model.fit() first")
    if len(fits) < 2:
        raise FitError(f"compare: {len(fits)} fit{'' if len(fits) == 1 else 's'}; give at least two")
    seen: dict[int, str] = {}
    for name, fit in fits.items():
        if id(fit) in seen:
            raise FitError(f"compare: '{name}' and '{seen[id(fit)]}' are the same fit")
        seen[id(fit)] = name
    (first, one), *others = fits.items()
    for name, fit in others:
        _check_same(first, one, name, fit)


def _check_same(first: str, one: Fit, name: str, other: Fit) -> None:
    """Check that two fits are of the same response on the same rows."""
    a, b = one._rows, other._rows
    if a.response.name != b.response.name:
        raise FitError(
            f"compare: '{first}' models '{a.response.name}' and '{name}' models '{b.response.name}'; log scores of "
            "different responses cannot be compared"
        )
    if a.rows != b.rows:
        raise FitError(f"compare: '{first}' has {a.rows:,} rows and '{name}' {b.rows:,}; fit both to the same rows")
    if not _same_values(a, b):
        raise FitError(
            f"compare: '{first}' and '{name}' have different values of '{a.response.name}', or rows in another order; "
            "fit both to the same rows"
        )


def _same_values(a: Rows, b: Rows) -> bool:
    x, y = np.asarray(a.response.value), np.asarray(b.response.value)
    return x.shape == y.shape and bool(np.array_equal(x, y)) and a.response.modifiers == b.response.modifiers


def _groups(fits: Mapping[str, Fit], by: str) -> np.ndarray:
    """Return each row's group from the first model that has the factor."""
    trouble: FitError | None = None
    for fit in fits.values():
        try:
            return group_codes(fit.spec, fit._rows, by)
        except FitError as error:
            trouble = error
    raise FitError(f"compare: no model has group effects for '{by}'") from trouble
