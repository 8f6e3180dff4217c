"""Questions about a formula's nodes, answered without recursion: a long formula is a deep tree."""

from collections.abc import Callable, Iterator

from .nodes import Binary, Call, Dot, Expression, Formula, Group, Name, Parsed, Product, Sequence, Unary
from .vocabulary import matrix_kind, matrix_options

CONSTANTS = frozenset({"True", "False", "None"})
"""Names that are no columns where they are an option's value, or in a list of them."""


def columns(node: Expression | Parsed | Formula) -> tuple[str, ...]:
    """Return the names of the data columns used, each once, in the order they are written.

    A formula gives its response's columns first, then those of its products, groups and special terms.
    ``True``, ``False`` and ``None`` as an option's value are no columns, nor are names of matrices. A ``.`` stands for columns
    only the data know and is left out.
    """
    names = (n.name for root in _roots(node) for n in every_node(root) if isinstance(n, Name))
    return tuple(dict.fromkeys(names))


def matrices(node: Parsed) -> tuple[tuple[str, str], ...]:
    """Return the name and the kind of the matrices that calls name, each once, in the order they are written."""
    calls = (n for root in _roots(node) for n in every_node(root) if isinstance(n, Call))
    given = (
        (value.name, matrix_kind(call.function))
        for call in calls
        for place, value in (*enumerate(call.arguments), *call.options)
        if place in matrix_options(call.function) and isinstance(value, Name)
    )
    return tuple(dict.fromkeys(given))


def factor_columns(factor: Product) -> tuple[str, ...]:
    """Return the names of the columns whose levels group rows; options of a call, such as weights, do not."""
    parts = [part for one in factor for part in (one.arguments if isinstance(one, Call) else (one,))]
    return tuple(dict.fromkeys(name for part in parts for name in columns(part)))


def find_name(node: Expression, names: tuple[str, ...]) -> Name | None:
    """Return the first of these columns that stands anywhere in an expression, also inside a call; None if none does."""
    return next((n for n in every_node(node) if isinstance(n, Name) and n.name in names), None)


def find_dot(parsed: Parsed) -> bool:
    """Return whether ``.`` stands anywhere in the predictor, also inside a call."""
    return any(isinstance(n, Dot) for n in every_node(parsed.predictor))


def grouping_columns(parsed: Parsed) -> tuple[str, ...]:
    """Return the names of the columns right of a ``|``, each once, in the order they are written."""
    bars = (n for n in every_node(parsed.predictor) if isinstance(n, Binary) and n.operator in ("|", "||"))
    return tuple(dict.fromkeys(name for bar in bars for name in columns(bar.right)))


def _roots(node: Expression | Parsed | Formula) -> tuple[Expression, ...]:
    """Return the expressions a record consists of."""
    if isinstance(node, Parsed):
        return (*_response(node.response), node.predictor)
    if isinstance(node, Formula):
        groups = tuple(f for group in node.groups for f in _group(group))
        return (*_response(node.response), *_flat(node.products), *groups, *node.specials)
    return (node,)


def _response(node: Expression | None) -> tuple[Expression, ...]:
    return () if node is None else (node,)


def _flat(products: tuple[Product, ...]) -> tuple[Expression, ...]:
    return tuple(factor for product in products for factor in product)


def _group(group: Group) -> tuple[Expression, ...]:
    return (*_flat(group.products), *group.specials, *group.factor)


def every_node(root: Expression, but: Callable[[Call], bool] | None = None) -> Iterator[Expression]:
    """Yield the node and all below it, left to right; not what is inside calls ``but`` says."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if but is None or not isinstance(node, Call) or not but(node):
            stack.extend(reversed(_children(node)))


def _children(node: Expression) -> tuple[Expression, ...]:
    if isinstance(node, Binary):
        return node.left, node.right
    if isinstance(node, Unary):
        return (node.operand,)
    if isinstance(node, Sequence):
        return tuple(item for item in node.items if not _constant(item))
    if isinstance(node, Call):
        named = matrix_options(node.function)
        own = (value for option, value in node.options if not _constant(value) and option not in named)
        return (*(value for place, value in enumerate(node.arguments) if place not in named), *own, *_flat(node.by))
    return ()


def _constant(value: Expression) -> bool:
    return isinstance(value, Name) and value.name in CONSTANTS
