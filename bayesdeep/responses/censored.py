"""``censored(y, status)``, ``censored(y, upper, status)``: values known only to lie on one side, or between.

The status is ``"none"``, ``"left"``, ``"right"`` or ``"interval"``, or 0, -1, 1, 2.
"""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.columns import Column, ResponseContext, ResponseFunction
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.records import Response

from ._checks import numbers, rows

CODES = {"none": 0, "left": -1, "right": 1, "interval": 2}
ADVICE = 'it should be "none", "left", "right" or "interval", or 0, -1, 1, 2'


def read(context: ResponseContext) -> Response:
    """Return the first argument's response with ``status`` and ``upper (obs,)``."""
    if not context.has(1):
        raise FormulaError("it takes a status, censored(y, status); with intervals censored(y, upper, status)")
    ends = context.column(1) if context.has(2) else None
    marks = context.column(2 if ends is not None else 1)
    response = context.inner()
    if marks.missing is not None and marks.missing.all():
        return response  # new rows: nothing is known about their censoring
    if response.levels is not None or response.value.ndim > 1:
        raise DataError(f"data: censored() needs numbers, and column '{response.name}' does not hold them")
    status = _status(marks)
    interval = status == CODES["interval"]
    if ends is None:
        if interval.any():
            count = int(np.count_nonzero(interval))
            raise DataError(
                f"data: column '{marks.name}' says interval in {count} of {len(status)} rows, but there is "
                f"no upper end; write censored({response.name}, upper, {marks.name})"
            )
        return response.with_(status=status, upper=response.value)
    upper = numbers(ends)
    bad = interval & (upper <= response.value)
    if bad.any():
        value = Column(response.name, "number", response.value)
        raise DataError(
            f"data: where '{marks.name}' says interval, '{ends.name}' should be above '{response.name}'; "
            f"{rows(bad, value, ends)}"
        )
    return response.with_(status=status, upper=np.where(interval, upper, response.value))


def _status(column: Column) -> np.ndarray:
    """Return the codes ``(obs,)`` of int8."""
    if column.kind == "bool":
        raise DataError(
            f"data: column '{column.name}' is true/false, which does not say what was censored (in survival "
            f"data true often means observed); {ADVICE}"
        )
    if column.levels is not None:
        unknown = [level for level in column.levels if level not in CODES]
        if unknown:
            hint = nearest(str(unknown[0]), CODES)
            raise DataError(f"data: column '{column.name}' has status {unknown[0]!r}; {ADVICE}{hint}")
        codes = np.array([CODES[level] for level in column.levels], dtype=np.int8)
        return codes[column.values]
    values = numbers(column)
    bad = ~np.isin(values, list(CODES.values()))
    if bad.any():
        raise DataError(f"data: column '{column.name}' is a status, and {ADVICE}; {rows(bad, column)}")
    return values.astype(np.int8)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of a censored row."""
    del options
    *upper, status = arguments
    between = f", {y} < Y ≤ {upper[0]} (interval)" if upper else ""
    return {"line": f"censored: where {status} says so, it is only known that\n    Y ≤ {y} (left), Y > {y} (right){between}"}


RESPONSE = ResponseFunction("censored", read, mathematics=mathematics)
