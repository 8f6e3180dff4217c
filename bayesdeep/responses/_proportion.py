"""Successes of a number of trials, shared by ``prop(k, n)`` and its other names."""

from collections.abc import Mapping

from bayesdeep.core.columns import ResponseContext
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.records import Response

from ._checks import rows, whole


def read(context: ResponseContext) -> Response:
    """Return successes as ``value`` and ``trials``, both ``(obs,)``."""
    if not context.has(1):
        raise FormulaError("it takes successes and trials, prop(k, n); n can be a number")
    successes, trials = context.column(0), context.column(1)
    value, total = whole(successes), whole(trials)
    bad = value > total
    if bad.any():
        raise DataError(
            f"data: column '{successes.name}' should be at most '{trials.name}', the number of trials; "
            f"{rows(bad, successes, trials)}"
        )
    return Response(successes.name, value, trials=total)


def mathematics(y: str, arguments: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return the number of trials."""
    del y, options
    return {"n": arguments[0]}
