"""What is written between the brackets of ``gp(…)``: read from a formula's call, checked, and completed with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.errors import FormulaError, close_to
from bayesdeep.core.options import left_open, number_of, options_of, truth_of

from ._function_columns import BY, check_columns, columns_of, name_of, read_by
from ._gp_box import MOST
from ._gp_covariances import COVARIANCES

MEANINGS = {
    "cov": f"the name of a covariance, one of {', '.join(COVARIANCES)}",
    "by": BY,
    "m": "a whole number of basis functions, as in m=40, or one a column, as in m=[20, 10]",
    "exact": "True or False",
    "c": "a number of 1.2 or more, as in c=1.5: the box over the range of the values",
}
MOST_COLUMNS = 4


@dataclass(frozen=True)
class Process:
    """A process as it is asked for.

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
    covariance
        Name of the covariance.
    by
        What it is multiplied by, or of whose levels each has a process, as a node; None for neither.
    counts
        Basis functions of each variable; None where the data are to say.
    width
        Half width of the box over that of the values; None where the prior is to say.
    exact
        Whether it is the process itself, without a basis.
    """

    variables: tuple[Any, ...]
    columns: str
    name: str
    source: str
    covariance: str
    by: Any
    counts: tuple[int, ...] | None
    width: float | None
    exact: bool


def read_process(node: Any, where: str) -> Process:
    """Return what a call says; ``where`` begins error texts."""
    where = f"{where}: {node.source}"
    given = options_of(node, MEANINGS, where)
    variables = node.arguments
    if not 1 <= len(variables) <= MOST_COLUMNS or any(hasattr(v, "value") or hasattr(v, "items") for v in variables):
        raise FormulaError(
            f"{where}: a process is a function of 1 to {MOST_COLUMNS} columns, and all else has a name, as in gp(x, z, m=10)"
        )
    check_columns(node, "process", where)
    by = read_by(given.get("by"), where)
    counts = _counts(given.get("m"), len(variables), where)
    return Process(
        variables, columns_of(node), name_of(node, by), node.source, _covariance(given.get("cov"), where), by, counts,
        _width(given.get("c"), where), _exact(given, where),
    )


def _exact(given: Mapping[str, Any], where: str) -> bool:
    """Return whether the process itself is asked for; raise where something is said of its basis beside that."""
    node = given.get("exact")
    if node is None or left_open(node):
        return False
    found = truth_of(node)
    if found is None:
        raise FormulaError(f"{where}: exact={node.source} is not {MEANINGS['exact']}")
    basis = next((name for name in ("m", "c") if found and not left_open(given.get(name))), None)
    if basis is not None:
        raise FormulaError(f"{where}: {basis}= is of the basis, which an exact process has none of; leave one of the two out")
    return found


def _covariance(node: Any, where: str) -> str:
    if node is None:
        return "exp_quad"
    value = getattr(node, "value", None)
    if value not in COVARIANCES:
        near = close_to(value, COVARIANCES) if isinstance(value, str) else ""
        raise FormulaError(f"{where}: cov={node.source} is not {MEANINGS['cov']}{near}")
    return str(value)


def _counts(node: Any, variables: int, where: str) -> tuple[int, ...] | None:
    if left_open(node):
        return None
    items = getattr(node, "items", None)
    values = [number_of(item) for item in items] if isinstance(items, tuple) else [number_of(node)] * variables
    if len(values) != variables or not all(v is not None and v == int(v) and v >= 1 for v in values):
        raise FormulaError(f"{where}: m={node.source} is not {MEANINGS['m']}")
    found, total = tuple(int(v) for v in values if v is not None), 1
    for count in found:
        total *= count
    if total > MOST:
        raise FormulaError(
            f"{where}: m={node.source} makes {total:,} basis functions, of which {MOST:,} are allowed; take a smaller m: a few "
            "times the range over the length scale will do"
        )
    return found


def _width(node: Any, where: str) -> float | None:
    if left_open(node):
        return None
    value = number_of(node)
    if value is None or not 1.2 <= value <= 100.0:
        raise FormulaError(f"{where}: c={node.source} is not {MEANINGS['c']}")
    return float(value)
