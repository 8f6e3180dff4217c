"""Several data sets of the same rows, as multiple imputation makes them, one below another as one frame."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError

from .convert import drop_unused_levels, with_declared_levels
from .frame import LazyColumns


def stack(frames: Sequence[Frame]) -> Frame:
    """Return the rows of all data sets, the first one's first; labels of rows are their positions.

    A category has the levels of all data sets.

    Raises
    ------
    DataError
        Where data sets differ in the number of rows or the names of columns; where a column is first used, for one that is
        something else in another data set.
    """
    first = frames[0]
    for k, frame in enumerate(frames[1:], start=2):
        if frame.rows != first.rows:
            raise DataError(
                f"data: data set {k} has {frame.rows:,} rows, but data set 1 has {first.rows:,}; imputations are of the same rows"
            )
        lacking, more = ([n for n in a.columns if n not in b.columns] for a, b in ((first, frame), (frame, first)))
        if lacking or more:
            name, has, lacks = (lacking[0], 1, k) if lacking else (more[0], k, 1)
            raise DataError(
                f"data: data set {has} has a column '{name}', and data set {lacks} has none; imputations have the same columns"
            )
    columns = LazyColumns(first.columns, partial(_stacked, frames))
    return Frame(columns, len(frames) * first.rows, pd.RangeIndex(len(frames) * first.rows))


def _stacked(frames: Sequence[Frame], name: str) -> Column:
    parts = [frame.columns[name] for frame in frames]
    first = parts[0]
    for k, part in enumerate(parts[1:], start=2):
        if part.kind != first.kind or part.shape != first.shape:
            raise DataError(
                f"data: column '{name}' holds {_held(first)} in data set 1 and {_held(part)} in data set {k}; make them alike"
            )
    missing = None
    if any(part.missing is not None for part in parts):
        missing = np.concatenate([_missing(part) for part in parts])
    if first.levels is None:
        return replace(first, values=_frozen(np.concatenate([part.values for part in parts])), missing=missing)
    parts = [with_declared_levels(part) for part in parts]
    levels = _levels(parts)
    place = {level: i for i, level in enumerate(levels)}
    codes = []
    for part in parts:
        # The last entry maps code -1, missing, to itself.
        own = np.array([*(place[level] for level in part.levels or ()), -1], dtype=np.int64)
        codes.append(own[part.values])
    made = replace(first, values=_frozen(np.concatenate(codes)), levels=levels, missing=missing, declared=None)
    return drop_unused_levels(made)


def _levels(parts: Sequence[Column]) -> tuple[Any, ...]:
    """Return the levels of all data sets: of text sorted, of categories in the declared order."""
    first = parts[0]
    every = tuple(dict.fromkeys(level for part in parts for level in part.levels or ()))
    if first.kind == "text":
        return tuple(sorted(every))
    for k, part in enumerate(parts[1:], start=2):
        if part.ordered != first.ordered or (first.ordered and part.levels != first.levels):
            raise DataError(
                f"data: column '{first.name}' declares another order of its levels in data set {k} than in data set 1; declare "
                "the same levels in all of them"
            )
    return every


def _missing(part: Column) -> np.ndarray:
    return np.zeros(len(part.values), dtype=bool) if part.missing is None else part.missing


def _held(column: Column) -> str:
    words = {
        "number": "numbers",
        "category": "categories",
        "bool": "true and false",
        "array": f"arrays of {column.shape}",
    }
    return words.get(column.kind, column.kind)


def _frozen(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
