"""Responses of several columns, a part each: counts of outcomes, or shares of a whole; and what is said of both."""

from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Link, Response
from bayesdeep.core.response_checks import MAX_COUNT, refuse

COUNTS, SHARES = "a column of counts for each outcome", "a column for each part, in which every row's shares sum to 1"
WRITE = "write c(first, second, third) ~ …"
ZEROS = (
    "a share of 0 has no density; counts may be 0 in family 'dirichlet_multinomial', rare parts can be put together, and zeros "
    "that come of rounding can be drawn in by (y * (n - 1) + 1 / k) / n, n the number of rows and k that of parts (Smithson & "
    "Verkuilen 2006)"
)
TOLERANCE = 1e-6
"""How far the sum of shares may be from 1: numbers in single precision are as near."""


def counts_by_level(response: Response, family: str) -> Response:
    """Return counts ``(obs, level)`` of int64, with their sums as trials."""
    value = _table(response, family, COUNTS)
    whole = np.isfinite(value) & (value >= 0) & (value == np.floor(value)) & (value <= MAX_COUNT)
    shares = "; shares that sum to 1 are family 'dirichlet'" if (value >= 0).all() and _sum_to(value, 1.0).all() else ""
    _refuse_cells(response, value, ~whole, family, "counts 0, 1, 2, …", shares)
    value = value.astype(np.int64)
    levels = response.levels or tuple(range(value.shape[1]))
    return response.with_(value=value, trials=value.sum(axis=1), levels=levels)


def shares_by_part(response: Response, family: str) -> Response:
    """Return shares ``(obs, part)`` of float64, each above 0, whose sums are 1."""
    value = _table(response, family, SHARES).astype(np.float64)
    _refuse_cells(response, value, ~np.isfinite(value) | (value < 0), family, "shares above 0")
    apart = ~_sum_to(value, 1.0)
    if apart.any():
        row = int(np.argmax(apart))
        total = f"row {row + 1} sums to {value[row].sum():.9g}"
        if (value == np.floor(value)).all():
            refuse(response, family, SHARES, f"{total}; counts are family 'multinomial' or 'dirichlet_multinomial'")
        if _sum_to(value / 100.0, 1.0).all():
            refuse(response, family, SHARES, f"{total}; divide percentages by 100")
        refuse(response, family, SHARES, f"{total}; divide each part by its row's sum, if the parts are the whole")
    _refuse_cells(response, value, value == 0, family, "shares above 0", f"; {ZEROS}")
    return response.with_(value=value, levels=response.levels or tuple(range(value.shape[1])))


def _table(response: Response, family: str, needs: str) -> np.ndarray:
    value = np.asarray(response.value)
    if value.ndim != 2 or value.shape[1] < 2:
        refuse(response, family, needs, WRITE)
    return value


def _sum_to(value: np.ndarray, total: float) -> np.ndarray:
    return np.asarray(np.abs(value.sum(axis=1) - total) <= TOLERANCE)


def _refuse_cells(
    response: Response, value: np.ndarray, bad: np.ndarray, family: str, needs: str, advice: str = ""
) -> None:
    """Raise for the first cell marked in ``bad (obs, level)``; do nothing if there is none."""
    if not bad.any():
        return
    row, column = (int(i[0]) for i in np.nonzero(bad))
    name = f" of '{response.levels[column]}'" if response.levels else ""
    refuse(response, family, needs, f"row {row + 1}{name} is {value[row, column]:g}{advice}")


def trials_of(aux: Aux) -> Any:
    """Return the number of trials; of new rows, which may come without counts, everything is said of one."""
    return pt.as_tensor(1 if aux.trials is None else aux.trials)


def equal_odds(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread of contrasts between levels: equal odds, and the logit's spread."""
    del response, link
    return 0.0, 1.0
