"""What a formula asks of rows that are read once: which products of columns are summed, over which groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family
from bayesdeep.core.registry import RESPONSES, TERMS, TRANSFORMS
from bayesdeep.design.learn import term_nodes, where
from bayesdeep.formula.expand import columns
from bayesdeep.formula.nodes import Binary, Call, Expression, Formula, Name, Parsed, Product, Sequence, Unary
from bayesdeep.formula.walk import find_dot

NOT_IN_MEMORY = (
    "data: rows that stay on disk are summed up in one pass, which is possible where all coefficients can be integrated out, "
    "but {reason}; read the data into memory (pandas.read_parquet, polars' collect()) to fit this model"
)


def refuse(reason: str) -> DataError:
    """Return the error for a model that needs its rows."""
    return DataError(NOT_IN_MEMORY.format(reason=reason))


@dataclass(frozen=True)
class Plan:
    """The one formula of a linear Gaussian model.

    Attributes
    ----------
    formula
        Multiplied out.
    where
        Begins error texts.
    products
        All that are summed; the first is the empty one, a column of ones.
    groups
        By names of the columns that group rows: the grouping factor, and the products whose coefficients vary.
    shifts
        Key, plug-in and node of terms that are added as they are.
    used
        Names of the columns that are read.
    """

    formula: Formula
    where: str
    products: tuple[Product, ...]
    groups: Mapping[tuple[str, ...], tuple[Product, tuple[Product, ...]]]
    shifts: tuple[tuple[str, str, Any], ...]
    used: tuple[str, ...]


def check_before_reading(
    parsed: Mapping[str, Parsed], family: Family, links: Mapping[str, str], known: Mapping[str, Known]
) -> None:
    """Raise for what can be said without any data: a model that has to see its rows."""
    main = family.main.name
    if "gaussian" not in family.words:
        raise refuse(f"the response is {family.name}, not gaussian")
    if links[main] != "identity":
        raise refuse(f"the link of {main} is {links[main]}, not identity")
    others = [name for name in parsed if name != main]
    if others:
        raise refuse(f"{', '.join(others)} has a formula of its own, so that it differs between rows")
    left = parsed[main].response
    for node in _calls(left) if left is not None else ():
        if node.function in RESPONSES and node.function != "weighted":
            raise refuse(f"the response is {node.function}")
    start = where(parsed[main].text)
    for node in _calls(parsed[main].predictor):
        _check_call(node, start)
    del known


def _check_call(node: Call, start: str) -> None:
    if node.function in TERMS and TERMS[node.function].effects is None:
        raise refuse(f"the term {node.source} is not linear in its coefficients")
    if node.function not in TRANSFORMS or TRANSFORMS[node.function].stateless:
        return
    if not TRANSFORMS[node.function].categorical:
        raise FormulaError(
            f"{start}: {node.source}: {node.function}() has to see all rows before it can change one, and they stay on disk "
            "here; add the column to the data beforehand, or write its numbers out, such as I((x - 3.5) / 1.2). Default "
            "priors follow each column's own mean and standard deviation, so scaling is not needed for them"
        )
    if not node.arguments or len(set(columns(node.arguments[0]))) != 1:
        raise FormulaError(f"{start}: {node.source}: with rows that stay on disk it takes one column")


def plan_of(formula: Formula, text: str, used: tuple[str, ...]) -> Plan:
    """Return the plan of a formula."""
    products: dict[frozenset[Expression], Product] = {frozenset(): ()}
    groups: dict[tuple[str, ...], tuple[Product, tuple[Product, ...]]] = {}
    shifts = []
    for i, (kind, _, node) in enumerate(term_nodes(formula)):
        if kind not in ("population", "group"):
            shifts.append((f"mu_{kind}_{i}", kind, node))
            continue
        own = [products.setdefault(frozenset(p), p) for p in node.products]
        if kind == "group":
            names = _names(node.factor, where(text))
            groups[names] = (node.factor, tuple(dict.fromkeys((*groups.get(names, ((), ((),)))[1], *own))))
    return Plan(formula, where(text), tuple(products.values()), groups, tuple(shifts), used)


def _names(factor: Product, start: str) -> tuple[str, ...]:
    found = []
    for part in factor:
        if not isinstance(part, Name):
            raise FormulaError(
                f"{start}: '{part.source}' cannot group rows; name a column, or several joined by ':' or '/'"
            )
        found.append(part.name)
    return tuple(found)


def needs_all(parsed: Parsed) -> bool:
    """Return whether a formula names all columns by a dot."""
    return find_dot(parsed)


def _calls(root: Expression) -> Iterator[Call]:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Call):
            yield node
            stack += [*node.arguments, *(value for _, value in node.options)]
        elif isinstance(node, Binary):
            stack += (node.left, node.right)
        elif isinstance(node, Unary):
            stack.append(node.operand)
        elif isinstance(node, Sequence):
            stack += node.items
