"""What families check of a response before they code it. Rows are counted from 1 in error texts."""

from typing import Any, NoReturn

import numpy as np

from .errors import DataError
from .records import Response

CENSORED = {-1: "left-censored", 1: "right-censored", 2: "interval-censored"}


def observed(response: Response) -> np.ndarray:
    """Return which rows ``(obs,)`` hold a value and not the bound of a censored one."""
    if response.status is None:
        return np.ones(len(response.value), dtype=bool)
    found: np.ndarray = np.asarray(response.status) == 0
    return found


def show(value: Any) -> str:
    """Return a value as a person writes it."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else repr(value)


def refuse(response: Response, family: str, needs: str, advice: str = "") -> NoReturn:
    """Raise for the whole column: ``data: column 'y': <family> needs <needs>; <advice>``."""
    raise DataError(f"data: column '{response.name}': {family} needs {needs}{'; ' + advice if advice else ''}")


def refuse_rows(response: Response, bad: np.ndarray, family: str, needs: str, advice: str = "") -> None:
    """Raise for the first of the rows marked in ``bad``; do nothing if there is none."""
    if not bad.any():
        return
    row = int(np.argmax(bad))
    more = int(np.count_nonzero(bad)) - 1
    others = f" ({more} more like it)" if more else ""
    what = f"row {row + 1} is {show(response.value[row])}{others}"
    refuse(response, family, needs, f"{what}; {advice}" if advice else what)


def one_column(response: Response, family: str, needs: str) -> None:
    """Raise if the response has several columns."""
    if np.ndim(response.value) != 1:
        refuse(
            response,
            family,
            needs,
            "the response has several columns, which families 'multinomial' (counts) and 'dirichlet' (shares) take",
        )


MAX_COUNT = 1e15
"""Largest count: up to here whole numbers are exact in double precision, and means can be drawn from."""


def numbers(response: Response, family: str, needs: str = "numbers") -> Response:
    """Return the response with finite float64 values ``(obs,)``, or raise.

    An interval must have a width, or a continuous response had no probability of lying in it.
    """
    response = _finite(response, family, needs)
    if response.status is not None and response.upper is not None:
        point = (np.asarray(response.status) == 2) & (np.asarray(response.upper) <= response.value)
        refuse_rows(response, point, family, "intervals whose upper end is above the lower one", "a single value is not censored")
    return response


def _finite(response: Response, family: str, needs: str) -> Response:
    one_column(response, family, needs)
    if response.levels is not None:
        shown = ", ".join(show(level) for level in response.levels[:4])
        more = ", …" if len(response.levels) > 4 else ""
        advice = f"it holds {shown}{more}; for outcomes of that kind there are 'bernoulli' and 'categorical'"
        refuse(response, family, needs, advice)
    try:
        value = np.asarray(response.value, dtype=np.float64)
    except (TypeError, ValueError):
        refuse(response, family, needs, f"it holds {show(response.value[0])}")
    refuse_rows(response.with_(value=value), ~np.isfinite(value), family, needs)
    return response.with_(value=value)


def positive(response: Response, family: str, advice: str = "") -> Response:
    """Return the response with positive float64 values ``(obs,)``, or raise.

    Bounds of censored rows must be positive too. A left-censored row at 0 has probability 0, a right-censored one
    says nothing, and an interval that begins at 0 is a left-censored row.
    """
    needs = "numbers above 0"
    response = numbers(response, family, needs)
    bad = response.value <= 0
    refuse_rows(response, bad & observed(response), family, needs, advice)
    if bad.any():
        assert response.status is not None
        kind = int(response.status[int(np.argmax(bad))])
        hint = {
            -1: "no value can lie below it",
            1: "which says nothing: leave the row out",
            2: "write it as left-censored at its upper end",
        }[kind]
        refuse_rows(response, bad, family, f"{CENSORED[kind]} rows to have bounds above 0", hint)
    return response


def zero_or_above(response: Response, family: str, advice: str = "") -> Response:
    """Return the response with float64 values ``(obs,)`` that are 0 or above, or raise."""
    needs = "numbers that are 0 or above"
    response = numbers(response, family, needs)
    refuse_rows(response, response.value < 0, family, needs, advice)
    return response


def from_zero_to_one(response: Response, family: str) -> Response:
    """Return the response with float64 values ``(obs,)`` from 0 to 1, or raise."""
    needs = "numbers from 0 to 1"
    response = numbers(response, family, needs)
    bad = (response.value < 0) | (response.value > 1)
    refuse_rows(
        response, bad, family, needs, "shares on another scale, such as percentages, are to be brought to this one"
    )
    return response


def counts(response: Response, family: str) -> Response:
    """Return the response with counts ``(obs,)`` of int64, or raise.

    Bounds of censored rows need not be whole; if some are not, all values are float64. An interval holds a count or more.
    """
    needs = "counts 0, 1, 2, …"
    response = _finite(response, family, needs)
    whole = response.value == np.floor(response.value)
    refuse_rows(response, (response.value < 0) | (~whole & observed(response)), family, needs)
    refuse_rows(response, response.value > MAX_COUNT, family, f"counts up to {MAX_COUNT:g}")
    if response.status is not None and response.upper is not None:
        empty = (np.asarray(response.status) == 2) & (np.floor(response.upper) < np.ceil(response.value))
        refuse_rows(response, empty, family, "intervals that hold a count", "between its ends there is none")
    return response.with_(value=response.value.astype(np.int64)) if whole.all() else response
