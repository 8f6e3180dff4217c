"""Evaluating one factor of a formula (``x``, ``log(x)``, ``poly(x, 2)``, ``C(g)``) on the rows of a frame.

Learning and applying are one recursion over the nodes: where no state is given it is learned, so both make
the same values on the training rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.columns import Coding, Column, Frame, Json, Transform
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.formula.nodes import Binary, Call, Expression, Name, Number, Sequence, Text, Unary
from bayesdeep.formula.vocabulary import OF_SEVERAL

from .arithmetic import FUNCTIONS, OPERATORS, apply_function, apply_operator
from .frame import column, complete, single_values
from .label_comparisons import compares_labels, same_labels
from .numeric_as_text import stray_cell

MOST_NUMBERS = 2**31
"""A matrix of more numbers, 16 GiB, is refused before it is made."""

WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}


@dataclass(frozen=True)
class Factor:
    """A factor's values on some rows.

    Attributes
    ----------
    values
        ``(obs,)`` or ``(obs, columns)`` of float64; for a categorical factor int64 codes ``(obs,)``.
    labels
        Of the columns or the levels; None for a single numeric column.
    categorical
        Whether ``values`` are codes.
    contrast
        What its levels are in columns where they do not all have their own, and the columns' labels; None for indicators.
    ordered
        Whether the call that made a category gives its levels an order, from the lowest.
    """

    values: np.ndarray
    labels: tuple[Any, ...] | None = None
    categorical: bool = False
    contrast: tuple[np.ndarray, tuple[str, ...]] | None = None
    ordered: bool = False


def learn_factor(node: Expression, frame: Frame, where: str) -> Json:
    """Return what must be remembered of the training rows to make the factor again on others."""
    return learn_and_evaluate(node, frame, where)[0]


def factor_column(node: Expression, state: Json, frame: Frame, where: str) -> Factor:
    """Return the factor on the rows of ``frame``; a column that is not there is the data's fault."""
    return _evaluate(node, state, frame, where)[1]


def learn_and_evaluate(node: Expression, frame: Frame, where: str) -> tuple[Json, Factor]:
    """Return the state and the training rows' values in one go."""
    if not column_names(node):
        raise FormulaError(f"{where}: '{_source(node)}' names no column of the data")
    try:
        return _evaluate(node, None, frame, where)
    except RecursionError:
        raise FormulaError(f"{where}: an expression is nested too deeply") from None


def learn_names(node: Name, frame: Frame, where: str) -> tuple[Json, Factor]:
    """Return what :func:`learn_and_evaluate` does of a column whose numbers name levels, as in ``(1 | k)``."""
    learned = TRANSFORMS["C"].learn(_read(node, None, frame, where), (), {})
    return _evaluate(node, {"kind": "categorical", "learned": learned}, frame, where)


def evaluate_column(node: Expression, frame: Frame, where: str) -> Column:
    """Return a name or an elementwise expression as a column, for responses; nothing may be learned."""
    if isinstance(node, Name):
        return complete(single_values(column(frame, node.name, where), where))
    for part in _walk(node):
        if isinstance(part, Call) and part.function not in FUNCTIONS:
            raise FormulaError(f"{where}: {part.function}() cannot be used here, only arithmetic on columns")
    values = np.broadcast_to(_elementwise(node, None, frame, where)[1], (frame.rows,))
    return Column(_source(node), "number", values)


def column_names(node: Expression) -> tuple[str, ...]:
    """Return the names of the columns an expression reads, each once, in the order of the text."""
    return tuple(dict.fromkeys(part.name for part in _walk(node) if isinstance(part, Name)))


def refuse_large(source: str, rows: int, columns: int, where: str) -> None:
    """Raise for a matrix of rows and columns that would not fit into memory."""
    if rows * columns > MOST_NUMBERS:
        raise FormulaError(
            f"{where}: '{source}' would be a matrix of {rows:,} rows and {columns:,} columns, {rows * columns / 2**27:,.0f} GiB; "
            "take fewer columns or levels (names of groups belong into (1 | …), which needs no matrix)"
        )


def constant(node: Expression, where: str) -> Any:
    """Return an option's value: a number, text, true or false, or a list of these."""
    if isinstance(node, Number | Text):
        return node.value
    if isinstance(node, Call):
        given = {name: constant(value, where) for name, value in node.options}
        return Coding(node.function, tuple(constant(argument, where) for argument in node.arguments), given)
    if isinstance(node, Sequence):
        return [constant(item, where) for item in node.items]
    if isinstance(node, Unary) and isinstance(node.operand, Number):
        return -node.operand.value if node.operator == "-" else node.operand.value
    if isinstance(node, Name) and node.name in WORDS:
        return WORDS[node.name]
    raise FormulaError(f"{where}: '{_source(node)}' should be a number, quoted text or a list of these")


def _walk(node: Expression) -> Iterator[Expression]:
    """Yield the node and all below it, left to right; without recursion, and without ``raw=True``."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Unary):
            stack.append(current.operand)
        elif isinstance(current, Binary):
            stack += (current.right, current.left)
        elif isinstance(current, Call):
            options = [v for _, v in current.options if not (isinstance(v, Name) and v.name in WORDS)]
            stack += reversed((*current.arguments, *options))


def _source(node: Expression) -> str:
    return node.name if isinstance(node, Name) else node.source


def _evaluate(node: Expression, state: Json, frame: Frame, where: str) -> tuple[Json, Factor]:
    if isinstance(node, Name):
        found = _read(node, state, frame, where)
        if state is None and found.kind == "number":
            state = {"kind": "numeric"}
        elif state is None:
            state = {"kind": "categorical", "learned": TRANSFORMS["C"].learn(found, (), {})}
        if state["kind"] == "categorical":
            return state, _transformed(TRANSFORMS["C"], state["learned"], found)
        return state, Factor(_numbers(found, found.name, where, fitted=True))
    if isinstance(node, Call) and node.function not in FUNCTIONS:
        return _transform(node, state, frame, where)
    state, values = _elementwise(node, state, frame, where)
    return state, Factor(np.ascontiguousarray(np.broadcast_to(values, (frame.rows,))))


def _transform(node: Call, state: Json, frame: Frame, where: str) -> tuple[Json, Factor]:
    transform: Transform = TRANSFORMS.find(node.function, where, FormulaError)
    if not node.arguments or not column_names(node.arguments[0]):
        raise FormulaError(f"{where}: {node.source}: the first argument should be a column")
    inner_state, found = _argument(node.arguments[0], state and state["inner"], state, frame, where)
    if not transform.categorical and found.kind != "number":
        numbers = _numbers(found, node.source, where, fitted=state is not None)
        found = Column(found.name, "number", numbers)
    if state is None:
        arguments = tuple(constant(argument, where) for argument in node.arguments[1:])
        options = {name: constant(value, where) for name, value in node.options}
        for name in options:
            if name not in transform.options:
                known = nearest(name, transform.options)
                raise FormulaError(f"{where}: {node.source}: unknown option '{name}'{known}")
        try:
            learned = transform.learn(found, arguments, options)
        except FormulaError as error:
            raise FormulaError(f"{where}: {node.source}: {error}") from None
        refuse_large(node.source, frame.rows, 1 if transform.categorical else len(transform.labels(learned) or ("",)), where)
        kind = "categorical" if transform.categorical else "numeric"
        state = {"kind": kind, "inner": inner_state, "learned": learned}
    return state, _transformed(transform, state["learned"], found)


def _argument(node: Expression, inner: Json, outer: Json, frame: Frame, where: str) -> tuple[Json, Column]:
    if isinstance(node, Name):
        return None, _read(node, outer, frame, where)
    state, factor = _evaluate(node, inner, frame, where)
    if factor.categorical or factor.values.ndim > 1:
        raise FormulaError(f"{where}: '{_source(node)}' is not one numeric column, and no function takes it")
    return state, Column(_source(node), "number", factor.values)


def _transformed(transform: Transform, learned: Json, found: Column) -> Factor:
    values, labels = transform.apply(learned, found), transform.labels(learned)
    if transform.categorical:
        _refuse_unseen(found, values, labels or ())
    contrast = None if transform.contrasts is None else transform.contrasts(learned)
    return Factor(values, labels, transform.categorical, contrast, transform.ordered(learned))


def _refuse_unseen(found: Column, codes: np.ndarray, known: tuple[Any, ...]) -> None:
    unseen = codes < 0
    if not unseen.any():
        return
    values = np.unique(found.values[unseen]).tolist()
    names = [found.levels[value] for value in values] if found.levels is not None else values
    shown = ", ".join(repr(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
    word = "level" if len(names) == 1 else "levels"
    raise DataError(
        f"data: column '{found.name}' has {word} {shown} that the model was not fitted to "
        f"(in {int(np.count_nonzero(unseen))} of {len(codes)} rows){nearest(names[0], known)}"
    )


def _read(node: Name, state: Json, frame: Frame, where: str) -> Column:
    # Once something has been learned, the formula is fine: a name that is not there is the new rows' fault.
    blamed = where if state is None else "data"
    return complete(single_values(column(frame, node.name, blamed), blamed))


def _numbers(found: Column, source: str, where: str, fitted: bool = False) -> np.ndarray:
    if found.kind in ("number", "bool"):
        return found.values.astype(np.float64, copy=False)
    cell = stray_cell(found)
    held = "categories" if found.kind == "category" else "text"
    held += "" if cell is None else f" ({cell[1]!r} in row {cell[0] + 1}, otherwise numbers)"
    if fitted:
        raise DataError(f"data: column '{found.name}' holds {held}, but the model was fitted to numbers")
    raise FormulaError(f"{where}: {source}: column '{found.name}' holds {held}, and this needs numbers")


def _elementwise(node: Expression, state: Json, frame: Frame, where: str) -> tuple[Json, np.ndarray]:
    """Return the value of arithmetic, ``(obs,)`` or a single number, and the states of what is inside it."""
    if isinstance(node, Number):
        return {"kind": "numeric"}, np.asarray(node.value, dtype=np.float64)
    if isinstance(node, Name):
        found = _read(node, state, frame, where)
        return {"kind": "numeric"}, _numbers(found, node.name, where, fitted=state is not None)
    if isinstance(node, Call) and node.function not in FUNCTIONS:
        inner_state, inner = _argument(node, state, state, frame, where)
        return inner_state, inner.values
    if isinstance(node, Binary) and node.operator in ("==", "!=") and _of_labels(node, state, frame, where):
        same = same_labels(node, frame, where if state is None else "data")
        return {"kind": "numeric", "labels": True}, (same == (node.operator == "==")).astype(np.float64)
    children = _children(node, where)
    known = state["parts"] if state else [None] * len(children)
    pairs = [_elementwise(child, part, frame, where) for child, part in zip(children, known, strict=True)]
    operands = [values for _, values in pairs]
    name = node.function if isinstance(node, Call) else node.operator  # type: ignore[union-attr]
    apply = apply_function if isinstance(node, Call) else apply_operator
    return {"kind": "numeric", "parts": [part for part, _ in pairs]}, apply(
        name, operands, _source(node), column_names(node)
    )


def _of_labels(node: Binary, state: Json, frame: Frame, where: str) -> bool:
    """Return whether a comparison is one of labels, which it stays on other rows, whatever types these have."""
    return compares_labels(node, frame, where) if state is None else "labels" in state


def _children(node: Expression, where: str) -> tuple[Expression, ...]:
    if isinstance(node, Unary):
        return (node.operand,)
    if isinstance(node, Binary) and (node.operator, 2) in OPERATORS:
        return node.left, node.right
    if isinstance(node, Call):
        if (len(node.arguments) != 1 and node.function not in OF_SEVERAL) or node.options:
            raise FormulaError(f"{where}: {node.source}: {node.function}() takes one column or expression")
        return node.arguments
    raise FormulaError(f"{where}: '{_source(node)}' is not arithmetic on columns")
