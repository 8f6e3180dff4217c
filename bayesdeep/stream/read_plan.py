"""What a formula asks of rows that are read once: which products of columns are summed, over which groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core import effects
from bayesdeep.core.columns import LearnedColumns, TermColumns
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.records import Family
from bayesdeep.core.registry import RESPONSES, TERMS, TRANSFORMS
from bayesdeep.design.design_warnings import Doubt
from bayesdeep.design.learn import LearnedTerm, learn_terms, where
from bayesdeep.design.training_data import Written
from bayesdeep.formula.expand import columns
from bayesdeep.formula.nodes import (
    Binary,
    Call,
    Expression,
    Formula,
    Name,
    Parsed,
    Product,
    Sequence,
    Unary,
    label,
)

from .stand_ins import AskedCodes, AskedColumns, AskedValues, WithoutRows

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
    response
        The left side.
    where
        Begins error texts.
    products
        All that are summed; the first is the empty one, a column of ones.
    groups
        By names of the columns that group rows: the grouping factor, and the products whose coefficients vary.
    shifts
        What is added to the predictor as it is.
    used
        Names of the columns that are read.
    """

    response: Expression
    where: str
    products: tuple[Product, ...]
    groups: Mapping[tuple[str, ...], tuple[Product, tuple[Product, ...]]]
    shifts: tuple[Expression, ...]
    used: tuple[str, ...]


def check_before_reading(parsed: Mapping[str, Parsed], family: Family, links: Mapping[str, str]) -> None:
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


def _check_call(node: Call, start: str) -> None:
    if node.function in TERMS and TERMS[node.function].effects is None:
        raise refuse(f"the term {node.source} is not linear in its coefficients")
    if node.function not in TRANSFORMS or TRANSFORMS[node.function].stateless:
        return
    if not TRANSFORMS[node.function].categorical or TRANSFORMS[node.function].of_numbers:
        raise FormulaError(
            f"{start}: {node.source}: {node.function}() has to see all rows before it can change one, and they stay on disk "
            "here; add the column to the data beforehand, or write its numbers out, such as I((x - 3.5) / 1.2). Default "
            "priors follow each column's own mean and standard deviation, so scaling is not needed for them"
        )
    if not node.arguments or len(set(columns(node.arguments[0]))) != 1:
        raise FormulaError(f"{start}: {node.source}: with rows that stay on disk it takes one column")


def plan_of(parsed: Mapping[str, Parsed], written: Written) -> Plan:
    """Return what the terms of a model's one formula ask for when they are told nothing about the data."""
    main = next(iter(parsed))
    terms, arrays, _ = learn_terms(parsed, written.formulas, AskingContext)
    products: dict[frozenset[Expression], Product] = {frozenset(): ()}
    groups: dict[tuple[str, ...], tuple[Product, tuple[Product, ...]]] = {}
    shifts: dict[Expression, None] = {}
    for term in terms[main]:
        rows = _rows(term)
        array = None if rows.array is None else arrays[f"{term.key}.{rows.array}"]
        asked: tuple[Product, ...] = array.products if isinstance(array, AskedColumns) else ()
        own = [products.setdefault(frozenset(product), product) for product in asked]
        codes = arrays[f"{term.key}.{rows.codes}"] if isinstance(rows, effects.Grouped) else None
        if isinstance(rows, effects.Shift) and isinstance(array, AskedValues):
            shifts[array.expression] = None
        elif isinstance(codes, AskedCodes) and isinstance(array, AskedColumns | None):
            names = names_of(codes.factor, where(parsed[main].text))
            before = groups[names][1] if names in groups else ((),)
            groups[names] = (codes.factor, tuple(dict.fromkeys((*before, *own))))
        elif not isinstance(rows, effects.Columns) or not isinstance(array, AskedColumns | None):
            raise refuse(f"the term {term.source} is not one that can be summed up")
    return Plan(written.response, where(parsed[main].text), tuple(products.values()), groups, tuple(shifts), written.used)


def _rows(term: LearnedTerm) -> effects.Rows:
    """Return how rows meet the coefficients of a term that is one effect whose law does not tie levels together."""
    declare = TERMS[term.kind].effects
    if declare is None:
        raise refuse(f"the term {term.source} is not linear in its coefficients")
    declared = declare(term.state)
    if len(declared) != 1 or not isinstance(declared[0].law, effects.Given | effects.Varying):
        raise refuse(f"the term {term.source} is not one that can be summed up")
    return declared[0].rows


class AskingContext(WithoutRows):
    """No data, as :class:`~bayesdeep.core.terms.DesignContext`: columns are numbers, factors have one level."""

    def __init__(self, formula: Formula, where: str) -> None:
        self.rows, self.where = 1, where
        self.population: tuple[bool, tuple[Product, ...]] = (formula.intercept, formula.products)
        self.factors: tuple[Product, ...] = tuple(group.factor for group in formula.groups)
        self.doubts: dict[Doubt, None] = {}

    def learn_columns(self, intercept: bool, products: Any) -> LearnedColumns:
        """Return a column of numbers a product."""
        terms = tuple(TermColumns(label(product), k, k + 1, None) for k, product in enumerate(products))
        return LearnedColumns(intercept, terms, (0.0,) * len(terms), (1.0,) * len(terms))

    def design_matrix(self, columns: LearnedColumns, products: Any) -> Any:
        """Return which columns were asked for."""
        del columns
        return AskedColumns(self.where, tuple(products))

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return one level."""
        names_of(factor, self.where)
        return ("",)

    def codes(self, factor: Any, name: str, labels: tuple[Any, ...], closed: str = "") -> Any:
        """Return which codes were asked for."""
        del name, labels, closed
        return AskedCodes(self.where, factor)

    def values(self, expression: Any) -> Any:
        """Return which values were asked for."""
        return AskedValues(self.where, expression)


def names_of(factor: Product, start: str) -> tuple[str, ...]:
    """Return the names of the columns of a grouping factor."""
    found = []
    for part in factor:
        if not isinstance(part, Name):
            raise FormulaError(
                f"{start}: '{part.source}' cannot group rows; name a column, or several joined by ':' or '/'"
            )
        found.append(part.name)
    return tuple(found)


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
