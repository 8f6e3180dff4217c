"""Reading the user's data frame: whatever it came in, a :class:`~bayesdeep.core.columns.Frame` goes out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.lazy import nw

from .array_columns import unequal
from .convert import drop_unused_levels, to_column

ACCEPTED = "a pandas, polars or pyarrow data frame, an xarray.Dataset, or a dict of columns"
OBS = "obs"
"""Name of the dimension of rows in a Dataset."""


class LazyColumns(Mapping[str, Column]):
    """Columns by name, made when first asked for: two hundred unused columns cost nothing.

    Parameters
    ----------
    names
        In the data's order.
    make
        ``make(name) -> Column``.
    """

    def __init__(self, names: Iterable[str], make: Callable[[str], Column]) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        # Mapping's own version would convert the column only to see whether it is there.
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"LazyColumns({', '.join(self._names)})"


def read_frame(data: Any) -> Frame:
    """Return the user's data as a frame.

    Parameters
    ----------
    data
        A pandas, polars (eager) or pyarrow table, an ``xarray.Dataset`` whose variables have ``obs`` as their first
        dimension, a dict of array-likes ``(obs,)`` or ``(obs, …)``, or a :class:`~bayesdeep.core.columns.Frame`, which is
        returned as it is.

    Raises
    ------
    DataError
        If it is none of these, has no rows, two columns of one name, or columns of different lengths.
    """
    if isinstance(data, Frame):
        return data
    if hasattr(data, "data_vars") and hasattr(data, "indexes"):  # A Dataset; asking for its class would import xarray.
        return _frame_of_dataset(data)
    if isinstance(data, Mapping):
        return _frame_of_mapping(data)
    return _frame_of_table(data)


def keep_rows(frame: Frame, mask: np.ndarray) -> Frame:
    """Return the frame of the rows where ``mask (obs,)`` is true; levels no row has any more are dropped."""
    mask = np.asarray(mask, dtype=bool)
    index = None if frame.index is None else frame.index[mask]
    columns = LazyColumns(frame.columns, partial(_kept, frame.columns, mask))
    return Frame(columns, int(np.count_nonzero(mask)), index)


def column(frame: Frame, name: str, where: str) -> Column:
    """Return a column that a model can use, or raise.

    Parameters
    ----------
    frame
        The data.
    name
        The column's name.
    where
        Begins the error text. Where it begins with ``data`` the data are to blame for a name that is not
        there (new rows), else the formula is.
    """
    if name not in frame.columns:
        error = DataError if where.startswith("data") else FormulaError
        raise error(f"{where}: no column '{name}' in the data{nearest(name, frame.columns)}")
    found = frame.columns[name]
    if found.kind == "other":
        raise DataError(
            f"data: column '{name}' holds {_contents(found)}; a model takes numbers, text, categories "
            "or true/false, so turn it into one of these first (a date: into days since a first day)"
        )
    return found


def single_values(found: Column, where: str) -> Column:
    """Return a column with one value a row; raise for one of arrays. ``where`` is as for :func:`column`."""
    if found.kind != "array":
        return found
    error = DataError if where.startswith("data") else FormulaError
    raise error(
        f"{where}: column '{found.name}' is an array of shape {found.shape} a row; where one number or label a row is needed, "
        "give a column made of it, such as its mean"
    )


def _contents(column: Column) -> str:
    """Say in words what a column of no use holds, and where a mixture has the type that it has least of."""
    words, values = {"M": "dates", "m": "durations", "c": "complex numbers"}, column.values
    if values.dtype.kind in words:
        return words[values.dtype.kind]
    if values.ndim > 1:
        return f"arrays of shape {column.shape} that are not numbers"
    there = np.ones(len(values), dtype=bool) if column.missing is None else ~column.missing
    if (lists := unequal(values[there].tolist())) is not None:
        return lists
    names = [type(value).__name__ if kept else "" for value, kept in zip(values.tolist(), there.tolist(), strict=True)]
    counts = Counter(name for name in names if name)
    text = "values of type " + " and ".join(sorted(counts))
    if len(counts) < 2:
        return text
    row = names.index(min(counts, key=counts.__getitem__))
    return f"{text} ({values[row]!r} in row {row + 1})"


def _kept(columns: Mapping[str, Column], mask: np.ndarray, name: str) -> Column:
    whole = columns[name]
    values = whole.values[mask]
    values.setflags(write=False)
    missing = None if whole.missing is None else whole.missing[mask]
    if missing is not None and not missing.any():
        missing = None
    return drop_unused_levels(replace(whole, values=values, missing=missing))


def _frame_of_table(data: Any) -> Frame:
    pandas = isinstance(data, pd.DataFrame)
    native = data.to_native() if not pandas and isinstance(data, nw.DataFrame | nw.LazyFrame) else data
    if hasattr(native, "collect") and not hasattr(native, "iloc"):
        raise DataError("data: a lazy frame has no rows yet; pass data.collect()")
    # narwhals refuses duplicate names with a text of its own, so look first.
    names = list(getattr(native, "column_names", getattr(native, "columns", ())))
    _refuse_duplicates([str(name) for name in names])
    sources = {str(name): name for name in names}
    if pandas:
        _refuse_empty(names, len(native))
        return Frame(LazyColumns(sources, partial(_from_pandas, native, sources)), len(native), native.index)
    try:
        table = nw.from_native(native, eager_only=True)
    except TypeError:
        raise DataError(f"data: expected {ACCEPTED}, got {type(data).__name__}") from None
    _refuse_empty(names, len(table))
    index = getattr(native, "index", None) if table.implementation.is_pandas_like() else None
    return Frame(LazyColumns(sources, partial(_from_table, table, sources)), len(table), index)


def _from_pandas(table: pd.DataFrame, sources: Mapping[str, Any], name: str) -> Column:
    return to_column(name, table[sources[name]])


def _from_table(table: Any, sources: Mapping[str, Any], name: str) -> Column:
    return to_column(name, table.get_column(sources[name]))


def _frame_of_dataset(data: Any) -> Frame:
    """Return the variables and coordinates of a Dataset that have a value a row."""
    for name, found in data.data_vars.items():
        if found.dims[:1] != (OBS,):
            raise DataError(
                f"data: variable '{name}' of the Dataset has the dimensions ({', '.join(map(str, found.dims))}); the first of a "
                f"column's is '{OBS}', the rows: transpose or rename it, or leave the variable out"
            )
    beside = [name for name, found in data.coords.items() if name != OBS and found.dims[:1] == (OBS,)]
    frame = _frame_of_mapping({name: data[name] for name in (*data.data_vars, *beside)})
    return replace(frame, index=data.indexes.get(OBS))


def _frame_of_mapping(data: Mapping[Any, Any]) -> Frame:
    names = [str(name) for name in data]
    _refuse_duplicates(names)
    values = dict(zip(names, data.values(), strict=True))
    lengths = {name: _length(name, value) for name, value in values.items()}
    _refuse_empty(names, next(iter(lengths.values()), 0))
    first, rows = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != rows:
            raise DataError(f"data: column '{name}' has {length} values, but column '{first}' has {rows}")
    return Frame(LazyColumns(names, partial(_from_mapping, values)), rows)


def _from_mapping(values: Mapping[str, Any], name: str) -> Column:
    return to_column(name, values[name])


def _length(name: str, value: Any) -> int:
    dimensions = getattr(value, "ndim", 1)
    unordered = isinstance(value, str | bytes | set | frozenset | Mapping) or not hasattr(value, "__len__")
    if dimensions == 0 or unordered:
        what = type(value).__name__
        raise DataError(f"data: column '{name}' is one {what}, not a list or array with one value a row")
    return len(value)


def _refuse_duplicates(names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        shown = ", ".join(f"'{name}'" for name in twice)
        raise DataError(f"data: more than one column is called {shown}; column names must differ")


def _refuse_empty(names: list[Any], rows: int) -> None:
    if not names:
        raise DataError("data: there are no columns")
    if rows == 0:
        raise DataError("data: there are no rows")


def complete(found: Column) -> Column:
    """Return the column if no value is missing; raise otherwise, so that no missing value becomes a zero."""
    if found.missing is not None:
        count, rows = int(np.count_nonzero(found.missing)), len(found.missing)
        raise DataError(f"data: column '{found.name}' has missing values in {count} of {rows} rows")
    return found
