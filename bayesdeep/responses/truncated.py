"""``truncated(y, lb, ub)``: values below ``lb`` or above ``ub`` could not have been recorded.

Bounds are numbers or columns, and can be recorded themselves; ``lb=`` or ``ub=`` alone leaves the other side open, and so
does a bound of ``-inf`` or ``inf``, of all rows or of some.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Gaps, ResponseContext, ResponseFunction
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.records import Response

from ._checks import numbers


def read(context: ResponseContext) -> Response:
    """Return the first argument's response with ``lower_bound`` and ``upper_bound (obs,)``."""
    lower, upper = _bound(context, 1, "lb"), _bound(context, 2, "ub")
    if lower is None and upper is None:
        raise FormulaError("it takes a lower or an upper bound or both, truncated(y, lb=0)")
    response = context.inner()
    if response.levels is not None or response.value.ndim > 1:
        raise DataError(f"data: truncated() needs numbers, and column '{response.name}' does not hold them")
    rows = len(response.value)
    low = np.full(rows, -np.inf) if lower is None else np.broadcast_to(lower, rows).astype(np.float64)
    high = np.full(rows, np.inf) if upper is None else np.broadcast_to(upper, rows).astype(np.float64)
    bad = (low >= high) | np.isposinf(low) | np.isneginf(high)
    if bad.any():
        i, count = int(np.argmax(bad)), int(np.count_nonzero(bad))
        raise DataError(
            f"data: truncated(): the lower bound should be below the upper one; in {count} of {rows} rows it is not "
            f"(the first is row {i + 1}: bounds {low[i]:g} to {high[i]:g})"
        )
    return response.with_(lower_bound=low, upper_bound=high)


def gaps(context: ResponseContext) -> Mapping[int | str, Gaps]:
    """Return that bounds may be infinite, but not missing."""
    del context
    bound = Gaps(infinite=True, hint="a row without a bound has inf or -inf for it")
    return {1: bound, 2: bound, "lb": bound, "ub": bound}


def _bound(context: ResponseContext, position: int, word: str) -> Any:
    given = context.option(word)
    if context.has(position):
        if given is not None:
            raise FormulaError(f"the bound {word} is given twice")
        given = context.column(position)
    if isinstance(given, Column):
        return numbers(given)
    if given is not None and not isinstance(given, int | float):
        raise FormulaError(f"{word}={given!r} should be a number or a column")
    return given


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return between which bounds a response is seen."""
    given = dict(zip(("lb", "ub"), arguments, strict=False)) | dict(options)
    low, high = (f"{given['lb']} ≤ " if "lb" in given else ""), (f" ≤ {given['ub']}" if "ub" in given else "")
    return {"line": f"truncated: given that {low}{y}{high}\n    the density is divided by P({low}Y{high})"}


RESPONSE = ResponseFunction(
    "truncated", read, needed_for_prediction=(1, 2), gaps=gaps, mathematics=mathematics,
    example="truncated(y, low)",
)
