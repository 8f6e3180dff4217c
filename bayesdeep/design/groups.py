"""Grouping factors as integer codes: never a matrix of rows by groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.columns import Column, Frame
from ..core.errors import DataError, FormulaError
from ..core.registry import TRANSFORMS
from ..formula.nodes import Name, Product
from .factors import complete
from .frame import column


def learn_levels(factor: Product, frame: Frame, where: str) -> tuple[Any, ...]:
    """Return the levels of a grouping factor that occur in the training rows.

    Parameters
    ----------
    factor
        Columns: ``(county,)``, or several for ``a:b``.
    frame
        The training rows.
    where
        Begins the error text.

    Returns
    -------
    tuple
        Sorted, or in the order the data declare; the numbers of a single column stay numbers. Of ``a:b`` the
        observed combinations, as ``"A:b"``.
    """
    return _coded(factor, frame, where)[0]


def codes(factor: Product, labels: Sequence[Any], frame: Frame, where: str) -> np.ndarray:
    """Return codes ``(obs,)`` of int64 into ``labels``, -1 for levels that are not among them."""
    found, own = _coded(factor, frame, _blame(where))
    return _matched(found, labels)[own]


def new_levels(factor: Product, labels: Sequence[Any], frame: Frame, where: str) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the levels that are not among ``labels``, and codes ``(obs,)``.

    The codes number them from ``len(labels)`` on; levels that are among ``labels`` have their own code.
    """
    found, own = _coded(factor, frame, _blame(where))
    matched = _matched(found, labels)
    unseen = matched < 0
    matched[unseen] = len(labels) + np.arange(int(np.count_nonzero(unseen)))
    return tuple(found[i] for i in np.flatnonzero(unseen)), matched[own]


def _blame(where: str) -> str:
    """Once levels were learned, a column that is not there is the new rows' fault."""
    return where if where.startswith("data") else "data"


def _matched(found: Sequence[Any], labels: Sequence[Any]) -> np.ndarray:
    if tuple(found) == tuple(labels):  # the training rows themselves, which may have very many levels
        return np.arange(len(labels))
    code = {label: i for i, label in enumerate(labels)}
    return np.array([code.get(label, -1) for label in found], dtype=np.int64)


def _coded(factor: Product, frame: Frame, where: str) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the levels of these rows and codes ``(obs,)`` into them."""
    single = [_levels_and_codes(_column(part, frame, where)) for part in factor]
    if len(single) == 1:
        return single[0]
    combined = single[0][1]
    sizes = [len(levels) for levels, _ in single]
    members = [np.arange(sizes[0])]
    for size, (_, own) in zip(sizes[1:], single[1:], strict=True):
        # Numbered anew after each factor, so that the product of many large factors cannot overflow.
        observed, combined = _distinct(combined * size + own)
        members = [*(part[observed // size] for part in members), observed % size]
    texts = [np.array([str(level) for level in levels], dtype=object) for levels, _ in single]
    parts = [text[member].tolist() for text, member in zip(texts, members, strict=True)]
    labels = tuple(":".join(part) for part in zip(*parts, strict=True))
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        names = ":".join(part.name for part in factor if isinstance(part, Name))
        raise DataError(f"data: two combinations of {names} read '{twice}'; rename levels that contain ':'")
    return labels, combined


def _column(part: Any, frame: Frame, where: str) -> Column:
    if not isinstance(part, Name):
        raise FormulaError(
            f"{where}: '{part.source}' cannot group rows; name a column, or several joined by ':' or '/'"
        )
    return complete(column(frame, part.name, where))


def _levels_and_codes(found: Column) -> tuple[tuple[Any, ...], np.ndarray]:
    if found.levels is not None:
        return found.levels, found.values
    values, own = _distinct(found.values)
    as_category = Column(found.name, "bool" if values.dtype == bool else "number", values)
    return tuple(TRANSFORMS["C"].learn(as_category, (), {})["levels"]), own


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted distinct values and codes into them, by hashing: on many rows far faster than sorting."""
    import pandas as pd

    own, found = pd.factorize(values, sort=True)
    return np.asarray(found), np.asarray(own, dtype=np.int64)
