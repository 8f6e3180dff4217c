"""What is written between the brackets of ``s(…)``: read from a formula's call, checked, and completed with defaults."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bayesdeep.core.errors import FormulaError, close_to, nearest
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import number_of

from ._smooth_bases import BASES

MEANINGS = {
    "k": "a whole number of basis functions, as in k=10",
    "bs": f"the name of a basis, one of {', '.join(BASES)}",
    "knots": "a list of rising numbers, as in knots=[0, 2.5, 5, 10]",
}
FUNCTIONS = 10
"""Basis functions where nothing is said, the constant counted."""
MAX_K = 1_000


@dataclass(frozen=True)
class Smooth:
    """A smooth as it is asked for.

    Attributes
    ----------
    variables
        What it is a function of, as nodes.
    columns
        The same as it is written.
    name
        What the posterior calls it: the call without its options.
    source
        The call as it is written.
    k
        Number of basis functions, the constant counted.
    basis
        Which ones.
    knots
        Where, in the units of the variable; empty where the data are to say.
    """

    variables: tuple[Any, ...]
    columns: str
    name: str
    source: str
    k: int
    basis: str
    knots: tuple[float, ...]


def read_smooth(node: Any, where: str) -> Smooth:
    """Return what a call says; ``where`` begins error texts."""
    where = f"{where}: {node.source}"
    if len(node.arguments) != 1 or hasattr(node.arguments[0], "value"):
        raise FormulaError(f"{where}: a smooth is a function of one column, and all else has a name, as in s(x, k=20, bs='cr')")
    (variable,) = node.arguments
    if hasattr(variable, "operator"):
        raise FormulaError(f"{where}: for arithmetic on columns write s(I({variable.source}))")
    given = dict(node.options)
    for name in given:
        if name not in MEANINGS:
            raise FormulaError(f"{where}: s() has no option '{name}'{nearest(name, MEANINGS)}")
    columns = getattr(variable, "name", variable.source)
    basis, knots = _basis(given.get("bs"), where), _knots(given.get("knots"), where)
    k = _functions(given.get("k"), basis, knots, where)
    _check_knots(basis, k, knots, where)
    return Smooth((variable,), columns, posterior_name(f"s({columns})"), node.source, k, basis, knots)


def _basis(node: Any, where: str) -> str:
    if node is None:
        return next(iter(BASES))
    value = getattr(node, "value", None)
    if value not in BASES:
        near = close_to(value, BASES) if isinstance(value, str) else ""
        raise FormulaError(f"{where}: bs={node.source} is not {MEANINGS['bs']}{near}")
    return str(value)


def _functions(node: Any, basis: str, knots: tuple[float, ...], where: str) -> int:
    # As many as there are knots, if it can be no other number.
    exact = bool(BASES[basis].knots(len(knots) - 1, len(knots)))
    k = (len(knots) if exact else min(FUNCTIONS, len(knots))) if knots else FUNCTIONS
    if node is not None:
        k = getattr(node, "value", None)  # type: ignore[assignment]
    least = BASES[basis].least
    if isinstance(k, bool) or not isinstance(k, int) or k > MAX_K:
        raise FormulaError(f"{where}: k={node.source} is not {MEANINGS['k']}, {MAX_K:,} at most")
    if k < least:
        few = f"k={k} is" if node is not None else f"{len(knots)} knots are"
        raise FormulaError(
            f"{where}: {few} too few for bs='{basis}', which needs k={least} or more: constants and straight lines are "
            "two of them"
        )
    return k


def _knots(node: Any, where: str) -> tuple[float, ...]:
    if node is None or getattr(node, "name", None) == "None":
        return ()
    items = getattr(node, "items", None)
    values = [number_of(item) for item in items] if isinstance(items, tuple) else []
    if not values or None in values:
        raise FormulaError(f"{where}: knots={node.source} is not {MEANINGS['knots']}")
    numbers = [float(value) for value in values if value is not None]
    for left, right in pairwise(numbers):
        if not left < right:
            raise FormulaError(f"{where}: knots={node.source}: {right:g} stands after {left:g}; knots have to rise")
    return tuple(numbers)


def _check_knots(basis: str, k: int, knots: tuple[float, ...], where: str) -> None:
    wrong = BASES[basis].knots(k, len(knots)) if knots else ""
    if wrong:
        raise FormulaError(f"{where}: {wrong}; give {'k' if 'not' in wrong else 'at least k'} of them, or no k")
