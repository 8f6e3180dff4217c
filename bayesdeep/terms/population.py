"""Population-level effects: the intercept and the columns of one design matrix.

The linear predictor is ``Intercept + X @ beta``. The intercept that gets the default prior, and the prior under the
key ``Intercept``, is the predictor's value at the columns' means, ``Intercept + means @ beta``: it does not move when a
column's origin does, and it is nearly independent of the slopes. The posterior reports the uncentred one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.lazy import pt
from bayesdeep.core.linear import LinearColumns, Slice
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term

from ._packing import pack, unit_of, unpack


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding; ``node`` has ``intercept`` and ``products``."""
    return pack(context.learn_columns(node.intercept, node.products))


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the design matrix ``(obs, column)`` without a column for the intercept."""
    columns = unpack(state)
    return {"X": context.design_matrix(columns, node.products)} if columns.width else {}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each term; the intercept's default is set where the response's location is known."""
    columns = unpack(state)
    found = [Slot("Intercept", "real", None, "intercept")] if columns.intercept else []
    for term in columns.terms:
        unit = spread / unit_of(columns, term)
        per = "between levels" if term.kind == "categorical" else "per sd of the column"
        default = Default(f"Normal(0, {2.5 * unit:.4g})", f"2.5 spreads of the predictor {per}")
        found.append(Slot(term.name, "real", default, "coefficient", term.stop - term.start, unit))
    return tuple(found)


def eta(scope: Scope, state: Json) -> Any:
    """Return ``Intercept + X @ beta``, ``(obs,)`` or ``(obs, width)``."""
    columns = unpack(state)
    parts = []
    for term in columns.terms:
        if term.labels is None:
            parts.append(scope.variable(term.name)[None])
        else:
            parts.append(scope.variable(term.name, (scope.dim(f"{term.name}_level", term.labels),)))
    beta = pt.concatenate(parts, axis=0) if len(parts) > 1 else (parts[0] if parts else None)
    at_means: Any = 0.0
    if beta is not None:
        means = np.asarray(columns.means)
        at_means = ((means if scope.width is None else means[:, None]) * beta).sum(axis=0)
    intercept = scope.intercept(at_means) if columns.intercept else 0.0
    if beta is None:
        return intercept
    return intercept + scope.product("X", beta)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return no grouping factor."""
    del state
    return {}


def words(state: Json) -> frozenset[str]:
    """Coefficients enter linearly."""
    del state
    return frozenset({"linear"})


def linear(state: Json) -> LinearColumns:
    """Return the columns as part of a linear system."""
    columns = unpack(state)
    slices = tuple(Slice(quantity_name(t.name), t.start, t.stop, t.labels is None) for t in columns.terms)
    return LinearColumns("X" if columns.width else None, slices, columns.intercept, columns.means, columns.sds)


TERM = Term(
    "population", learn, arrays, slots, eta, groups, words, linear=linear,
    example="x + g",
)
