"""``g[A]``, also ``success(g, level="A")``: whether a column has a level, which counts as success; all others are failures."""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, ResponseContext, ResponseFunction
from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.labels import match
from bayesdeep.core.records import Response

MOST_LEVELS = 100
"""Different numbers that may be taken for names of levels; a column of more is a measurement."""


def read(context: ResponseContext) -> Response:
    """Return 1 where the column has the level and 0 elsewhere, as a response of two levels."""
    level = context.option("level")
    if context.has(1) or level is None or isinstance(level, list | Column):
        raise FormulaError("it takes a column and the level that counts as success, g[A] or g[\"a b\"]")
    column = context.column(0)
    if column.missing is not None and bool(np.all(column.missing)):
        return Response(column.name, column.values)
    labels, codes = _labels(column)
    place = int(match([level], labels, f"data: column '{column.name}'")[0])
    if place < 0 and not context.new:
        raise FormulaError(f"column '{column.name}' has no level {level!r}{nearest(str(level), map(str, labels))}")
    success = level if place < 0 else labels[place]
    # What new rows declare and none of them has is no matter.
    there = set(np.unique(codes).tolist()) if context.new else range(len(labels))
    failures = tuple(label for i, label in enumerate(labels) if i != place and i in there)
    other = failures[0] if len(failures) == 1 else f"not {success}"
    value = (codes == place).astype(np.int64)
    return Response(column.name, value, levels=(other, success), failures=failures)


def _labels(column: Column) -> tuple[list[Any], np.ndarray]:
    """Return the labels there are, declared ones last, and each row's place among them ``(obs,)``."""
    if column.levels is not None:
        declared = column.declared or ()
        return [*column.levels, *(label for label in declared if label not in column.levels)], column.values
    values, codes = np.unique(column.values, return_inverse=True)
    if len(values) > MOST_LEVELS or (values.dtype.kind == "f" and np.any(values != np.floor(values))):
        raise FormulaError(
            f"column '{column.name}' holds {len(values):,} different numbers, which are no levels; whether a number is beyond a "
            f"threshold is written I({column.name} > 3)"
        )
    return (values.astype(np.int64) if values.dtype.kind == "f" else values).tolist(), codes


RESPONSE = ResponseFunction("success", read, indexed="level", example='success(g, level="g1")')
