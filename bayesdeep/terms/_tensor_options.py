"""What is written between the brackets of ``t2(…)``: read from a formula's call, checked, and completed with defaults."""

from dataclasses import dataclass
from math import prod
from typing import Any

from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.options import left_open, options_of

from ._function_columns import BY, called, check_columns, columns_of, name_of, read_by
from ._smooth_bases import BASES
from ._smooth_options import check_knots, read_functions, read_knots

MEANINGS = {
    "k": "a whole number of basis functions of each column, or a list of one each, as in k=[5, 8]",
    "bs": "the name of a basis, or a list of one each, as in bs=['cc', 'cr']",
    "knots": "a list of one list of rising numbers each, or None, as in knots=[[0.5, 12.5], None]",
    "by": BY,
}
FUNCTIONS, BASIS = 5, "cr"
"""Basis functions of each column, and which, where nothing is said."""
VARIABLES = (2, 3)
MOST_FUNCTIONS = 1_000


@dataclass(frozen=True)
class Tensor:
    """A product of bases as it is asked for.

    Attributes
    ----------
    variables
        What it is a function of, as nodes.
    columns
        The same as it is written.
    name
        What the posterior calls it.
    k, bases, knots
        By variable: the number of basis functions, the constant counted, which ones, and their knots, empty where the data are
        to say.
    by
        What it is multiplied by, or of whose levels each has a surface, as a node; None for neither.
    """

    variables: tuple[Any, ...]
    columns: str
    name: str
    k: tuple[int, ...]
    bases: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]
    by: Any


def read_tensor(node: Any, where: str) -> Tensor:
    """Return what a call says; ``where`` begins error texts."""
    where, variables = f"{where}: {node.source}", node.arguments
    given = options_of(node, MEANINGS, where)
    count = len(variables)
    if not VARIABLES[0] <= count <= VARIABLES[1] or any(hasattr(v, "value") for v in variables):
        alone = f"; of one column write s({called(variables[0])})" if count == 1 else ""
        raise FormulaError(
            f"{where}: t2() is a function of two or three columns{alone}, and all else has a name, as in t2(x, z, k=[5, 5])"
        )
    check_columns(node, "product", where)
    bases = tuple(_basis(one, where) for one in _each(given.get("bs"), count, "bs", where))
    knots = tuple(read_knots(one, where) for one in _each(given.get("knots"), count, "knots", where))
    asked = _each(given.get("k"), count, "k", where)
    k = tuple(
        read_functions(one, basis, own, 1, where, FUNCTIONS) for one, basis, own in zip(asked, bases, knots, strict=True)
    )
    for basis, one, own in zip(bases, k, knots, strict=True):
        check_knots(basis, one, own, where)
    size = prod(k)
    if size > MOST_FUNCTIONS:
        times = " · ".join(map(str, k))
        raise FormulaError(f"{where}: {times} = {size:,} functions, of which {MOST_FUNCTIONS:,} are allowed; take a smaller k")
    by = read_by(given.get("by"), where)
    return Tensor(variables, columns_of(node), name_of(node, by), k, bases, knots, by)


def _each(node: Any, count: int, name: str, where: str) -> tuple[Any, ...]:
    """Return what is said of each variable, as nodes; None where nothing is."""
    items = getattr(node, "items", None)
    if node is None or (name == "knots" and left_open(node)):
        return (None,) * count
    if items is None and name != "knots":
        return (node,) * count
    if items is None or len(items) != count or (name == "knots" and any(hasattr(item, "value") for item in items)):
        raise FormulaError(f"{where}: {name}={node.source} is not {MEANINGS[name]}; there are {count} columns")
    return tuple(items)


def _basis(node: Any, where: str) -> str:
    if node is None:
        return BASIS
    value = getattr(node, "value", None)
    if value not in BASES:
        near = nearest(value, BASES) if isinstance(value, str) else ""
        raise FormulaError(f"{where}: bs={node.source} is not the name of a basis of one column, one of {', '.join(BASES)}{near}")
    return str(value)
