"""Arithmetic on columns, with an error that counts the rows instead of infinities that travel on."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from bayesdeep.core.elementwise import FUNCTIONS, HINTS, OPERATORS
from bayesdeep.core.errors import DataError
from bayesdeep.formula.vocabulary import COMPARISONS, OF_SEVERAL

PARTIALS: dict[tuple[str, int], Callable[..., tuple[Any, ...]]] = {
    ("I", 1): lambda a: (1.0,),
    ("log", 1): lambda a: (1.0 / a,),
    ("exp", 1): lambda a: (np.exp(a),),
    ("sqrt", 1): lambda a: (0.5 / np.sqrt(a),),
    ("abs", 1): lambda a: (np.sign(a),),
    ("log1p", 1): lambda a: (1.0 / (1.0 + a),),
    ("expm1", 1): lambda a: (np.exp(a),),
    ("log2", 1): lambda a: (1.0 / (a * np.log(2.0)),),
    ("log10", 1): lambda a: (1.0 / (a * np.log(10.0)),),
    ("sin", 1): lambda a: (np.cos(a),),
    ("cos", 1): lambda a: (-np.sin(a),),
    ("tan", 1): lambda a: (1.0 / np.cos(a) ** 2,),
    ("asin", 1): lambda a: (1.0 / np.sqrt(1.0 - a**2),),
    ("acos", 1): lambda a: (-1.0 / np.sqrt(1.0 - a**2),),
    ("atan", 1): lambda a: (1.0 / (1.0 + a**2),),
    ("sinh", 1): lambda a: (np.cosh(a),),
    ("cosh", 1): lambda a: (np.sinh(a),),
    ("tanh", 1): lambda a: (1.0 / np.cosh(a) ** 2,),
    ("logit", 1): lambda a: (1.0 / (a * (1.0 - a)),),
    ("expit", 1): lambda a: (0.25 / np.cosh(0.5 * a) ** 2,),
    # Steps: a density of what is rounded says nothing of one of the column.
    **dict.fromkeys([(name, 1) for name in ("floor", "ceil", "round", "sign")], lambda a: (0.0,)),
    ("+", 1): lambda a: (1.0,),
    ("-", 1): lambda a: (-1.0,),
    ("+", 2): lambda a, b: (1.0, 1.0),
    ("-", 2): lambda a, b: (1.0, -1.0),
    ("*", 2): lambda a, b: (b, a),
    ("/", 2): lambda a, b: (1.0 / b, -a / b**2),
    ("**", 2): lambda a, b: (b * a ** (b - 1.0), a**b * np.log(a)),
    **dict.fromkeys([(name, 2) for name in (*COMPARISONS, "and", "or")], lambda a, b: (0.0, 0.0)),
    ("not", 1): lambda a: (0.0,),
}
"""Derivatives of each function and operator by its operands."""


def partials(name: str, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the derivatives of a function or an operator by each operand, at their values."""
    if name not in OF_SEVERAL:
        return PARTIALS[name, len(operands)](*operands)
    # One of them is the result, the first where several are equal.
    pick = np.argmin if name == "pmin" else np.argmax
    first = pick(np.stack(np.broadcast_arrays(*operands)), axis=0)
    return tuple((first == k).astype(np.float64) for k in range(len(operands)))


def apply_function(name: str, operands: Sequence[Any], source: str, columns: Sequence[str]) -> np.ndarray:
    """Return ``name(operand)``, elementwise; see :func:`apply_operator`."""
    return _finite(FUNCTIONS[name], name, operands, source, columns)


def apply_operator(name: str, operands: Sequence[Any], source: str, columns: Sequence[str]) -> np.ndarray:
    """Return one or two operands joined by an operator, elementwise.

    Parameters
    ----------
    name
        The operator.
    operands
        ``(obs,)`` of float64, or single numbers.
    source, columns
        Text of the expression and names of its columns, for the error.

    Raises
    ------
    DataError
        If a result is not finite although all operands are, or is no number.
    """
    return _finite(OPERATORS[name, len(operands)], name, operands, source, columns)


def _finite(
    function: Callable[..., Any], name: str, operands: Sequence[Any], source: str, columns: Sequence[str]
) -> np.ndarray:
    with np.errstate(all="ignore"):
        result = np.asarray(function(*operands), dtype=np.float64)
    # Infinite operands are there on purpose, as bounds that do not bound: columns are checked before.
    finite = reduce(np.logical_and, [np.isfinite(operand) for operand in operands])
    bad = np.isnan(result) | (np.isinf(result) & finite)
    if bad.any():
        word = "column" if len(columns) == 1 else "columns"
        shown = ", ".join(f"'{column}'" for column in columns)
        count = int(np.count_nonzero(bad))
        hint = HINTS.get(name, "an overflow, or an infinite value")
        raise DataError(
            f"data: {source}: {word} {shown}: the result is not a finite number in {count} of {result.size} "
            f"rows (the first is row {int(np.argmax(bad)) + 1}): {hint}"
        )
    return result
