"""Rows to ask about: typical ones, grids of values, and the data's own in groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.labels import AVERAGE
from bayesdeep.design.frame import column as column_of
from bayesdeep.results.data_columns import taken
from bayesdeep.results.new_group_warnings import settled
from bayesdeep.results.rows import rows_of

from .marginal_source import Source
from .marginal_table import check_names
from .marginal_variables import Variable, factors_of, stepped_columns

AT = ("rows", "means", "typical")
MAX_SHOWN_NUMBERS = 5
"""Up to so many different numbers are all shown; of more, the quartiles and the ends."""
MOST_GROUPS = 1000


@dataclass(frozen=True, eq=False)
class Axis:
    """Values of a variable along one side of a grid: the column, and what its values are called."""

    column: Column
    labels: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Base:
    """Rows, and the groups of rows that are averaged.

    Attributes
    ----------
    columns
        By name.
    codes
        Each row's group ``(row,)``.
    labels
        What the groups are called ``(group, …)``; no columns where there is one group.
    over
        In words, what is averaged over.
    grid
        Whether these are typical rows, held at the labels' values.
    """

    columns: Mapping[str, Column]
    codes: np.ndarray
    labels: pd.DataFrame
    over: str
    grid: bool = False

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.codes)


def names_of(by: Any, where: str) -> tuple[str, ...]:
    """Return names given as one text or a list of them."""
    names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    if len(set(names)) < len(names):
        raise FitError(f"{where}: by={list(names)} names a column twice")
    check_names(names, where)
    return names


def base_of(source: Source, at: Any, by: Any) -> Base:
    """Return the rows to average over.

    Parameters
    ----------
    source
        The fit and its rows.
    at
        ``"rows"``; ``"means"`` or ``"typical"``, see :func:`typical`; or values by name: their combinations, other variables at
        their means.
    by
        Names of columns. Rows are grouped by them; typical rows take their levels.
    """
    names = names_of(by, source.where)
    if isinstance(at, str) and at == "rows":
        _tell(source)
        codes, labels = _groups(source, names)
        over = f"{source.rows} rows, each with the same weight"
        return Base(source.columns, codes, labels, over + (f", within {', '.join(names)}" if names else ""))
    given: Mapping[str, Any] = at if isinstance(at, Mapping) else {}
    if not isinstance(at, Mapping) and at not in AT:
        raise FitError(f"{source.where}: unknown at={at!r}{nearest(str(at), AT)}; or values by name")
    twice = [name for name in names if name in given]
    if twice:
        raise FitError(f"{source.where}: '{twice[0]}' is in both at and by; leave it out of one")
    check_names(tuple(given), source.where)
    axes = [given_axis(source, source.variable(name), values) for name, values in given.items()]
    axes += [usual_axis(source.variable(name)) for name in names]
    columns, labels = product(axes)
    how = "typical" if at == "typical" else "means"
    middle = repeated(typical(source, how), len(labels))
    return Base({**middle, **columns}, np.arange(len(labels)), labels, held(source, how), grid=True)


def _tell(source: Source) -> None:
    """Warn of rows of groups that the model was not fitted to, unless the user said what becomes of them."""
    if source.own or source.asked:
        return
    rows = rows_of(source.spec, Frame(source.columns, source.rows), observed=False)
    settled(None, source.spec, rows, source.where, source.new_groups)


def held(source: Source, how: str) -> str:
    """Say in words where typical rows are."""
    middle = "medians" if how == "typical" else "means"
    return f"nothing: other numbers at their {middle}, categories at the most frequent level, new_groups='{source.new_groups}'"


def given_axis(source: Source, variable: Variable, values: Any) -> Axis:
    """Return values a user gave, one or several."""
    single = isinstance(values, str) or not hasattr(values, "__iter__")
    found = tuple(variable.find(v, source.where) for v in ([values] if single else list(values)))
    if not found:
        raise FitError(f"{source.where}: '{variable.name}' is given no values")
    return Axis(variable.values(found), found)


def usual_axis(variable: Variable) -> Axis:
    """Return all levels, or all of few numbers; of many numbers the smallest, the quartiles and the largest."""
    if variable.labels is not None:
        return Axis(variable.values(variable.labels), variable.labels)
    numbers = np.unique(variable.column.values)
    if len(numbers) > MAX_SHOWN_NUMBERS:
        numbers = np.unique(np.quantile(variable.column.values, [0, 0.25, 0.5, 0.75, 1]))
    return Axis(variable.values(numbers), tuple(numbers.tolist()))


def even_axis(variable: Variable, points: int) -> Axis:
    """Return a number's range in even steps (whole ones where those are fewer), or its values where these are two; all levels."""
    if variable.labels is not None or variable.two_values:
        return usual_axis(variable)
    values = variable.column.values
    low, high = values.min(), values.max()
    whole = values.dtype.kind == "i" and high - low < points
    numbers = np.arange(low, high + 1) if whole else np.unique(np.linspace(low, high, points))
    return Axis(variable.values(numbers), tuple(numbers.tolist()))


def product(axes: Sequence[Axis]) -> tuple[dict[str, Column], pd.DataFrame]:
    """Return all combinations, the last axis fastest: columns ``(combination,)``, and their labels in the order of the axes."""
    shape = tuple(len(axis.labels) for axis in axes)
    places = [p.ravel() for p in np.indices(shape)] if axes else []
    columns = {a.column.name: taken({"": a.column}, p)[""] for a, p in zip(axes, places, strict=True)}
    labels = {a.column.name: [a.labels[i] for i in p] for a, p in zip(axes, places, strict=True)}
    return columns, pd.DataFrame(labels, index=pd.RangeIndex(int(np.prod(shape, dtype=int))))


def repeated(columns: Mapping[str, Column], count: int) -> dict[str, Column]:
    """Return one row many times."""
    return taken(columns, np.zeros(count, dtype=np.intp))


def typical(source: Source, how: str) -> dict[str, Column]:
    """Return one row that stands for all.

    Numbers are at their mean (``how="means"``) or median (``"typical"``), categories at their most frequent level (of equally
    frequent ones the first), numbers of a function that has no values between those of the training rows at the nearest one that
    occurs. A column that does nothing but group rows has a label of its own, of a group that the model was not
    fitted to. What only trials and bounds are made of has a value that occurs, the median.
    """
    steps = stepped_columns(source.spec)
    # Classes of groups and weights of members stand in a bracket too, but name no group: an average one is of a class there is.
    factors = {name for own in factors_of(source.spec).values() for name in own}
    found = {}
    for name, column in source.columns.items():
        variable = source.variables.get(name)
        own = replace(variable, grouping=False) if variable is not None and name not in factors else variable
        middle = _middle(column, own, how)
        if name in steps and column.levels is None:
            nearest_row = np.argmin(np.abs(np.asarray(column.values, dtype=np.float64) - float(middle.values[0])))
            middle = taken({"": column}, np.array([nearest_row]))[""]
        found[name] = middle
    return found


def _middle(column: Column, variable: Variable | None, how: str) -> Column:
    if variable is None:
        return taken({"": column}, np.argsort(column.values, kind="stable")[[len(column.values) // 2]])[""]
    if variable.grouping:
        known = {str(label) for label in (*(variable.labels or ()), *(column.levels or ()))}
        own = AVERAGE
        while own in known:
            own += "_"
        return Column(column.name, "text", np.zeros(1, dtype=np.int64), (own,))
    if variable.labels is not None:
        _, first, counts = np.unique(column.values, return_index=True, return_counts=True)
        return taken({"": column}, first[[np.argmax(counts)]])[""]
    centre = np.median if how == "typical" else np.mean
    return replace(column, kind="number", values=np.array([centre(column.values)], dtype=np.float64), missing=None)


def _groups(source: Source, names: tuple[str, ...]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return each row's group ``(obs,)`` and the groups' labels, in the order of the levels; one group without names."""
    if not names:
        return np.zeros(source.rows, dtype=np.intp), pd.DataFrame(index=pd.RangeIndex(1))
    found, frame = [], Frame(source.others, source.rows)
    for name in names:
        if name not in source.others:
            more = (
                "; of its own rows a fit keeps the columns the model reads: pass data=… for others"
                if source.own
                else ""
            )
            raise FitError(
                f"{source.where}: there is no column '{name}' to group rows by{nearest(name, source.others)}{more}"
            )
        column = column_of(frame, name, "data")
        if column.missing is not None:
            raise FitError(f"{source.where}: column '{name}', by which to group rows, has missing values")
        found.append(column)
    places, codes = np.unique(np.column_stack([c.values for c in found]), axis=0, return_inverse=True)
    if len(places) > MOST_GROUPS:
        raise FitError(
            f"{source.where}: by={list(names)} makes {len(places)} groups of rows; name columns with few values"
        )
    codes = codes.ravel()
    first = np.array([np.argmax(codes == k) for k in range(len(places))])
    labels = {c.name: [_label(c, value) for value in c.values[first]] for c in found}
    return codes, pd.DataFrame(labels)


def _label(column: Column, value: Any) -> Any:
    return value.item() if column.levels is None else column.levels[value]
