"""What baselines are fitted to: the columns that the compared models read, as a table, and their response."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import column, read_frame
from bayesdeep.effects.input_function import _coded, _grouping, columns_of_fit
from bayesdeep.formula.expand import columns as columns_of
from bayesdeep.results.aligned import aligned
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.rows import rows_of

MOST_NUMBERS = 300_000_000
"""Rows times columns, levels counted, that are made dense: 2.4 GB."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be predicted from what.

    Attributes
    ----------
    table
        A column for each input: numbers as float64, categories as text.
    y
        The response ``(obs,)``: numbers, or codes of levels.
    task
        ``"regression"`` or ``"classification"``.
    levels
        Number of levels; 0 for numbers.
    discrete
        Whether the models give probabilities of numbers, with which a density cannot be compared.
    log_slope
        What turns log densities of the response into ones in the units of the data ``(obs,)``; 0 for a column as it is.
    categories
        Names of the inputs that are categories, groups included.
    columns
        The inputs on the rows that the models were fitted to, by name.
    """

    table: pd.DataFrame
    y: np.ndarray
    task: str
    levels: int
    discrete: bool
    categories: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)
    log_slope: np.ndarray | float = 0.0

    def take(self, keep: np.ndarray) -> "Problem":
        """Return some of the rows; ``keep`` is a mask or positions."""
        return replace(self, table=self.table.iloc[keep], y=self.y[keep], log_slope=_taken(self.log_slope, keep))


def problem_of(fits: Mapping[str, Fitted]) -> Problem:
    """Return what the fits have in common, with all the columns that any of them reads.

    Raises
    ------
    FitError
        For responses that baselines cannot be fitted to: censored, truncated, weighted, of trials, or of several columns; for
        models without predictors; for fits that do not hold their columns.
    """
    first = next(iter(fits.values()))
    family, response = FAMILIES[first.spec.family], own_rows(first, "compare").response
    words = family.words
    refused = sorted(response.modifiers) + (["several columns"] if "several_columns" in words else [])
    if refused:
        raise FitError(
            f"compare: baselines cannot be fitted to a response recorded as {', '.join(refused)}; leave them out"
        )
    found: dict[str, Column] = {}
    categories: dict[str, None] = {}
    for fit in fits.values():
        names, coded = _inputs(fit)
        own = columns_of_fit(fit, "compare")
        found |= {name: own[name] for name in names}
        categories |= dict.fromkeys(n for n in names if n in coded or found[n].kind not in ("number", "bool"))
    if not found:
        raise FitError(
            "compare: baselines predict from the columns that the models read, and these read none; leave them out"
        )
    levels = 2 if "two_levels" in words else len(first.spec.response.levels or ()) if "levels" in words else 0
    y = np.asarray(response.value, dtype=int if levels else float)
    task = "classification" if levels else "regression"
    table = table_of(found, tuple(categories))
    width = sum(table[name].nunique() if name in categories else 1 for name in table)
    if width * len(table) > MOST_NUMBERS:
        raise FitError(
            f"compare: {len(table):,} rows of {width:,} columns, levels counted, are more than baselines get; leave them out"
        )
    apart = "discrete" in words and not levels
    return Problem(table, y, task, levels, apart, tuple(categories), found, _log_slope(response))


def held_out_problem(problem: Problem, fit: Fitted, data: Any) -> Problem:
    """Return the same columns and the response of other rows."""
    frame = read_frame(data)
    response = rows_of(fit.spec, frame, observed=True).response
    own = {name: column(frame, name, "data") for name in problem.table}
    for name, found in own.items():
        if found.missing is not None and found.missing.any():
            raise FitError(f"data: column '{name}' has missing values; leave these rows out or fill them in")
    own = {name: aligned(found, problem.columns[name], name in problem.categories) for name, found in own.items()}
    table = table_of(own, problem.categories)
    y = np.asarray(response.value, dtype=problem.y.dtype)
    return replace(problem, table=table, y=y, log_slope=_log_slope(response))


def _log_slope(response: Response) -> np.ndarray | float:
    return 0.0 if response.log_slope is None else response.log_slope


def _taken(log_slope: np.ndarray | float, keep: np.ndarray) -> np.ndarray | float:
    return log_slope[keep] if isinstance(log_slope, np.ndarray) else log_slope


def table_of(columns: Mapping[str, Column], categories: tuple[str, ...]) -> pd.DataFrame:
    """Return columns as numbers, and those of ``categories`` as text."""
    return pd.DataFrame({name: _values(own, name in categories) for name, own in columns.items()})


def _values(own: Column, category: bool) -> np.ndarray:
    values = own.values
    if own.levels is not None:
        values = np.array([str(level) for level in own.levels], dtype=object)[values]
    elif category:
        values = np.array(
            [f"{value:.15g}" if isinstance(value, float) else str(value) for value in values.tolist()], dtype=object
        )
    return values if category else np.asarray(values, dtype=np.float64)


def _inputs(fit: Fitted) -> tuple[tuple[str, ...], set[str]]:
    """Return the columns a model predicts from, and those of them whose numbers only name levels."""
    nodes = [replace(node, response=None) for node in fit.spec.nodes.values()]
    names = [name for node in nodes for name in columns_of(node)]
    names += [known.value for known in fit.spec.known.values() if isinstance(known.value, str)]
    coded = {name for node in nodes for name in (*_coded(node), *_grouping(node))}
    return tuple(dict.fromkeys(names)), coded
