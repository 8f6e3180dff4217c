"""Labels compared by ``==`` and ``!=`` inside ``I()``: ``g == "c"``, ``g != h``."""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.labels import match
from bayesdeep.formula.nodes import Binary, Expression, Name, Number, Product, Text
from bayesdeep.formula.walk import every_node

from .frame import column, complete, single_values

OF_LABELS = ("text", "category")
_SHOWN = 5


def compares_labels(node: Binary, frame: Frame, where: str) -> bool:
    """Return whether one side of a comparison is text or a column of labels; raise for a text beside something else."""
    sides = (node.left, node.right)
    if any(isinstance(side, Text) for side in sides):
        names = [side for side in sides if isinstance(side, Name)]
        if not names:
            raise FormulaError(f"{where}: '{node.source}': a quoted text is compared with a column, as in I(g == \"c\")")
        found = column(frame, names[0].name, where)
        if found.kind not in OF_LABELS:
            raise FormulaError(
                f"{where}: '{node.source}': column '{found.name}' holds {_held(found)}, which no text equals; {_instead(found)}"
            )
        return True
    return any(isinstance(side, Name) and column(frame, side.name, where).kind in OF_LABELS for side in sides)


def same_labels(node: Binary, frame: Frame, where: str) -> np.ndarray:
    """Return whether the two sides of a comparison have the same label in each row ``(obs,)``, by what labels read."""
    left, right = (_labels(side, frame, where) for side in (node.left, node.right))
    blamed = f"data: {node.source}: column '{getattr(node.left, 'name', getattr(node.right, 'name', ''))}'"
    place = match(left[1], right[1], blamed)
    return np.broadcast_to(place[left[0]] == right[0], (frame.rows,))


def refuse_absent_labels(factors: Product, frame: Frame, where: str) -> None:
    """Raise where a column is compared with a label that no row has: on the training rows this is a slip of the pen."""
    for node in (n for factor in factors for n in every_node(factor)):
        if not isinstance(node, Binary) or node.operator not in ("==", "!=") or not compares_labels(node, frame, where):
            continue
        for name, given in ((node.left, node.right), (node.right, node.left)):
            if not isinstance(name, Name) or not isinstance(given, Text | Number):
                continue
            codes, levels = _labels(name, frame, where)
            present = [levels[code] for code in np.unique(codes).tolist()]
            if match([given.value], present, f"data: column '{name.name}'")[0] < 0:
                shown = ", ".join(map(repr, present[:_SHOWN])) + (", …" if len(present) > _SHOWN else "")
                close = nearest(str(given.value), map(str, present))
                known = close or f"; it has {shown}"
                raise FormulaError(f"{where}: {node.source}: column '{name.name}' has no {given.value!r}{known}")


def _labels(node: Expression, frame: Frame, where: str) -> tuple[np.ndarray, list[Any]]:
    """Return each row's number among labels ``(obs,)``, or one for all rows, and the labels."""
    if isinstance(node, Text | Number):
        return np.zeros(1, dtype=np.int64), [node.value]
    if not isinstance(node, Name):
        raise FormulaError(f"{where}: '{getattr(node, 'source', '')}': labels are compared with a column, a text or a number")
    found = complete(single_values(column(frame, node.name, where), where))
    if found.kind == "other":
        raise DataError(f"data: column '{found.name}' holds no labels that could be compared")
    if found.levels is not None:
        return found.values, list(found.levels)
    values, codes = np.unique(found.values, return_inverse=True)
    return codes, values.tolist()


def _held(found: Column) -> str:
    return {"number": "numbers", "bool": "true and false"}.get(found.kind, "neither text nor categories")


def _instead(found: Column) -> str:
    return f"write I({found.name})" if found.kind == "bool" else f"write I({found.name} == 3)"
