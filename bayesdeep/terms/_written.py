"""How the columns of a design matrix are written for row i, for the terms that have one."""

from collections.abc import Sequence
from typing import Any

from bayesdeep.core.columns import Json
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.core.writing import Product


def column_products(columns: Json, products: Sequence[Sequence[Any]]) -> list[tuple[Product, ...]]:
    """Return the products of each term of learned columns: one for each way its factors are coded together.

    Parameters
    ----------
    columns
        As :func:`~bayesdeep.terms._packing.pack` returns them.
    products
        The products of nodes that they were learned from.
    """
    nodes = list(dict.fromkeys(factor for product in products for factor in product))
    learned = columns["state"]["factors"]
    return [
        tuple(_product([(nodes[i], learned[i], full) for i, full in piece]) for piece in coded["pieces"])
        for coded in columns["state"]["terms"]
    ]


def times_columns(
    slots: Sequence[tuple[str, tuple[Product, ...]]], prefix: str, level: str, index: Sequence[str] = ()
) -> str:
    """Return the sum of coefficients times columns that something of row i is multiplied by; in brackets if they are several.

    Parameters
    ----------
    slots
        The name of each slot of coefficients, and the products of its columns.
    prefix, level
        What stands before names, and the level of a response with several predictors, ``[k]``.
    index
        What coefficients have an index of beside the levels of their columns.
    """
    parts = []
    for name, products in slots:
        for product in products:
            at = [*index, *product.levels, *(["b"] if product.basis else []), *([level.strip("[]")] if level else [])]
            text = f"β({prefix}{name})" + (f"[{', '.join(at)}]" if at else "")
            parts.append(("Σ_b " if product.basis else "") + " · ".join((text, *product.times)))
    return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"


def _product(factors: Sequence[tuple[Any, Any, bool]]) -> Product:
    levels, basis, times, zero = [], [], [], []
    for node, learned, full in factors:
        name, labels = getattr(node, "name", node.source), _labels(node, learned)
        if learned["kind"] == "categorical" and not full and "coding" in learned["learned"]:
            basis.append(name)
            times.append(f"{name}[b]ᵢ")
        elif learned["kind"] == "categorical":
            levels.append(f"{name}ᵢ")
            zero += [] if full or not labels else [f"{name} = {labels[0]}"]
        elif labels is not None:
            basis.append(name)
            times.append(f"{name}[b]ᵢ")
        else:
            times.append(f"{name}ᵢ")
    if len(basis) > 1:  # Every pair of basis functions has a coefficient of its own.
        times = [t.replace("[b]", f"[b{basis.index(t[: -len('[b]ᵢ')]) + 1}]") if "[b]" in t else t for t in times]
    return Product(tuple(levels), tuple(times), bool(basis), tuple(zero))


def _labels(node: Any, learned: Any) -> tuple[Any, ...] | None:
    """Return the labels of a factor's levels or basis functions; None for one number."""
    if "learned" not in learned:
        return None
    labels: tuple[Any, ...] | None = TRANSFORMS[getattr(node, "function", "C")].labels(learned["learned"])
    return labels
