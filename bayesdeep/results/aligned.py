"""A column of other rows as the model's own rows have it: of its kind, with its labels."""

from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import DataError
from bayesdeep.core.labels import match, value_of
from bayesdeep.core.registry import TRANSFORMS


def aligned(column: Column, own: Column, named: bool) -> Column:
    """Return a column in the terms of the model's own: the same labels, whatever types they came in.

    Parameters
    ----------
    column
        Of other rows, without missing values.
    own
        Of the rows the model was fitted to.
    named
        Whether its numbers name levels.

    Raises
    ------
    DataError
        For text where the model was fitted to numbers, and labels that cannot be told apart.
    """
    if own.kind == "number" and not named:
        if column.kind in ("number", "bool"):
            return column
        held = "categories" if column.kind == "category" else "text"
        raise DataError(f"data: column '{column.name}' holds {held}, but the model was fitted to numbers")
    if column.kind == own.kind and column.levels is None:
        return column
    found, known = labels_of(column), labels_of(own)
    places = match(found, known, f"data: column '{column.name}'")
    codes = np.unique(column.values, return_inverse=True)[1]
    if own.levels is None:
        values = [known[place] if place >= 0 else value_of(label) for place, label in zip(places, found, strict=True)]
        fit = all(isinstance(value, bool) if own.kind == "bool" else value is not None for value in values)
        if fit and len(set(values)) == len(values):
            return replace(own, values=np.asarray(values)[codes], missing=None)
    new = [i for i, place in enumerate(places) if place < 0]
    places[new] = len(known) + np.arange(len(new))
    levels = (*known, *(found[i] for i in new))
    return Column(column.name, "category" if own.levels is None else own.kind, places[codes], levels, own.ordered)


def labels_of(column: Column) -> tuple[Any, ...]:
    """Return the labels that occur in a column, in its own order."""
    if column.levels is None:
        return tuple(TRANSFORMS["C"].learn(column, (), {})["levels"])
    used = np.flatnonzero(np.bincount(column.values, minlength=len(column.levels)))
    return tuple(column.levels[i] for i in used)

