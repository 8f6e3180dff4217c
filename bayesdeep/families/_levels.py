"""Responses whose values are levels: text, categories, true and false, or whole numbers."""

from functools import reduce
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Response
from bayesdeep.core.response_checks import numbers, one_column, refuse, refuse_rows, show

WRITTEN_OUT = 12
"""Up to this many levels sums over levels are written out."""


def used_levels(response: Response, family: str, needs: str) -> Response:
    """Return the response with codes ``(obs,)`` of int64 into the levels that occur, in their order.

    Whole numbers are levels in increasing order.
    """
    response = all_levels(response, family, needs)
    assert response.levels is not None
    found, codes = np.unique(response.value, return_inverse=True)
    return response.with_(value=codes.astype(np.int64), levels=tuple(response.levels[i] for i in found))


def all_levels(response: Response, family: str, needs: str) -> Response:
    """Return the response with codes ``(obs,)`` of int64 and levels, those that do not occur included."""
    one_column(response, family, needs)
    if response.levels is None:
        return _from_values(response, family, needs)
    value = np.asarray(response.value, dtype=np.int64)
    refuse_rows(response, (value < 0) | (value >= len(response.levels)), family, needs, "which is no level's code")
    return response.with_(value=value)


def _from_values(response: Response, family: str, needs: str) -> Response:
    value = np.asarray(response.value)
    if value.dtype.kind == "b":
        return response.with_(value=value.astype(np.int64), levels=(False, True))
    if value.dtype.kind in "OUST":
        found, codes = np.unique(value.astype(str), return_inverse=True)
        return response.with_(value=codes.astype(np.int64), levels=tuple(str(label) for label in found))
    response = numbers(response, family, needs)
    refuse_rows(response, response.value != np.floor(response.value), family, needs)
    labels, codes = np.unique(response.value, return_inverse=True)
    return response.with_(value=codes.astype(np.int64), levels=tuple(int(label) for label in labels))


def whole_labels(levels: tuple[Any, ...]) -> list[int] | None:
    """Return labels such as ``"1"`` as whole numbers, or None if one is not."""
    try:
        return [int(str(level)) for level in levels]
    except ValueError:
        return None


def refuse_one_level(response: Response, family: str, needs: str) -> Response:
    """Return the response, or raise if it has fewer than two levels."""
    if response.levels is None or len(response.levels) < 2:
        only = "" if not response.levels else f" ({response.levels[0]!r})"
        refuse(response, family, needs, f"it only has one{only}")
    return response


def ordered_levels(response: Response, family: str, needs: str) -> Response:
    """Return the response with codes ``(obs,)`` in the levels' order, which must be declared or that of numbers.

    Declared levels that do not occur are kept: they belong to the scale.
    """
    if response.levels is None:
        response = all_levels(response, family, needs)
    assert response.levels is not None
    if response.ordered or response.levels == (False, True):
        return refuse_one_level(all_levels(response, family, needs), family, needs)
    whole = whole_labels(response.levels)
    if whole is None:
        shown = ", ".join(show(level) for level in response.levels[:4])
        more = ", …" if len(response.levels) > 4 else ""
        advice = (
            f"its levels ({shown}{more}) have no order; declare it, as by pandas.Categorical(y, categories=[…], "
            "ordered=True)"
        )
        refuse(response, family, needs, advice)
    by_size = sorted(range(len(whole)), key=whole.__getitem__)
    rank = np.argsort(by_size)
    checked = all_levels(response, family, needs)
    recoded = checked.with_(
        value=rank[checked.value].astype(np.int64), levels=tuple(response.levels[i] for i in by_size)
    )
    return refuse_one_level(recoded, family, needs)


def against_first(eta: Any) -> Any:
    """Return predictors of all levels, ``(…, level)``, from those of all but the first, whose own is 0."""
    eta = pt.as_tensor(eta)
    return pt.concatenate([pt.zeros_like(eta[..., :1]), eta], axis=-1)


def log_softmax_at(eta: Any, value: Any, levels: int) -> Any:
    """Return ``eta[value] - log sum exp eta`` ``(…,)``; minus infinity for no such level.

    Written out level by level it is one pass over the rows without a reduction or an index, which compiles in a
    fraction of the time.
    """
    columns = [eta[..., k] for k in range(levels)]
    largest = reduce(pt.maximum, columns)
    total = reduce(lambda a, b: a + b, [pt.exp(column - largest) for column in columns])
    found: Any = -np.inf
    for k, column in enumerate(columns):
        found = pt.switch(pt.eq(value, k), column, found)
    return found - largest - pt.log(total)


def pick(table: Any, value: Any) -> Any:
    """Return the entries of ``table (…, level)`` at the levels ``value (…,)``; minus infinity for no such level."""
    value, levels = pt.as_tensor(value), table.shape[-1]
    if value.ndim < table.ndim - 1:
        value = pt.broadcast_to(value, table.shape[:-1])
    elif value.ndim >= table.ndim:
        table = pt.broadcast_to(table, (*value.shape, levels))
    index = pt.clip(value, 0, levels - 1).astype("int64")
    found = pt.take_along_axis(table, index[..., None], axis=-1)[..., 0]
    return pt.switch(pt.and_(pt.ge(value, 0), pt.lt(value, levels)), found, -np.inf)
