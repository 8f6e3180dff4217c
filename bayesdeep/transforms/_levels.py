"""Levels of a category: found, put in order, and matched by what they read; shared by ``C()`` and its other names."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Coding, Column, Json
from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.labels import match, refuse_rounded


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"levels": [...]}``, the reference level first, and the name of a coding that is not by indicators."""
    if len(arguments) > 1 or not all(isinstance(argument, Coding) for argument in arguments):
        raise FormulaError("it takes one column, a coding such as Sum, and levels=[…] and reference=… by name")
    if arguments:
        coding: Coding = arguments[0]
        given = (*coding.arguments, *coding.options.values())
        treatment = coding.name == "Treatment" and set(coding.options) <= {"reference"}
        if len(given) > treatment or (treatment and given and "reference" in options):
            raise FormulaError(f"{coding.name} takes no such argument; write Treatment(\"b\"), Sum or Helmert")
        if not treatment and "reference" in options:
            raise FormulaError(f"{coding.name} has no reference")
        own = {**options, "reference": given[0]} if given else options
        found_levels = learn(column, (), own)
        return found_levels if coding.name == "Treatment" else {**found_levels, "coding": coding.name}
    found = _levels(column)
    levels = _given(column, found, options["levels"]) if "levels" in options else found
    if "reference" in options:
        reference = options["reference"]
        place = int(match([reference], levels, f"data: column '{column.name}'")[0])
        if place < 0:
            known = nearest(reference, levels)
            raise FormulaError(f"reference={reference!r} is not a level of '{column.name}'{known}")
        levels = [levels[place], *levels[:place], *levels[place + 1 :]]
    return {"levels": levels}


def _levels(column: Column) -> list[Any]:
    """Return the levels that occur, in the data's order or sorted; whole numbers are ints."""
    if column.levels is not None:
        return list(column.levels)
    present = column.values if column.missing is None else column.values[~column.missing]
    refuse_rounded(present, column.name)
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
    places = match(given, found, f"data: column '{column.name}'").tolist()
    there = set(places)
    left_out = [level for i, level in enumerate(found) if i not in there]
    if left_out:
        shown = ", ".join(map(repr, left_out[:5])) + (", …" if len(left_out) > 5 else "")
        raise FormulaError(f"levels=[…] leaves out {shown}, which column '{column.name}' has")
    absent = [level for level, place in zip(given, places, strict=True) if place < 0]
    if absent:
        shown = ", ".join(map(repr, absent[:5]))
        raise FormulaError(f"levels=[…] has {shown}, which no row of column '{column.name}' has")
    return [found[place] for place in places]


def apply(state: Json, column: Column) -> np.ndarray:
    """Return codes ``(obs,)`` into the levels, by what labels read; -1 for other values."""
    if column.levels is None:
        refuse_rounded(column.values, column.name)
        values, own = np.unique(column.values, return_inverse=True)
        return match(values.tolist(), state["levels"], f"data: column '{column.name}'")[own]
    # Only labels that occur: others of a declared list may read like them. Code -1, missing, stays.
    used = np.flatnonzero(np.bincount(column.values[column.values >= 0], minlength=len(column.levels)))
    code = np.full(len(column.levels) + 1, -1, dtype=np.int64)
    code[used] = match([column.levels[i] for i in used], state["levels"], f"data: column '{column.name}'")
    return code[column.values]


def labels(state: Json) -> tuple[Any, ...]:
    """Return the levels."""
    return tuple(state["levels"])


def ordered(state: Json) -> bool:
    """Return whether the levels are numbers from the smallest on."""
    levels = state["levels"]
    numbers = all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)
    return numbers and levels == sorted(levels)


def contrasts(state: Json) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return the levels' columns ``(level, level - 1)`` and their labels, for sums to zero and R's Helmert contrasts."""
    count = len(state["levels"])
    if "coding" not in state:
        return None
    if state["coding"] == "Sum":
        sums = np.vstack([np.eye(count - 1), -np.ones(count - 1)])
        return sums, tuple(f"S.{level}" for level in state["levels"][:-1])
    steps = np.vstack([np.zeros(count - 1), np.diag(np.arange(1.0, count))]) - np.triu(np.ones((count, count - 1)))
    return steps, tuple(f"H.{level}" for level in state["levels"][1:])


def left_out(state: Json) -> tuple[str, tuple[float, ...]] | None:
    """Return the last level of sums to zero, and that it is minus the sum of the others; Helmert's steps leave none out."""
    levels = state["levels"]
    return (f"S.{levels[-1]}", (-1.0,) * (len(levels) - 1)) if state.get("coding") == "Sum" else None
