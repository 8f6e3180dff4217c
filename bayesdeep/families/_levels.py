"""Responses whose values are levels: text, categories, true and false, or whole numbers."""

from typing import Any

import numpy as np

from bayesdeep.core.records import Response

from ._checks import numbers, one_column, refuse, refuse_rows


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
