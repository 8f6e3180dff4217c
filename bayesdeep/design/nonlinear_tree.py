"""The arithmetic of a non-linear formula: what is made of columns alone is worked out once, the rest stays an expression."""

from collections.abc import Callable, Mapping

import numpy as np

from bayesdeep.core.columns import Frame, Json
from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.expressions import COLUMN, NUMBER, SMOOTH, UNKNOWN
from bayesdeep.formula.nodes import Binary, Call, Expression, Name, Number, Parsed, Unary, Unknown
from bayesdeep.formula.problems import formula_of, problem, quote
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.formula.walk import every_node


def read_arithmetic(
    node: Expression, frame: Frame, where: str, values: Callable[[Expression], np.ndarray]
) -> tuple[Json, tuple[np.ndarray, ...]]:
    """Return an expression (:mod:`bayesdeep.core.expressions`), and the columns ``(obs,)`` that it is made of.

    Parameters
    ----------
    node
        The right side of a non-linear formula.
    frame, where
        The data, and how error texts begin.
    values
        ``values(expression)``: arithmetic on columns, worked out.

    Raises
    ------
    FormulaError
        For what is no arithmetic, for a category, and for a step of a parameter.
    """
    found: list[np.ndarray] = []
    places: dict[Expression, int] = {}

    def read(part: Expression) -> Json:
        if isinstance(part, Unknown):
            return [UNKNOWN, part.name]
        if isinstance(part, Number):
            return [NUMBER, part.source, float(part.value)]
        if columns_of(part) and not any(isinstance(inside, Unknown) for inside in every_node(part)):
            if part not in places:
                _refuse_labels(part, frame, where)
                places[part] = len(found)
                # As I() does it, a column of true and false is one of 1 and 0.
                found.append(values(Call("I", (part,), (), _source(part), part.start)))
            return [COLUMN, _source(part), places[part]]
        operator, operands = _taken_apart(part, where)
        return [operator, _source(part), *map(read, operands)]

    return read(node), tuple(found)


def check_names(parsed: Mapping[str, Parsed], outline: Frame) -> None:
    """Raise where a name in a non-linear formula is both a parameter and a column, or neither; and for parameters of parameters.

    Parameters
    ----------
    parsed
        Formulas by parameter, the main one first.
    outline
        The data's columns.
    """
    main = next(iter(parsed.values()))
    named = {node.name: node for node in every_node(main.predictor) if isinstance(node, Unknown)}
    if not named:
        return
    for name, node in named.items():
        if name in outline.columns:
            message = f"{quote(name)} is a parameter of the formula and a column of the data; give the parameter another name"
            raise problem(main.text, node.start, message)
    for other in (n for n in every_node(main.predictor) if isinstance(n, Name) and n.name not in outline.columns):
        close = nearest(other.name, [*outline.columns, *named])
        message = (
            f"no column {quote(other.name)} in the data, and no formula of a parameter of that name{close}; a parameter is given "
            f'as nonlinear={{…, "{other.name}": "~ 1"}}'
        )
        raise problem(main.text, other.start, message)
    for name in (n for n in named if n in parsed):
        for inside in every_node(parsed[name].predictor):
            if isinstance(inside, Name) and inside.name in named and inside.name not in outline.columns:
                with formula_of(name):
                    message = f"{quote(inside.name)} is a parameter; the formula of one is made of columns"
                    raise problem(parsed[name].text, inside.start, message)


def _taken_apart(part: Expression, where: str) -> tuple[str, tuple[Expression, ...]]:
    """Return the function or operator of unknown numbers that an expression is, and what of."""
    if isinstance(part, Unary) and part.operator in SMOOTH:
        return part.operator, (part.operand,)
    if isinstance(part, Binary) and part.operator in SMOOTH:
        return part.operator, (part.left, part.right)
    if isinstance(part, Call) and part.function in SMOOTH:
        return part.function, part.arguments
    names = ", ".join(dict.fromkeys(inside.name for inside in every_node(part) if isinstance(inside, Unknown)))
    raise FormulaError(
        f"{where}: '{_source(part)}': a step of {names or 'a number'} has no slope by which it could be estimated; parameters "
        "are joined by + - * / ** and functions such as exp, log, sqrt, expit, tanh, pmin and pmax; a smooth step is "
        "expit((x - a) / 0.1)"
    )


def _refuse_labels(part: Expression, frame: Frame, where: str) -> None:
    """Refuse arithmetic with a category: it is a parameter that differs by one."""
    if not where.startswith("formula") or not isinstance(part, Name):
        return
    held = frame.columns[part.name]
    if held.kind not in ("category", "text"):
        return
    what, level = "categories" if held.kind == "category" else "text", (held.levels or ("b",))[0]
    raise FormulaError(
        f"{where}: column '{part.name}' holds {what}, and arithmetic takes numbers; let a parameter differ by it, "
        f'nonlinear={{"a": "~ {part.name}"}}, or write I({part.name} == "{level}")'
    )


def _source(part: Expression) -> str:
    return part.name if isinstance(part, Name) else part.source
