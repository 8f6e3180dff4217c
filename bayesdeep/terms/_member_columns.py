"""``mmc(x1, x2)``: columns that each member of ``mm(g1, g2)`` has of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext
from bayesdeep.core.writing import Product

from ._packing import pack, unpack
from ._varying import learn_varying

OWN = "mmc"


def learn_member_columns(node: Any, members: Sequence[Any], context: DesignContext) -> Json:
    """Return the coding of the varying columns as JSON, each member's where it has columns of its own.

    Means and sds are then those of all members' columns together.

    Parameters
    ----------
    node
        The whole group.
    members
        The columns that have the members' levels.
    """
    if not _own(node):
        return learn_varying(node, context)
    for call in _own(node):
        if len(call.arguments) != len(members):
            raise FormulaError(
                f"{context.where}: ({node.source}): {call.source} has {len(call.arguments)} columns, and "
                f"{node.call.source} {len(members)} members; it takes one for each of "
                f"{', '.join(member.name for member in members)}"
            )
        for argument in call.arguments:
            context.values(argument)
    each = [_of_member(node, k) for k in range(len(members))]
    if any(len(_factors(own)) < len(_factors(node)) for own in each):
        raise FormulaError(
            f"{context.where}: ({node.source}): a column of {OWN}() stands there for all members, too; write one of the two, "
            "since their effects are hardly told from each other"
        )
    learned = [learn_varying(own, context) for own in each]
    coded = unpack(learned[0])
    named = zip(coded.terms, coded.state["terms"], strict=True)
    terms = tuple(replace(term, name=_name(node.products[own["product"]])) for term, own in named)
    found = {**pack(replace(coded, terms=terms)), "members": [own["state"] for own in learned]}
    values = member_columns(found, node, context).reshape(-1, coded.width)
    return {**found, "means": values.mean(axis=0).tolist(), "sds": values.std(axis=0).tolist()}


def member_columns(state: Json, node: Any, context: DesignContext) -> np.ndarray:
    """Return the varying columns ``(obs, column)``, or ``(obs, member, column)`` where members have some of their own."""
    columns = unpack(state)
    if "members" not in state:
        return context.design_matrix(columns, node.products)
    each = enumerate(state["members"])
    return np.stack([context.design_matrix(replace(columns, state=own), _of_member(node, k).products) for k, own in each], axis=1)


def written_by_member(products: Sequence[Product]) -> tuple[Product, ...]:
    """Return products in whose numbers members' own columns have the index of the member."""
    return tuple(
        replace(product, times=tuple(f"{t[:-1]}ₘᵢ" if t.startswith(f"{OWN}(") else t for t in product.times))
        for product in products
    )


def _factors(node: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(factor for product in node.products for factor in product))


def _own(node: Any) -> tuple[Any, ...]:
    """Return the calls that have a column a member."""
    return tuple(factor for factor in _factors(node) if getattr(factor, "function", "") == OWN)


def _of_member(node: Any, k: int) -> Any:
    """Return the group with the column of member ``k`` in the place of each call."""

    def own(factor: Any) -> Any:
        return factor.arguments[k] if getattr(factor, "function", "") == OWN else factor

    return replace(node, products=tuple(tuple(own(factor) for factor in product) for product in node.products))


def _name(product: Sequence[Any]) -> str:
    return posterior_name(":".join(getattr(factor, "name", factor.source) for factor in product))
