"""``censored(y, status)``, ``censored(y, upper, status)``: values known only to lie on one side, or between.

The status is ``"none"``, ``"left"``, ``"right"`` or ``"interval"``, or 0, -1, 1, 2. A left-censored value is at most ``y``, a
right-censored one at least ``y``, an interval-censored one from ``y`` to ``upper``, the ends included: for counts the
interval may be a single number. ``upper`` is read where the status says interval and may be missing elsewhere; an interval
without an end, ``y`` of ``-inf`` or ``upper`` of ``inf``, is censored on one side.
"""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.columns import Column, Gaps, ResponseContext, ResponseFunction
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.records import Response

from ._checks import numbers, rows

CODES = {"none": 0, "left": -1, "right": 1, "interval": 2}
ADVICE = 'it should be "none", "left", "right" or "interval", or 0, -1, 1, 2'


def read(context: ResponseContext) -> Response:
    """Return the first argument's response with ``status`` and ``upper (obs,)``.

    Of new rows those are taken as not censored of which not all is known.
    """
    if not context.has(1):
        raise FormulaError("it takes a status, censored(y, status); with intervals censored(y, upper, status)")
    ends = context.column(1) if context.has(2) else None
    marks = context.column(2 if ends is not None else 1)
    response = context.inner()
    if response.levels is not None or response.value.ndim > 1:
        raise DataError(f"data: censored() needs numbers, and column '{response.name}' does not hold them")
    value = np.asarray(response.value)
    unknown = np.isnan(value) if marks.missing is None else marks.missing | np.isnan(value)
    if unknown.all():
        return response  # new rows: nothing is known about their censoring
    status = _status(marks, unknown)
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
    bad = interval & (upper < value)
    if bad.any():
        raise DataError(
            f"data: where '{marks.name}' says interval, '{ends.name}' should be above '{response.name}'; "
            f"{rows(bad, Column(response.name, 'number', value), ends)}"
        )
    return _one_sided(response.with_(status=np.where(interval & np.isnan(upper), 0, status), upper=upper))


def _one_sided(response: Response) -> Response:
    """Return a response whose intervals have two ends: those that lack one are censored on the other side."""
    value, upper, status = np.asarray(response.value), response.upper, response.status
    assert upper is not None
    assert status is not None
    interval = status == CODES["interval"]
    nothing = interval & np.isneginf(value) & np.isposinf(upper)
    if nothing.any():
        raise DataError(
            f"data: column '{response.name}': an interval without ends says nothing: leave the row out; "
            f"{rows(nothing, Column(response.name, 'number', value))}"
        )
    left, right = interval & np.isneginf(value), interval & np.isposinf(upper)
    status = np.select([left, right], [CODES["left"], CODES["right"]], status).astype(np.int8)
    value = np.where(left, upper, value) if left.any() else value
    return response.with_(value=value, status=status, upper=np.where(status == CODES["interval"], upper, value))


def gaps(context: ResponseContext) -> Mapping[int | str, Gaps]:
    """Return that only intervals need an upper end, and that theirs may be open; families refuse other infinite values."""
    bound = Gaps(hint="of censored rows, too, the first argument is needed: it holds their bound")
    if not context.has(2):
        return {0: bound}
    marks = context.column(2)
    values = np.asarray(marks.values)
    if marks.levels is not None:
        interval = np.isin(values, [i for i, level in enumerate(marks.levels) if level == "interval"])
    else:
        interval = np.asarray(values == CODES["interval"], dtype=bool)
    if marks.missing is not None:
        interval &= ~marks.missing
    hint = "an interval needs its upper end; where there is none, the row is right-censored, or the end is inf"
    return {0: Gaps(infinite=bool(interval.any()), hint=bound.hint), 1: Gaps(~interval, infinite=True, hint=hint)}


def _status(column: Column, unknown: np.ndarray) -> np.ndarray:
    """Return the codes ``(obs,)`` of int8, 0 where they are ``unknown``."""
    if column.kind == "bool":
        raise DataError(
            f"data: column '{column.name}' is true/false, which does not say what was censored (in survival "
            f"data true often means observed); {ADVICE}"
        )
    if column.levels is not None:
        unused = [level for level in column.levels if level not in CODES]
        if unused:
            hint = nearest(str(unused[0]), CODES)
            raise DataError(f"data: column '{column.name}' has status {unused[0]!r}; {ADVICE}{hint}")
        codes = np.array([CODES[level] for level in column.levels], dtype=np.int8)
        return np.where(unknown, np.int8(0), codes[column.values])
    values = np.where(unknown, 0, numbers(column))
    bad = ~np.isin(values, list(CODES.values()))
    if bad.any():
        raise DataError(f"data: column '{column.name}' is a status, and {ADVICE}; {rows(bad, column)}")
    return values.astype(np.int8)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of a censored row."""
    del options
    *upper, status = arguments
    between = f", {y} ≤ Y ≤ {upper[0]} (interval)" if upper else ""
    return {"line": f"censored: where {status} says so, it is only known that\n    Y ≤ {y} (left), Y ≥ {y} (right){between}"}


RESPONSE = ResponseFunction(
    "censored", read, gaps=gaps, mathematics=mathematics,
    example="censored(y, status)",
)
