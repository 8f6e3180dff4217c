"""``gr(g, by=f)``: which class, a level of ``f``, each level of ``g`` is of, and rows that say two things of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Strata
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

MOST_SHOWN = 5


def learn_classes(by: Any, codes: np.ndarray, labels: Sequence[Any], node: Any, context: DesignContext) -> Json:
    """Return the classes as JSON, with the class of each level.

    Parameters
    ----------
    by
        The column that has the classes, or an expression such as ``C(f)``.
    codes, labels
        Each row's level ``(obs,)``, and what the levels are called.
    node
        The whole group.
    """
    where = f"{context.where}: ({node.source})"
    if not hasattr(by, "name") and not hasattr(by, "arguments"):
        raise FormulaError(f"{where}: by={by.source} is not a column of classes of '{node.call.arguments[0].name}', as in by=f")
    category = context.category(by)
    name = str(getattr(by, "name", by.source))
    found = {"name": name, "labels": list(category.levels), "learned": category.learned}
    return {**found, "of": _each(codes, category.codes, labels, found, node).tolist()}


def class_codes(state: Json, by: Any, codes: np.ndarray, labels: Sequence[Any], node: Any, context: DesignContext) -> np.ndarray:
    """Return each row's class ``(obs,)``; ``codes`` from ``len(labels)`` on are levels that the model was not fitted to."""
    classes = context.category(by, state["learned"]).codes
    known = codes < len(labels)
    own = np.asarray(state["of"], dtype=np.int64)[codes[known]]
    apart = np.flatnonzero(own != classes[known])
    if len(apart):
        level, at = labels[codes[known][apart[0]]], classes[known][apart[0]]
        shown, before = state["labels"][at], state["labels"][own[apart[0]]]
        raise DataError(
            f"data: ({node.source}): {level!r} of '{node.call.arguments[0].name}' has {state['name']} = {shown!r} here, and "
            f"{before!r} in the rows that the model was fitted to; a level keeps its class, and another one is another level"
        )
    _each(codes[~known] - len(labels), classes[~known], None, state, node)
    return classes


def strata(state: Json, codes: str) -> Strata:
    """Return the classes in the words of effects; ``codes`` is the key of the rows' classes."""
    return Strata(posterior_name(state["name"]), tuple(state["labels"]), tuple(state["of"]), codes)


def _each(codes: np.ndarray, classes: np.ndarray, labels: Sequence[Any] | None, state: Json, node: Any) -> np.ndarray:
    """Return the class of each level ``(level,)``; raise where rows of one level have several."""
    found = np.zeros(int(codes.max(initial=-1)) + 1 if labels is None else len(labels), dtype=np.int64)
    found[codes] = classes
    apart = np.unique(codes[found[codes] != classes])
    if len(apart):
        first, factor = int(apart[0]), node.call.arguments[0].name
        several = np.unique(classes[codes == first])[:MOST_SHOWN]
        of = " and ".join(repr(state["labels"][k]) for k in several.tolist())
        level = "a new level" if labels is None else f"level {labels[first]!r}"
        more = f", and {len(apart) - 1} others likewise" if len(apart) > 1 else ""
        raise DataError(
            f"data: ({node.source}): {level} of '{factor}' has rows with {state['name']} = {of}{more}; by= takes a column that "
            f"is the same in all rows of a level. For effects that differ within one write ({state['name']} | {factor})"
        )
    return found
