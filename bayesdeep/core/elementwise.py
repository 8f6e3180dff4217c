"""Functions and operators of the formula language, on arrays."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "I": np.positive,
    "log": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "sign": np.sign,
    "logit": lambda a: np.log(a) - np.log1p(-a),
    "expit": lambda a: 0.5 * (1.0 + np.tanh(0.5 * a)),
    "pmin": lambda *a: reduce(np.minimum, a),
    "pmax": lambda *a: reduce(np.maximum, a),
}
"""What can be called on columns without being a transform."""


def _true(value: Any) -> Any:
    """Return whether a truth value holds; what is neither 0 nor 1 is no truth value and makes NaN."""
    return np.where((value == 0) | (value == 1), value, np.nan)


OPERATORS: dict[tuple[str, int], Callable[..., Any]] = {
    ("+", 1): np.positive,
    ("-", 1): np.negative,
    ("+", 2): np.add,
    ("-", 2): np.subtract,
    ("*", 2): np.multiply,
    ("/", 2): np.divide,
    ("**", 2): np.power,
    ("<", 2): np.less,
    ("<=", 2): np.less_equal,
    (">", 2): np.greater,
    (">=", 2): np.greater_equal,
    ("==", 2): np.equal,
    ("!=", 2): np.not_equal,
    ("and", 2): lambda a, b: np.minimum(_true(a), _true(b)),
    ("or", 2): lambda a, b: np.maximum(_true(a), _true(b)),
    ("not", 1): lambda a: 1.0 - _true(a),
}

HINTS = {
    "log": "log takes values above zero",
    "log1p": "log1p takes values above -1",
    "log2": "log2 takes values above zero",
    "log10": "log10 takes values above zero",
    "asin": "asin takes values from -1 to 1",
    "acos": "acos takes values from -1 to 1",
    "logit": "logit takes values between 0 and 1",
    "sqrt": "sqrt takes values from zero on",
    "/": "a division by zero",
    "exp": "exp overflows above 709",
    "and": "& joins comparisons, and columns of true and false",
    "or": "| joins comparisons, and columns of true and false",
    "not": "~ and ! turn round a comparison, or a column of true and false",
    "**": "a root of a negative number, zero to a negative power, or an overflow",
}
"""Why a result may be no finite number, by function or operator."""
