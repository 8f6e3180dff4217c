"""What is written between the brackets of ``s(…)``: read from a formula's call, checked, and completed with defaults."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bayesdeep.core.errors import FormulaError, close_to
from bayesdeep.core.options import left_open, number_of, options_of

from ._function_columns import BY, check_columns, columns_of, name_of, read_by
from ._smooth_bases import BASES, LEVEL_BASES, USUAL
from ._smooth_basis import FUNCTIONS

MEANINGS = {
    "k": "a whole number of basis functions, as in k=10",
    "bs": f"the name of a basis, one of {', '.join(sorted([*BASES, *LEVEL_BASES]))}",
    "knots": "a list of rising numbers, as in knots=[0, 2.5, 5, 10]",
    "by": BY,
}
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
        What the posterior calls it: the call without its options, and what it is multiplied by.
    source
        The call as it is written.
    k
        Number of basis functions, the constant counted; 0 of a basis that has none.
    basis
        Which ones.
    knots
        Where, in the units of the variable; empty where the data are to say.
    by
        What it is multiplied by, or of whose levels each has a curve, as a node; None for neither.
    """

    variables: tuple[Any, ...]
    columns: str
    name: str
    source: str
    k: int
    basis: str
    knots: tuple[float, ...]
    by: Any


def read_smooth(node: Any, where: str) -> Smooth:
    """Return what a call says; ``where`` begins error texts."""
    where = f"{where}: {node.source}"
    given = options_of(node, MEANINGS, where)
    basis = _basis(given.get("bs"), where)
    variables, of_levels = node.arguments, basis in LEVEL_BASES
    if any(hasattr(v, "value") for v in variables):
        raise FormulaError(f"{where}: a smooth is a function of columns, and all else has a name, as in s(x, k=20, bs='cr')")
    if (not of_levels and len(variables) > BASES[basis].variables):
        raise FormulaError(f"{where}: {_of(basis)}, and all else has a name, as in s(x, k=20, bs='cr')")
    check_columns(node, "smooth", where)
    columns = columns_of(node)
    knots = read_knots(given.get("knots"), where)
    if of_levels:
        k = _of_levels(given, basis, knots, where)
        return Smooth(variables, columns, name_of(node, None), node.source, k, basis, knots, None)
    if knots and len(variables) > 1:
        raise FormulaError(f"{where}: knots are of one column; a smooth of several chooses its own")
    k = read_functions(given.get("k"), basis, knots, len(variables), where)
    check_knots(basis, k, knots, where)
    by = read_by(given.get("by"), where)
    return Smooth(variables, columns, name_of(node, by), node.source, k, basis, knots, by)


def _of_levels(given: dict[str, Any], basis: str, knots: tuple[float, ...], where: str) -> int:
    """Return the number of basis functions of a level; raise for options that its basis does not have."""
    for name in given:
        if name == "by":
            raise FormulaError(f"{where}: bs='{basis}' has no by=; by what it varies stands among its columns, as in s(x, g)")
        if name not in ("bs", *LEVEL_BASES[basis].options):
            raise FormulaError(f"{where}: bs='{basis}' has no {name}=; leave it out")
    return read_functions(given.get("k"), USUAL, knots, 1, where) if "k" in LEVEL_BASES[basis].options else 0


def _of(basis: str) -> str:
    if basis in LEVEL_BASES:
        return f"a smooth with bs='{basis}' is of columns"
    if BASES[basis].variables > 1:
        return f"a smooth with bs='{basis}' is a function of at most {BASES[basis].variables} columns"
    return f"a smooth with bs='{basis}' is a function of one column (of several: bs='tp', or t2(x, z))"


def _basis(node: Any, where: str) -> str:
    if node is None:
        return USUAL
    value = getattr(node, "value", None)
    if value not in BASES and value not in LEVEL_BASES:
        near = close_to(value, [*BASES, *LEVEL_BASES]) if isinstance(value, str) else ""
        raise FormulaError(f"{where}: bs={node.source} is not {MEANINGS['bs']}{near}")
    return str(value)


def read_functions(
    node: Any, basis: str, knots: tuple[float, ...], variables: int, where: str, usual: int = FUNCTIONS
) -> int:
    """Return the number of basis functions, ``usual`` of one variable where nothing is said."""
    k = BASES[basis].count(len(knots)) if knots else max(usual, BASES[basis].least) * 3 ** (variables - 1)
    if node is not None:
        k = getattr(node, "value", None)
    least = BASES[basis].least + variables - 1
    if isinstance(k, bool) or not isinstance(k, int) or k > MAX_K:
        raise FormulaError(f"{where}: k={node.source} is not {MEANINGS['k']}, {MAX_K:,} at most")
    if k < least:
        few = f"k={k} is" if node is not None else f"{len(knots)} knots are"
        raise FormulaError(
            f"{where}: {few} too few for bs='{basis}', which needs k={least} or more: constants"
            + (" and straight lines are two of them" if BASES[basis].straight else " are one of them")
        )
    return k


def read_knots(node: Any, where: str) -> tuple[float, ...]:
    """Return rising numbers; none where the data are to say."""
    if left_open(node):
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


def check_knots(basis: str, k: int, knots: tuple[float, ...], where: str) -> None:
    """Raise where knots are not as many as a basis takes."""
    wrong = BASES[basis].knots(k, len(knots)) if knots else ""
    if wrong:
        raise FormulaError(f"{where}: {wrong}")
