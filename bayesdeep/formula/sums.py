"""A predictor while it is being multiplied out, and the operators that combine two of them."""

from dataclasses import dataclass, field, replace
from functools import partial

from .algebra import Products, TooLargeError, cross, interact, minus, nest, plus, power
from .nodes import Binary, Call, Expression, Group, Name, Number, Unary
from .problems import problem, quote
from .vocabulary import allowed

_MAX_POWER = 10
_PRODUCT = {"*": cross, "/": nest, ":": interact}


@dataclass(frozen=True, slots=True)
class Sum:
    """Part of a predictor.

    Attributes
    ----------
    products
        The products of factors, see :mod:`bayesdeep.formula.algebra`.
    intercept
        What the part says about the intercept: the last ``1`` or ``0`` counts, None when there is none.
    groups, specials
        Group-level terms, and calls of terms such as ``net()``.
    """

    products: Products = field(default_factory=dict)
    intercept: bool | None = None
    groups: tuple[Group, ...] = ()
    specials: tuple[Call, ...] = ()


def check_operands(text: str, node: Binary) -> None:
    """Raise when a number or a sign is multiplied, as in ``x / 10`` or ``-a:b``."""
    if node.operator not in _PRODUCT:
        return
    for side in (node.left, node.right):
        inner = side.operand if isinstance(side, Unary) else side
        if isinstance(inner, Number):
            advice = f"; write I({node.source}) for arithmetic" if node.operator in "*/" else ""
            message = f"the number in {quote(node.source)} cannot be multiplied with terms{advice}"
            raise problem(text, inner.start, message)
        if isinstance(side, Unary) and side.operator == "-":
            message = "a sign binds tighter than a product; take a product away with - behind what contains it"
            raise problem(text, side.start, message)


def combine(text: str, node: Binary, left: Sum, right: Sum) -> Sum:
    """Return the sum a binary operator other than ``**`` makes of its two sides."""
    if node.operator == "+":
        said = left.intercept if right.intercept is None else right.intercept
        products = plus(left.products, right.products)
        return Sum(products, said, left.groups + right.groups, left.specials + right.specials)
    if node.operator == "-":
        taken = negative(text, node.right, right)
        said = left.intercept if taken.intercept is None else taken.intercept
        return replace(left, products=minus(left.products, right.products), intercept=said)
    for side, value in ((node.left, left), (node.right, right)):
        _check_factor(text, node, side, value)
    return Sum(_limited(text, node, partial(_PRODUCT[node.operator], left.products, right.products)))


def negative(text: str, operand: Expression, value: Sum) -> Sum:
    """Return ``-value`` on its own: it says something about the intercept and adds nothing."""
    if value.groups or value.specials:
        raise problem(text, operand.start, f"{quote(operand.source)} cannot be taken away with -")
    return Sum(intercept=None if value.intercept is None else not value.intercept)


def raised(text: str, node: Binary, left: Sum) -> Sum:
    """Return ``left ** n``, all products of up to ``n`` terms."""
    base, exponent = node.left, node.right
    if isinstance(base, Call) and left.specials:
        raise problem(text, node.start, f"{quote(base.source)} has no powers; write it by itself")
    if isinstance(base, Name | Call | Number):
        also = f" or poly({base.source}, {exponent.source})" if _polynomial(base, exponent) else ""
        message = f"{quote(node.source)} would mean {base.source}, not a power; write I({node.source}){also}"
        raise problem(text, node.start, message)
    if not isinstance(exponent, Number) or exponent.value not in range(1, _MAX_POWER + 1):
        message = f"the exponent of a sum of terms must be a whole number from 1 to {_MAX_POWER}"
        raise problem(text, exponent.start, message)
    _check_factor(text, node, base, left)
    return Sum(_limited(text, node, partial(power, left.products, int(exponent.value))))


def _polynomial(base: Expression, exponent: Expression) -> bool:
    """Return whether ``poly(base, exponent)`` makes sense."""
    return isinstance(base, Name) and isinstance(exponent, Number) and exponent.value in range(2, 10)


def _check_factor(text: str, node: Binary, side: Expression, value: Sum) -> None:
    """Raise when one side of a product is not a sum of products of columns."""
    if value.groups:
        message = f"the group-level term {quote(value.groups[0].source)} cannot be part of a product"
        raise problem(text, value.groups[0].start, message)
    if value.specials:
        special = value.specials[0]
        if special.function in allowed().multiplying:  # It is a factor elsewhere, and a special inside a bracket only.
            instead = f"write the product with {quote(special.source)} outside of the bracket, for all groups"
            raise problem(text, special.start, f"{special.function}() cannot vary by group; {instead}")
        raise problem(text, special.start, f"{special.function}() cannot be part of a product; add it with +")
    if value.intercept is not None:
        message = f"{quote(side.source)} in a product cannot contain the intercept, 1 or 0"
        raise problem(text, side.start, message)


def _limited(text: str, node: Binary, product: partial[Products]) -> Products:
    """Return the product unless it becomes too large."""
    try:
        return product()
    except TooLargeError as error:
        raise problem(text, node.start, f"{quote(node.source)} multiplies out to {error}") from None


def is_leaf(node: Expression) -> bool:
    """Return whether the node is no operator of the algebra; ``|`` is taken apart elsewhere."""
    return not isinstance(node, Unary | Binary) or (isinstance(node, Binary) and node.operator in ("|", "||"))
