"""Coefficients that vary by the levels of a factor: their slots and pieces, shared by the terms that have some."""

from typing import Any

from bayesdeep.core.columns import Json, LearnedColumns, TermColumns
from bayesdeep.core.effects import Piece
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import options_of
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext
from bayesdeep.core.writing import Addend, Product

from ._packing import pack, unit_of, unpack
from ._written import column_products


def learn_varying(node: Any, context: DesignContext) -> Json:
    """Return the coding of the varying coefficients as JSON.

    Raises
    ------
    FormulaError
        Where nothing varies.
    """
    columns = context.learn_columns(node.intercept, node.products)
    if not columns.intercept and not columns.terms:
        raise FormulaError(f"formula: ({node.source}): nothing varies by group; write (1 | …) or (x | …)")
    return pack(columns)


def call_options(node: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of the call right of ``|`` by name; raise for one that it does not have."""
    return options_of(node.call, known, f"formula: ({node.source})")


def columns(state: Json) -> LearnedColumns:
    """Return how the varying columns are coded."""
    return unpack(state["columns"])


def factor_name(node: Any) -> str:
    """Return the name of what stands right of ``|``."""
    return posterior_name(":".join(getattr(f, "name", f.source) for f in node.factor))


def _coefficients(columns: LearnedColumns) -> list[tuple[str, int, int, TermColumns | None]]:
    """Return name, first, last + 1 and term of each varying coefficient; the intercept comes first."""
    first = int(columns.intercept)
    found: list[tuple[str, int, int, TermColumns | None]] = [("1", 0, 1, None)] if first else []
    return found + [(t.name, t.start + first, t.stop + first, t) for t in columns.terms]


def width(state: Json) -> int:
    """Return the number of coefficients of each level."""
    return _coefficients(unpack(state["columns"]))[-1][2]


def correlation(state: Json) -> str | None:
    """Return the slot of the coefficients' correlations, None where they have none, or have them together with other terms'."""
    own = state["correlated"] and not state.get("shared") and width(state) > 1
    return f"{state['factor']}_corr" if own else None


def pieces(state: Json) -> tuple[Piece, ...]:
    """Return which coefficients belong to which slot."""
    found = []
    for name, start, stop, term in _coefficients(unpack(state["columns"])):
        labels = None if term is None else term.labels
        slot = f"{name}|{state['factor']}"
        found.append(Piece(slot, start, stop, f"{name}_level", labels, f"{slot}_sigma", name))
    return tuple(found)


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each sd, one for the effects themselves, and one for the correlations."""
    columns, corr, found = unpack(state["columns"]), correlation(state), []
    units = [1.0 if term is None else unit_of(columns, term) for *_, term in _coefficients(columns)]
    for piece, unit in zip(pieces(state), units, strict=True):
        scale = spread / unit
        alone = piece.start < columns.intercept or unit == 1.0
        reason = "one spread of the predictor" + ("" if alone else " per sd of the column")
        default = Default(f"HalfStudentT(3, {scale:.4g})", reason)
        found.append(Slot(piece.sd, "positive", default, "sd", piece.size, scale, adds=_adds(columns, piece)))
        alone_too = corr is None and not state.get("shared")
        support = "effects" if alone_too else "correlated"
        found.append(Slot(piece.slot, support, None, "effects", piece.size, scale, own_law=alone_too and piece.scalar))
    if corr is not None:
        found.append(Slot(corr, "correlation", Default("LKJ(2)", "weakly towards no correlation"), "correlation"))
    return tuple(found)


def _adds(columns: LearnedColumns, piece: Piece) -> tuple[float, ...]:
    """Return by coefficient the root mean square of its column; 1 where none is known, as before rows were read."""
    places = [k - int(columns.intercept) for k in range(piece.start, piece.stop)]
    squares = [1.0 if k < 0 else columns.means[k] ** 2 + columns.sds[k] ** 2 for k in places]
    return tuple(float(square**0.5) for square in squares)


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the effects that a row's level adds, times the row's columns."""
    slots_of = [piece.slot for piece in pieces(state)]
    products: list[tuple[Product, ...]] = [(Product(),)] if state["columns"]["intercept"] else []
    products += column_products(state["columns"], node.products)
    return tuple(Addend(slot, own) for slot, own in zip(slots_of, products, strict=True))
