"""Several columns of counts as one response, for ``c()`` and ``cbind()``."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.columns import Column, ResponseContext
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.records import Response

from ._checks import whole


def read_counts(context: ResponseContext) -> Response:
    """Return counts ``(obs, level)``; the levels are the columns' names."""
    columns: list[Column] = []
    while context.has(len(columns)):
        columns.append(context.column(len(columns)))
    names = tuple(column.name for column in columns)
    if len(columns) < 2:
        raise FormulaError("it takes two columns of counts or more, one for each level")
    if len(set(names)) < len(names):
        raise FormulaError("it names a column twice")
    return Response(names[0], np.column_stack([whole(column) for column in columns]), levels=names)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return the counts of row i, all of them."""
    del options
    return {"y": f"({', '.join((y, *arguments))})"}
