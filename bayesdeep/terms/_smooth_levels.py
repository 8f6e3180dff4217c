r"""Smooths with functions of their own for every level of a category: ``s(g, bs="re")``, ``s(x, g, bs="fs")``.

Row :math:`i` has the sum of its level's coefficients times its columns, the same functions for all levels;
coefficients are independent and normal about 0, those of one kind with one standard deviation
(:class:`bayesdeep.core.effects.Varying`). What the columns are, the basis says (:mod:`bayesdeep.terms._smooth_basis`). Which of
the columns in the brackets are categories the data say: text, categories, yes or no; ``factor(g)`` makes one of numbers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Effect, Grouped, Piece, Sds, Varying
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import BASIS, EFFECTS
from bayesdeep.core.records import Default
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.core.terms import DesignContext
from bayesdeep.core.writing import Addend, Product

from ._function_columns import called
from ._smooth_bases import LEVEL_BASES
from ._smooth_basis import LevelBasis
from ._smooth_options import Smooth, read_smooth


def are_in(state: Json) -> bool:
    """Return whether a smooth's state is that of one with functions for every level."""
    return "factor" in state


def learn(asked: Smooth, context: DesignContext, where: str) -> Json:
    """Return the levels, and what the basis learns of the numbers."""
    basis = _basis(asked.basis)
    categories = [_category(node, context, where) for node in asked.variables]
    factor = tuple(node for node in categories if node is not None)
    numbers = tuple(node for node, other in zip(asked.variables, categories, strict=True) if other is None)
    names = tuple(map(called, numbers))
    fewest, most = basis.variables
    if not factor:
        last = called(asked.variables[-1])
        rest = "".join(f"{name}, " for name in names[:-1])
        raise FormulaError(
            f"{where}: bs='{basis.name}' is of the levels of a category, and '{asked.columns}' "
            f"{'holds' if len(names) == 1 else 'hold'} numbers; write s({rest}factor({last}), bs='{basis.name}')"
        )
    if not fewest <= len(numbers) <= most:
        few = f"{fewest} to {most} numbers" if fewest else f"at most {most} numbers"
        one = f", as in s(x, {called(factor[0])}, bs='{basis.name}')" if len(numbers) < fewest else ""
        what = f"a smooth with bs='{basis.name}' has {few} beside the category{one}"
        raise FormulaError(f"{where}: {what}; it is given {len(numbers) or 'none'}")
    learned = basis.learn(_values(numbers, context), names, asked.k, asked.knots, where)
    said = {"name": asked.name, "columns": asked.columns, "basis": asked.basis}
    return {
        **said,
        "factor": posterior_name(":".join(node.name for node in factor)),
        "labels": list(context.learn_levels(factor)),
        "categories": [node is not None for node in categories],
        "learned": learned,
    }


def _basis(name: str) -> LevelBasis:
    found = LEVEL_BASES[name]
    assert isinstance(found, LevelBasis)
    return found


def _category(node: Any, context: DesignContext, where: str) -> Any:
    """Return the column that groups rows, as a node; None for a number."""
    inner = _plain(node)
    if inner is not node:
        if inner is None:
            column = called(node.arguments[0])
            raise FormulaError(f"{where}: write {column} or factor({column}) in the place of '{node.source}'")
        return inner
    try:
        context.category(node)
    except FormulaError:
        context.values(node)
        return None
    return node


def _plain(node: Any) -> Any:
    """Return the column that a call makes a category of, a node itself that is no such call, and None where it does more."""
    function = str(getattr(node, "function", ""))
    if function not in TRANSFORMS or not TRANSFORMS[function].categorical:
        return node
    return node.arguments[0] if len(node.arguments) == 1 and not node.options and hasattr(node.arguments[0], "name") else None


def _values(nodes: tuple[Any, ...], context: DesignContext) -> np.ndarray:
    if not nodes:
        return np.zeros((context.rows, 0))
    return np.stack([np.asarray(context.values(node), dtype=np.float64) for node in nodes], axis=1)


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's level ``(obs,)`` and the columns ``(obs, column)`` that a level's coefficients are multiplied by."""
    asked = read_smooth(node, context.where)
    pairs = list(zip(asked.variables, state["categories"], strict=True))
    factor = tuple(_plain(variable) for variable, category in pairs if category)
    found = {"codes": context.codes(factor, state["factor"], tuple(state["labels"]))}
    x = _values(tuple(variable for variable, category in pairs if not category), context)
    columns = _basis(state["basis"]).columns(state["learned"], x)
    return {**found, "X": columns} if columns.shape[1] else found


def _pieces(state: Json) -> tuple[Piece, ...]:
    found, start = list[Piece](), 0
    for part in _basis(state["basis"]).parts(state["learned"]):
        slot = f"{state['name']}{part.suffix}"
        dim = f"{slot}_basis" if part.basis else f"{slot}_level" if part.labels else ""
        labels = tuple(range(1, part.size + 1)) if part.basis else part.labels
        found.append(
            Piece(
                slot, start, start + part.size, dim, labels, f"{slot}_sigma", part.suffix.removeprefix("_") or state["name"],
                Sds((0,) * part.size) if part.basis else None, BASIS if part.basis else "",
            )
        )  # fmt: skip
        start += part.size
    return tuple(found)


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the standard deviation of each kind of coefficient, and one for the coefficients themselves."""
    found = list[Slot]()
    for piece, part in zip(_pieces(state), _basis(state["basis"]).parts(state["learned"]), strict=True):
        unit = spread / part.unit
        default = Default(f"HalfStudentT(3, {part.spreads * unit:.4g})", part.reason)
        count = piece.sds.count if piece.sds is not None else piece.size
        found.append(Slot(piece.sd, "positive", default, "sd", count, unit))
        found.append(Slot(piece.slot, "effects", None, "effects", piece.size, unit))
    return tuple(found)


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the levels' coefficients."""
    pieces, constant = _pieces(state), _basis(state["basis"]).constant(state["learned"])
    columns = pieces[-1].stop > int(constant)
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", "X" if columns else None, constant)
    return (Effect(rows, Varying(), pieces, EFFECTS),)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels; none of a smooth without."""
    return {state["factor"]: tuple(state["labels"])} if are_in(state) else {}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other levels."""
    return {**state, "labels": list(labels[state["factor"]])} if are_in(state) and state["factor"] in labels else state


def written(state: Json) -> tuple[Addend, ...]:
    """Return what a row's level adds: constant, straight line, departure."""
    found = list[Addend]()
    for piece, part in zip(_pieces(state), _basis(state["basis"]).parts(state["learned"]), strict=True):
        if part.basis or len(part.times) < 2:
            found.append(Addend(piece.slot, (Product((), part.times, basis=part.basis),)))
            continue
        labels = piece.labels or ()
        found.append(Addend(piece.slot, tuple(Product((of,), (times,)) for of, times in zip(labels, part.times, strict=True))))
    return tuple(found)
