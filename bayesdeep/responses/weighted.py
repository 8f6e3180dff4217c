"""``weighted(y, w)``: a row of weight 2 counts like two rows. Other response functions can stand inside."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.columns import ResponseContext, ResponseFunction
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.records import Response

from ._checks import numbers, rows


def read(context: ResponseContext) -> Response:
    """Return the first argument's response with ``weights (obs,)``."""
    if not context.has(1):
        raise FormulaError("it takes a response and a column of weights, weighted(y, w)")
    response, column = context.inner(), context.column(1)
    if response.weights is not None:
        raise FormulaError("the response inside has weights already")
    weights = numbers(column).astype(np.float64)
    bad = (weights < 0) | np.isinf(weights)
    if bad.any():
        raise DataError(f"data: column '{column.name}' should hold weights from 0 on; {rows(bad, column)}")
    if np.all(weights == 0):
        raise DataError(f"data: all weights in column '{column.name}' are zero")
    return response.with_(weights=weights)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return what a weight does."""
    del y, options
    return {"line": f"weighted: the log likelihood of row i counts {arguments[0]} times"}


RESPONSE = ResponseFunction("weighted", read, mathematics=mathematics, example="weighted(y, w)")
