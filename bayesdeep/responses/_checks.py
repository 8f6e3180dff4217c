"""What several response functions check. Rows without a value (when predicting) pass every check."""

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import DataError

MAX_COUNT = 1e15
"""Largest count: up to here whole numbers are exact in double precision."""


def numbers(column: Column) -> np.ndarray:
    """Return the values ``(obs,)`` of a numeric column, true and false as 1 and 0."""
    if column.kind == "number":
        return column.values
    if column.kind == "bool":
        return column.values.astype(np.int64)
    raise DataError(f"data: column '{column.name}' holds text or categories where numbers are needed")


def whole(column: Column) -> np.ndarray:
    """Return counts ``(obs,)`` of int64; of float64 if rows have no value."""
    values = numbers(column)
    bad = (values < 0) | (values > MAX_COUNT) | (values != np.floor(values)) & ~np.isnan(values)
    if bad.any():
        raise DataError(f"data: column '{column.name}' should hold counts, 0, 1, 2, …; {rows(bad, column)}")
    return values if np.isnan(values).any() else values.astype(np.int64)


def rows(bad: np.ndarray, *shown: Column) -> str:
    """Say how many rows are wrong, which is the first, counted from 1, and what is in it."""
    first = int(np.argmax(bad))
    values = ", ".join(f"{column.name} = {column.values[first]:g}" for column in shown)
    return f"{int(np.count_nonzero(bad))} of {len(bad)} rows do not (the first is row {first + 1}: {values})"
