"""The levels of a monotonic effect: their order, and how many steps a row is above the lowest."""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Category, Json
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

MOST_STEPS = 200
"""Each step has an unknown share: beyond this it is a smooth that is meant."""
MOST_NAMED = 5


def column_of(node: Any) -> tuple[str, str]:
    """Return what is ordered as a reader calls it, and the term's name: options are left out."""
    (inner,) = node.arguments
    if getattr(inner, "options", ()):
        inner = inner.arguments[0]
    column = str(getattr(inner, "name", None) or inner.source)
    return column, posterior_name(f"{node.function}({column})")


def learn_levels(node: Any, context: DesignContext) -> tuple[Json, np.ndarray]:
    """Return the levels from the lowest as JSON, and each row's steps above it ``(obs,)``.

    Raises
    ------
    FormulaError
        For what has no order, and what does not vary.
    """
    where = f"{context.where}: {node.source}"
    if len(node.arguments) != 1 or node.options:
        raise FormulaError(f"{where}: mo() takes one ordered category or whole numbers, as in mo(x), and no options")
    (inner,) = node.arguments
    category = category_of(inner, context)
    levels = _whole_numbers(inner, context, where) if category is None else _ordered(category, inner, where)
    state: Json = {"levels": levels, "learned": None if category is None else category.learned}
    if len(levels) - 1 > MOST_STEPS:
        raise FormulaError(
            f"{where}: {len(levels)} levels are {len(levels) - 1} steps, each with a share of its own, and mo() takes up to "
            f"{MOST_STEPS}; for a number write s({column_of(node)[0]})"
        )
    codes = step_codes(state, node, context)
    if (codes == codes[0]).all():
        raise FormulaError(
            f"{where}: every row has the same value, {levels[codes[0]]!r}, so that it has no effect that could be learned; "
            "leave it out"
        )
    return state, codes


def category_of(inner: Any, context: DesignContext) -> Category | None:
    """Return the column as a category; None where it holds numbers."""
    try:
        context.values(inner)
    except FormulaError:
        return context.category(inner)
    return None


def _ordered(category: Category, inner: Any, where: str) -> list[Any]:
    """Return the levels of a category in their order, those without rows too; raise where there is no order."""
    if category.ordered:
        return list(category.declared)
    if _order_is_written(inner) or all(isinstance(level, bool) for level in category.levels):
        return list(category.levels)
    column = inner.arguments[0] if getattr(inner, "arguments", ()) else inner
    source = str(getattr(column, "name", None) or column.source)
    quoted = [repr(level) for level in category.levels[:MOST_NAMED]]
    more = ", …" if len(category.levels) > MOST_NAMED else ""
    raise FormulaError(
        f"{where}: the levels of '{source}' have no order ({', '.join(quoted)}{more}); say it in the formula, from the lowest, "
        f"mo(C({source}, levels=[{', '.join(quoted)}{more}])), or in the data, pd.Categorical(…, categories=[…], ordered=True); "
        f"without an order write {source}"
    )


def _order_is_written(inner: Any) -> bool:
    """Return whether a formula names the levels one after another."""
    return any(name == "levels" for name, _ in getattr(inner, "options", ()))


def _whole_numbers(inner: Any, context: DesignContext, where: str) -> list[int]:
    """Return all whole numbers from the smallest to the largest."""
    values = np.asarray(context.values(inner))
    source = str(getattr(inner, "name", None) or inner.source)
    broken = values != np.floor(values)
    if broken.any():
        raise FormulaError(
            f"{where}: '{source}' holds numbers that are not whole ({values[np.argmax(broken)]:.6g}); mo() takes an ordered "
            f"category or whole numbers; for a smooth curve write s({source})"
        )
    low, high = float(values.min()), float(values.max())
    # Not counted up one by one before it is known that there are few.
    return list(range(int(low), int(high) + 1)) if high - low <= 10 * MOST_STEPS else list(range(10 * MOST_STEPS))


def step_codes(state: Json, node: Any, context: DesignContext) -> np.ndarray:
    """Return how many steps each row is above the lowest level ``(obs,)`` of int64.

    Raises
    ------
    DataError
        For a value that is not among the levels, by name.
    """
    (inner,) = node.arguments
    levels = state["levels"]
    if state["learned"] is not None:
        if hasattr(inner, "name"):
            what = f"{node.source}, fitted to {', '.join(map(repr, levels[:10]))}{', …' if len(levels) > 10 else ''},"
            return context.codes((inner,), node.source, tuple(levels), what)
        return context.category(inner, state["learned"]).codes
    values = np.asarray(context.values(inner))
    known = (values >= levels[0]) & (values <= levels[-1]) & (values == np.floor(values))
    if not known.all():
        source = str(getattr(inner, "name", None) or inner.source)
        first = float(values[np.argmin(known)])
        raise DataError(
            f"data: column '{source}' has the value {first:g} (in {int(np.count_nonzero(~known))} of {len(values)} rows); "
            f"{node.source} was fitted to whole numbers from {levels[0]} to {levels[-1]} and has no step beyond or between"
        )
    return (values - levels[0]).astype(np.int64)
