"""Several columns, of counts or of shares, as one response, for ``c()`` and ``cbind()``."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.columns import Column, ResponseContext
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.records import Response

from ._checks import MAX_COUNT, numbers


def read_several(context: ResponseContext) -> Response:
    """Return numbers ``(obs, level)``, of int64 where all are whole; the levels are the columns' names."""
    columns: list[Column] = []
    while context.has(len(columns)):
        columns.append(context.column(len(columns)))
    names = tuple(column.name for column in columns)
    if len(columns) < 2:
        raise FormulaError("it takes two columns or more, counts or shares, one for each level")
    if len(set(names)) < len(names):
        raise FormulaError("it names a column twice")
    value = np.column_stack([numbers(column) for column in columns])
    whole = bool(((value == np.floor(value)) & (np.abs(value) <= MAX_COUNT)).all())
    return Response(names[0], value.astype(np.int64) if whole else value, levels=names)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return the numbers of row i, all of them."""
    del options
    return {"y": f"({', '.join((y, *arguments))})"}
