"""Syntax trees to formulas: R's algebra of terms multiplied out.

What is special here besides R: ``(… | g)`` becomes a :class:`Group`, and calls of terms such as ``net()`` are
kept apart from the products of columns. The tree is walked with a stack, because a sum of a thousand terms is
a tree a thousand levels deep.
"""

from dataclasses import replace

from .algebra import Products, by_degree, single
from .calls import misplaced
from .group_sds import join_group_sds
from .group_terms import check_coefficients, check_factor, check_joined, unique
from .nodes import Binary, Call, Dot, Expression, Formula, Group, Name, Number, Parsed, Product, Unary
from .own import own_columns, refuse_own
from .problems import formula_of, problem, quote
from .sums import Sum, check_operands, combine, is_leaf, negative, raised
from .vocabulary import NONLINEAR, allowed
from .walk import columns, factor_columns, find_dot, grouping_columns, matrices

__all__ = ["columns", "expand", "factor_columns", "find_dot", "grouping_columns", "matrices", "own_columns"]


def expand(parsed: Parsed, others: tuple[str, ...] = (), response: Expression | None = None) -> Formula:
    """Multiply out a formula.

    Parameters
    ----------
    parsed
        The two sides as syntax trees.
    others
        What ``.`` stands for: all columns that are neither response nor grouping factor.
    response
        The left side of the model's formula, for a parameter's formula, which has none.

    Returns
    -------
    Formula
        Products without repetitions, by number of factors and then as written.
    """
    if isinstance(parsed.predictor, Call) and parsed.predictor.function == NONLINEAR:
        whole = Formula(parsed.text, parsed.response, intercept=False, products=(), specials=(parsed.predictor,))
        whole = _with_group_sds(parsed, whole)
        refuse_own(whole, parsed.response)
        return whole
    expander = _Expander(parsed.text, others)
    total = expander.evaluate(parsed.predictor)
    products, multiplied = expander.apart(expander.products(total))
    formula = Formula(
        text=parsed.text,
        response=parsed.response,
        intercept=total.intercept is not False,
        products=products,
        groups=unique(parsed.text, total.groups),
        specials=tuple(dict.fromkeys((*total.specials, *multiplied))),
    )
    check_joined(parsed.text, formula)
    formula = _with_group_sds(parsed, formula)
    refuse_own(formula, response if parsed.response is None else parsed.response)
    return formula


def _with_group_sds(parsed: Parsed, formula: Formula) -> Formula:
    """Return the formula with those of its groups' standard deviations in it."""
    if not parsed.group_sds:
        return formula
    found = {}
    for name, own in parsed.group_sds:
        with formula_of(name):
            found[name] = expand(own)
    return join_group_sds(formula, found)


class _Expander:
    """Multiplies out one formula; remembers the number each factor was given."""

    def __init__(self, text: str, others: tuple[str, ...]) -> None:
        self.text, self.others = text, others
        words = allowed()
        self.terms, self.multiplying, self.members = words.terms, words.multiplying, words.members
        self.factors: dict[Expression, int] = {}

    def products(self, total: Sum) -> tuple[Product, ...]:
        """Return a sum's products in R's order, as nodes again."""
        nodes = tuple(self.factors)
        return tuple(tuple(nodes[f] for f in product) for product in by_degree(total.products))

    def apart(self, products: tuple[Product, ...]) -> tuple[tuple[Product, ...], tuple[Call, ...]]:
        """Return the products of columns, and the calls of terms with the products that each is multiplied with."""
        plain: list[Product] = []
        found: dict[Call, list[Product]] = {}
        for product in products:
            calls = [f for f in product if isinstance(f, Call) and f.function in self.multiplying]
            if len(calls) > 1:
                message = f"{quote(calls[0].source)} and {quote(calls[1].source)} cannot be multiplied with each other"
                raise problem(self.text, calls[1].start, message)
            if calls:
                found.setdefault(calls[0], []).append(tuple(f for f in product if f is not calls[0]))
            else:
                plain.append(product)
        return tuple(plain), tuple(replace(call, by=() if by == [()] else tuple(by)) for call, by in found.items())

    def evaluate(self, root: Expression, grouped: bool = False) -> Sum:
        """Return what an expression adds to the predictor; ``grouped`` inside ``( … | g)``."""
        todo: list[tuple[Expression, bool]] = [(root, False)]
        done: list[Sum] = []
        while todo:
            node, ready = todo.pop()
            if is_leaf(node):
                done.append(self.leaf(node, grouped))
            elif not ready:
                if isinstance(node, Binary):
                    check_operands(self.text, node)
                todo += [(node, True), *((child, False) for child in _operands(node))]
            elif isinstance(node, Unary):
                operand = done.pop()
                done.append(negative(self.text, node.operand, operand) if node.operator == "-" else operand)
            elif isinstance(node, Binary) and node.operator == "**":
                done.append(raised(self.text, node, done.pop()))
            elif isinstance(node, Binary):
                right, left = done.pop(), done.pop()
                done.append(combine(self.text, node, left, right))
        return done.pop()

    def leaf(self, node: Expression, grouped: bool) -> Sum:
        """Return what a name, a number, a call or a group-level term adds to the predictor."""
        if isinstance(node, Number):
            return self.number(node)
        if isinstance(node, Dot):
            return Sum(self.all_others(node))
        if isinstance(node, Binary):
            if grouped:
                raise problem(self.text, node.start, "a group-level term cannot stand inside another")
            return Sum(groups=self.groups(node))
        if isinstance(node, Call) and node.function in self.multiplying and not grouped:
            return Sum(self.factor(node))
        if isinstance(node, Call) and node.function in self.terms:
            return Sum(specials=(self.without_dot(node),))
        if isinstance(node, Call) and node.function in self.members and not grouped:
            raise problem(self.text, node.start, misplaced(node.function, allowed()))
        if not columns(node):
            raise problem(self.text, node.start, f"{quote(node.source)} uses no column")
        return Sum(self.factor(node))

    def factor(self, node: Expression) -> Products:
        """Return the sum that is one factor; equal factors keep the spelling of the first."""
        return single(self.factors.setdefault(node, len(self.factors)))

    def all_others(self, node: Dot) -> Products:
        """Return the sum ``.`` stands for."""
        if not self.others:
            raise problem(self.text, node.start, "'.' means all other columns, and there are none")
        result: Products = {}
        for name in self.others:
            result |= self.factor(Name(name, source=name, start=node.start))
        return result

    def without_dot(self, call: Call) -> Call:
        """Return a term's call with the columns that ``.`` stands for written out; its text stays as it is."""
        if not any(isinstance(node, Dot) for node in call.arguments):
            return call
        written: list[Expression] = []
        for node in call.arguments:
            if not isinstance(node, Dot):
                written.append(node)
                continue
            self.all_others(node)
            written += [Name(name, source=name, start=node.start) for name in self.others]
        return replace(call, arguments=tuple(dict.fromkeys(written)))

    def number(self, node: Number) -> Sum:
        """Return what ``1`` or ``0`` says about the intercept."""
        if node.value not in (0, 1):
            message = f"the number {node.source} is not a term; only 1 (intercept) and 0 (none) are"
            raise problem(self.text, node.start, f"{message}; arithmetic goes inside I()")
        return Sum(intercept=node.value == 1)

    def groups(self, node: Binary) -> tuple[Group, ...]:
        """Return the group-level terms ``(… | factor)`` stands for; ``a/b`` makes two."""
        check_factor(self.text, node.right)
        inner = self.evaluate(node.left, grouped=True)
        factors = self.products(self.evaluate(node.right))
        products = self.products(inner)
        group = Group(
            intercept=inner.intercept is not False,
            products=products,
            factor=factors[0],
            correlated=node.operator == "|",
            specials=tuple(dict.fromkeys(inner.specials)),
            source=node.source,
            start=node.start,
            shared=node.shared,
        )
        check_coefficients(self.text, group, len(factors))
        return tuple(replace(group, factor=factor) for factor in factors)


def _operands(node: Expression) -> tuple[Expression, ...]:
    """Return what has to be worked out first, the last operand first because the stack turns them round."""
    if isinstance(node, Unary):
        return (node.operand,)
    if isinstance(node, Binary):
        return (node.left,) if node.operator == "**" else (node.right, node.left)
    return ()
