"""A column of which values are missing, as terms see it: numbers, or codes of levels, and where its own formula has the rest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.labels import match
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import options_of
from bayesdeep.core.quantities import WEIGHT
from bayesdeep.core.terms import DesignContext, Scope

from ._mo_levels import category_of


def learn_column(call: Any, context: DesignContext) -> Json:
    """Return a column's mean and sd where it is there, or its levels and their shares, and how many values are missing.

    Raises
    ------
    FormulaError
        For anything but one column, and for one that does not vary.
    """
    where = f"{context.where}: {call.source}"
    options_of(call, (), where)
    if len(call.arguments) != 1 or not hasattr(call.arguments[0], "name"):
        raise FormulaError(f"{where}: mi() takes one column, of which values are missing: mi(x)")
    (node,) = call.arguments
    there = ~context.gaps(node)
    found = {
        "name": posterior_name(f"mi({node.name})"), "column": node.name, "missing": int(len(there) - np.count_nonzero(there)),
    }  # fmt: skip
    category = category_of(node, context)
    x = np.asarray(context.values(node), dtype=np.float64)[there] if category is None else category.codes[there]
    if not x.std() > 0:
        value = f"{x[0]:g}" if category is None else repr(category.levels[x[0]])
        raise FormulaError(f"{where}: '{node.name}' is constant (every value is {value}); its effect cannot be learned")
    if category is None:
        return {**found, "mean": float(x.mean()), "sd": float(x.std())}
    shares = np.bincount(x, minlength=len(category.levels)) / len(x)
    return {**found, "levels": list(category.levels), "learned": category.learned, "shares": shares.tolist()}


def column_arrays(own: Json, call: Any, context: DesignContext, mark: str = "") -> dict[str, np.ndarray]:
    """Return each row's value or code ``(obs,)``, and which of the missing ones it has, -1 where it is there.

    ``mark`` ends the keys of these arrays, of terms with several such columns.
    """
    (node,) = call.arguments
    gone = context.gaps(node)
    x = context.category(node, own["learned"]).codes if "levels" in own else np.asarray(context.values(node), dtype=np.float64)
    return {f"x{mark}": np.where(gone, np.zeros_like(x), x), f"place{mark}": place_of(gone)}


def place_of(gone: np.ndarray) -> np.ndarray:
    """Return which of the missing values each row has ``(obs,)`` of int64, -1 where none is missing."""
    return np.where(gone, np.cumsum(gone) - 1, -1).astype(np.int64)


def at_rows(scope: Scope, own: Json, mark: str = "") -> Any:
    """Return the column ``(obs,)``, with the missing values in their places: float64 numbers, or int64 codes."""
    x = scope.data(f"x{mark}")
    if not own["missing"]:
        return x
    values, place = missing_values(scope, own), scope.data(f"place{mark}")
    if "levels" in own:
        values = pt.clip(pt.round(values), 0, len(own["levels"]) - 1).astype("int64")
    return pt.switch(pt.lt(place, 0), x, values[pt.maximum(place, 0)])


def missing_values(scope: Scope, own: Json, given: Any = None) -> Any:
    """Show the missing values ``(missing,)``, numbers or codes, once a predictor, and return them.

    They are ``given``, or those that the column's model has.
    """

    def make(alone: Scope) -> Any:
        values = alone.filled(own["column"]) if given is None else given
        if values is None:  # The graph of one response, which is asked with values that there are already.
            values = _stand_ins(alone, own)
        dim = alone.dim(f"{own['name']}_row", tuple(range(own["missing"])))
        return alone.report(f"{own['name']}_missing", values, (dim,), WEIGHT)

    return scope.alone().once(f"{own['name']}_missing", make)


def _stand_ins(scope: Scope, own: Json) -> Any:
    """Return values with the distribution of those that are there, for a graph without the column's own model."""
    moments = {"mu": own.get("mean", 0.0), "sigma": own.get("sd", 1.0)}
    values = scope.hidden(f"{own['name']}_z", "Normal", moments, (own["missing"],))
    if "levels" not in own:
        return values
    below = ndtri(np.cumsum(own["shares"])[:-1])
    return pt.gt(values[:, None], below).sum(axis=1).astype("float64")


def known_column(
    own: Json, arrays: Mapping[str, np.ndarray], values: np.ndarray, mark: str = ""
) -> tuple[Json, dict[str, np.ndarray]]:
    """Return a column on rows of which all values are known, and its arrays."""
    kind = np.int64 if "levels" in own else np.float64
    none = np.full(len(values), -1, dtype=np.int64)
    return {**own, "missing": 0}, {**arrays, f"x{mark}": np.asarray(values, dtype=kind), f"place{mark}": none}


def codes_of(own: Json, labels: tuple[Any, ...]) -> np.ndarray:
    """Return what stands in the column for each of these labels: their codes, or as numbers themselves ``(label,)``.

    Raises
    ------
    FormulaError
        For a label that no row has, so that it has no effect.
    """
    if "levels" not in own:
        return np.asarray(labels, dtype=np.float64)
    places = match(labels, own["levels"], f"data: column '{own['column']}'")
    if (places < 0).any():
        lacking = labels[int(np.argmin(places))]
        raise FormulaError(
            f"formula: {own['name']}: '{own['column']}' has the level {lacking!r}, which no row has, so that a missing value may "
            "be one whose effect cannot be learned; leave that level out of the data's categories"
        )
    return places
