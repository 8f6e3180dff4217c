"""``C(x)``: take a column as categories, choose their order or the one the others are compared with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError, nearest


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"levels": [...]}``, the reference level first."""
    if arguments:
        raise FormulaError("it takes one column, and levels=[…] and reference=… by name")
    found = _levels(column)
    levels = _given(column, found, options["levels"]) if "levels" in options else found
    if "reference" in options:
        reference = options["reference"]
        if reference not in levels:
            known = nearest(reference, levels)
            raise FormulaError(f"reference={reference!r} is not a level of '{column.name}'{known}")
        levels = [reference, *(level for level in levels if level != reference)]
    return {"levels": levels}


def _levels(column: Column) -> list[Any]:
    """Return the levels that occur, in the data's order or sorted; whole numbers are ints."""
    if column.levels is not None:
        return list(column.levels)
    present = column.values if column.missing is None else column.values[~column.missing]
    numbers = np.unique(present)
    if numbers.dtype.kind == "f" and np.all(numbers == np.floor(numbers)) and np.all(np.abs(numbers) < 2**53):
        numbers = numbers.astype(np.int64)
    return numbers.tolist()


def _given(column: Column, found: list[Any], levels: Any) -> list[Any]:
    given = list(levels) if isinstance(levels, list | tuple) else [levels]
    nested = next((level for level in given if isinstance(level, list | tuple)), None)
    if nested is not None:
        raise FormulaError(f"levels=[…] should hold numbers or quoted texts, not {nested!r}")
    if len(set(given)) < len(given):
        raise FormulaError("levels=[…] names a level twice")
    left_out = [level for level in found if level not in set(given)]
    if left_out:
        shown = ", ".join(map(repr, left_out[:5])) + (", …" if len(left_out) > 5 else "")
        raise FormulaError(f"levels=[…] leaves out {shown}, which column '{column.name}' has")
    absent = [level for level in given if level not in set(found)]
    if absent:
        shown = ", ".join(map(repr, absent[:5]))
        raise FormulaError(f"levels=[…] has {shown}, which no row of column '{column.name}' has")
    return given


def apply(state: Json, column: Column) -> np.ndarray:
    """Return codes ``(obs,)`` into the levels, -1 for other values."""
    levels = state["levels"]
    if column.kind == "bool" and column.missing is None:
        return _lookup(levels, (False, True))[column.values.astype(np.int64)]
    if column.levels is not None:
        # The appended last entry is what code -1, missing, points at.
        return np.append(_lookup(levels, column.levels), -1)[column.values]
    values, inverse = np.unique(column.values, return_inverse=True)
    return _lookup(levels, values.tolist())[inverse]


def _lookup(levels: list[Any], labels: Any) -> np.ndarray:
    code = {level: i for i, level in enumerate(levels)}
    return np.array([code.get(label, -1) for label in labels], dtype=np.int64)


def labels(state: Json) -> tuple[Any, ...]:
    """Return the levels."""
    return tuple(state["levels"])


TRANSFORM = Transform("C", learn, apply, labels, categorical=True, options=("levels", "reference"))
