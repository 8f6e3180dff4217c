"""Arithmetic of columns and unknown numbers as JSON, and its value on arrays and on tensors.

An expression is a list: ``["number", text, value]``, ``["column", text, place]``, ``["unknown", name]``, or what is worked out,
``[operator, text, operand, …]``. The text is what the formula says there, for whoever reads an error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Json
from .elementwise import FUNCTIONS, OPERATORS
from .lazy import pt

NUMBER, COLUMN, UNKNOWN = "number", "column", "unknown"

LARGEST_EXPONENT = 709.0
"""Of ``exp``, beyond which it does not fit a double. What tensors say there is what they say here, so that a slope is a number,
where the slope of a quotient with an infinite value is none."""

SMOOTH = frozenset(
    {"log", "exp", "sqrt", "abs", "log1p", "expm1", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan"}
    | {"sinh", "cosh", "tanh", "logit", "expit", "pmin", "pmax", "I", "+", "-", "*", "/", "**"}
)
"""Functions and operators of unknown numbers: continuous, with a slope nearly everywhere, by which samplers find their way."""

STEPS = frozenset(FUNCTIONS) - SMOOTH
"""Functions that are flat nearly everywhere, of columns only."""


@dataclass(frozen=True)
class Failure:
    """Where an expression has no finite value: the part that has none though all it is made of has, and the first such row."""

    operator: str
    text: str
    row: int


def unknowns(tree: Json) -> tuple[str, ...]:
    """Return the names of unknown numbers, each once, in the order they are written."""
    return tuple(dict.fromkeys(node[1] for node in _nodes(tree) if node[0] == UNKNOWN))


def _nodes(tree: Json) -> Iterator[Json]:
    yield tree
    for operand in tree[2:] if tree[0] not in (NUMBER, COLUMN, UNKNOWN) else ():
        yield from _nodes(operand)


def on_arrays(tree: Json, columns: Sequence[np.ndarray], values: Mapping[str, Any]) -> Any:
    """Return the value of an expression; where it has none it is NaN or infinite.

    Parameters
    ----------
    columns
        ``(obs,)`` each, or of any shapes that go together with those of ``values``.
    values
        Of the unknown numbers by name.
    """
    with np.errstate(all="ignore"):
        return _worked_out(tree, columns, values, lambda node, operands: _numpy(node[0], operands))


def first_failure(tree: Json, columns: Sequence[np.ndarray], values: Mapping[str, Any]) -> Failure | None:
    """Return the first part, from the inside out, that is not finite; None where all of them are."""
    found: list[Failure] = []

    def apply(node: Json, operands: Sequence[Any]) -> Any:
        result = np.asarray(_numpy(node[0], operands))
        if not found and not np.isfinite(result).all():
            found.append(Failure(node[0], node[1], int(np.argmax(~np.isfinite(np.atleast_1d(result))))))
        return result

    with np.errstate(all="ignore"):
        _worked_out(tree, columns, values, apply)
    return found[0] if found else None


def on_tensors(tree: Json, columns: Sequence[Any], values: Mapping[str, Any]) -> Any:
    """Return the expression as a tensor, of tensors."""
    return _worked_out(tree, columns, values, lambda node, operands: _pytensor(node[0], operands))


def _worked_out(
    tree: Json, columns: Sequence[Any], values: Mapping[str, Any], apply: Callable[[Json, Sequence[Any]], Any]
) -> Any:
    kind = tree[0]
    if kind == NUMBER:
        return float(tree[2])
    if kind == COLUMN:
        return columns[tree[2]]
    if kind == UNKNOWN:
        return values[tree[1]]
    return apply(tree, [_worked_out(operand, columns, values, apply) for operand in tree[2:]])


def _numpy(name: str, operands: Sequence[Any]) -> Any:
    function = OPERATORS.get((name, len(operands))) or FUNCTIONS[name]
    return function(*(np.asarray(operand, dtype=np.float64) for operand in operands))


def _pytensor(name: str, operands: Sequence[Any]) -> Any:
    if all(isinstance(operand, float) for operand in operands):
        return float(_numpy(name, operands))
    special = _TENSORS.get((name, len(operands)))
    if special is not None:
        return special(*operands)
    if name in ("pmin", "pmax"):
        pick = pt.minimum if name == "pmin" else pt.maximum
        found = operands[0]
        for operand in operands[1:]:
            found = pick(found, operand)
        return found
    return getattr(pt, _NAMES.get(name, name))(operands[0])


def _power(base: Any, exponent: Any) -> Any:
    """Return a power, whose slopes are numbers where the base is 0: what a column has in a first row, ``(t / b)**c``."""
    if isinstance(exponent, float):
        return pt.as_tensor(base) ** exponent
    zero = pt.eq(base, 0.0)
    limit = pt.switch(pt.gt(exponent, 0.0), 0.0, pt.switch(pt.eq(exponent, 0.0), 1.0, np.inf))
    return pt.switch(zero, limit, pt.exp(exponent * pt.log(pt.switch(zero, 1.0, base))))


_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "expit": "sigmoid"}

_TENSORS: dict[tuple[str, int], Callable[..., Any]] = {
    ("I", 1): lambda a: a,
    ("exp", 1): lambda a: pt.exp(pt.minimum(a, LARGEST_EXPONENT)),
    ("logit", 1): lambda a: pt.log(a) - pt.log1p(-a),
    ("+", 1): lambda a: a,
    ("-", 1): lambda a: -a,
    ("+", 2): lambda a, b: a + b,
    ("-", 2): lambda a, b: a - b,
    ("*", 2): lambda a, b: a * b,
    ("/", 2): lambda a, b: a / b,
    ("**", 2): _power,
}
