"""``by=``: what a smooth's functions are multiplied by, and so how many curves it has."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.terms import DesignContext, Line


def learn_by(node: Any, columns: str, context: DesignContext, where: str) -> Json:
    """Return what is to be known of it as JSON: its ``levels``, none for a number; None where there is none."""
    if node is None:
        return None
    source = str(getattr(node, "name", node.source))
    try:
        category = context.category(node)
    except FormulaError:
        values = np.asarray(context.values(node), dtype=np.float64)
        if not np.any(values):
            raise FormulaError(f"{where}: '{source}' is 0 in every row, so that nothing is left of {columns}") from None
        return {"source": source, "levels": [], "learned": None}
    # Plain numbers and text are what JSON keeps.
    levels = [getattr(level, "item", lambda level=level: level)() for level in category.levels]
    return {"source": source, "levels": levels, "learned": category.learned}


def times_by(lines: Iterable[Line], by: Json) -> frozenset[Line]:
    """Return the products of columns that are not penalised, given those of the smooth itself, ``by`` counted.

    The lines of all levels of a category together are the line of all rows, too.
    """
    own = frozenset(lines)
    if by is None:
        return own
    multiplied = frozenset(line | {by["source"]} for line in own)
    return multiplied | own if by["levels"] else multiplied


def multipliers(state: Json, node: Any, context: DesignContext) -> list[np.ndarray]:
    """Return a column ``(obs,)`` for each curve, by which its functions are multiplied."""
    if state is None:
        return [np.ones(context.rows)]
    if not state["levels"]:
        return [np.asarray(context.values(node), dtype=np.float64)]
    codes = context.category(node, state["learned"]).codes
    return [(codes == place).astype(np.float64) for place in range(len(state["levels"]))]
