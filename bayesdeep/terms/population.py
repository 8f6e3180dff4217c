"""Population-level effects: the intercept and the columns of one design matrix.

The linear predictor is ``Intercept + X @ beta``. The intercept that gets the default prior, and the prior under the
key ``Intercept``, is the predictor's value at the columns' means, ``Intercept + means @ beta``: it does not move when a
column's origin does, and it is nearly independent of the slopes. The posterior reports the uncentred one.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Piece
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Line, Term
from bayesdeep.core.writing import Addend, LeftOut

from ._function_columns import called
from ._left_out import left_out_of
from ._packing import pack, unit_of, unpack
from ._written import column_products


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
        why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor {per}"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
        found.append(Slot(term.name, "real", default, "coefficient", term.stop - term.start, unit))
    return tuple(found)


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the columns with their coefficients."""
    columns = unpack(state)
    pieces = tuple(Piece(t.name, t.start, t.stop, f"{t.name}_level", t.labels) for t in columns.terms)
    rows = Columns("X" if columns.width else None, columns.means, columns.sds, columns.intercept)
    return (Effect(rows, Given(), pieces),)


def words(state: Json) -> frozenset[str]:
    """Coefficients enter linearly."""
    del state
    return frozenset({"linear"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the intercept, and each term's coefficient times its columns."""
    first = [Addend("Intercept")] if state["intercept"] else []
    products = column_products(state, node.products)
    return (*first, *(Addend(name, own) for (name, *_), own in zip(state["terms"], products, strict=True)))


def left_out(state: Json, node: Any) -> tuple[LeftOut, ...]:
    """Return the coefficients that sum codings leave out."""
    return left_out_of(state, node.products)


def lines(state: Json, node: Any) -> frozenset[Line]:
    """Return the products of columns."""
    del state
    return frozenset(frozenset(map(called, product)) for product in node.products)


TERM = Term(
    "population", learn, arrays, slots, words=words, effects=effects, written=written, left_out=left_out, lines=lines,
    example="x + g",
)
