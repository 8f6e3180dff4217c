"""Means of predictions over groups of rows, draw by draw, in blocks of rows.

Both sides of a difference are rows of one frame: they share every draw, those of groups that the model was not fitted to too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError
from bayesdeep.results.data_columns import taken
from bayesdeep.results.new_groups import for_groups
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import Rows, rows_of

from .marginal_grid import Base
from .marginal_source import Source
from .marginal_variables import factors_of

MOST_ROWS = 500_000
"""Rows made at a time, where they are the data's own with several values of a variable."""


def made_rows(source: Source, columns: Mapping[str, Column], count: int) -> Rows:
    """Return rows to predict. Of a number of trials the mean is asked for one, and so is a proportion."""
    rows = rows_of(source.spec, Frame(columns, count), observed=False)
    if rows.response.trials is None:
        return rows
    return replace(rows, response=rows.response.with_(trials=np.ones(count, dtype=np.int64)))


def side_means(source: Source, base: Base, sides: Sequence[Mapping[str, Column]], what: str) -> np.ndarray:
    """Return means over groups of rows in which variables have been given values ``(draw, side, group[, level])``.

    Parameters
    ----------
    source
        The fit.
    base
        The rows and their groups.
    sides
        Columns to put in place of the rows' own, each with one value or one a row.
    what
        ``"mean"`` or ``"linear"``, as the graph calls it.
    """
    groups, step = len(base.labels), max(1, MOST_ROWS // base.rows)
    parts = []
    for start in range(0, len(sides), step):
        some = sides[start : start + step]
        columns = {
            name: taken({"": c}, np.tile(np.arange(base.rows), len(some)))[""] for name, c in base.columns.items()
        }
        columns |= {name: _stacked([side[name] for side in some], base.rows) for name in some[0]}
        codes = (np.arange(len(some))[:, None] * groups + base.codes).ravel()
        rows = made_rows(source, columns, len(codes))
        _refuse_other_groups(source, rows, some[0])
        found = _group_means(source, rows, codes, len(some) * groups, what)
        parts.append(found.reshape(len(found), len(some), groups, *found.shape[2:]))
    return np.concatenate(parts, axis=1)


def slope_means(source: Source, base: Base, low: Column, high: Column, what: str) -> np.ndarray:
    """Return means over groups of rows of a difference over the distance of the two values ``(draw, group[, level])``.

    Parameters
    ----------
    low, high
        A number's values ``(row,)`` on either side.
    """
    name = low.name
    columns = taken(base.columns, np.repeat(np.arange(base.rows), 2))
    columns[name] = replace(low, values=np.column_stack([low.values, high.values]).ravel())
    rows = made_rows(source, columns, 2 * base.rows)
    _refuse_other_groups(source, rows, (name,))
    return _group_means(source, rows, base.codes, len(base.labels), what, gap=high.values - low.values)


def _group_means(
    source: Source, rows: Rows, codes: np.ndarray, groups: int, what: str, gap: np.ndarray | None = None
) -> np.ndarray:
    """Return means by group ``(draw, group[, level])``; with ``gap`` rows are pairs, and their slopes are averaged."""
    together = 1 if gap is None else 2
    total: np.ndarray | None = None
    posterior = for_groups(source.posterior, rows, source.new_groups)
    made = blocks(source.spec, posterior, rows, what, source.new_groups, source.seed, together)
    for start, stop, value in made:
        own = slice(start // together, stop // together)
        if gap is not None:
            distance = gap[own].reshape(-1, *(1,) * (value.ndim - 2))
            value = (value[:, 1::2] - value[:, ::2]) / distance
        if total is None:
            total = np.zeros((len(value), groups, *value.shape[2:]))
        order = np.argsort(codes[own], kind="stable")
        found, first = np.unique(codes[own][order], return_index=True)
        total[:, found] += np.add.reduceat(value[:, order], first, axis=1)
    assert total is not None, "there are rows"
    return total / np.bincount(codes, minlength=groups).reshape(-1, *(1,) * (total.ndim - 2))


def _stacked(columns: Sequence[Column], rows: int) -> Column:
    values = [np.broadcast_to(column.values, (rows,)) for column in columns]
    return replace(columns[0], values=np.concatenate(values))


def _refuse_other_groups(source: Source, rows: Rows, moved: Mapping[str, Column] | Sequence[str]) -> None:
    """Raise where moving a variable makes groups of which every side would draw its own."""
    for factor, columns in factors_of(source.spec).items():
        if source.new_groups == "sample" and rows.unseen.get(factor) and set(columns) & set(moved):
            name = next(c for c in columns if c in set(moved))
            raise FitError(
                f"{source.where}: with other values of '{name}' there are groups of {factor} that the model was not fitted to, "
                "and each would be drawn by itself, so that their differences would be compared; use new_groups='average'"
            )
