"""Grouping factors as integer codes: never a matrix of rows by groups."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.labels import match, members, reading_order, value_of
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.formula.nodes import Name, Product, label

from .convert import drop_unused_levels
from .frame import column, complete, single_values


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
    return _coded(factor, frame, where).labels


def learn_shared_levels(factors: Sequence[Product], frame: Frame, where: str) -> tuple[Any, ...]:
    """Return the levels of several grouping factors whose levels are members of one population, each once.

    Labels are matched by what they read. They are in the order the data declare where all columns are categories, else sorted.
    The other parameters are those of :func:`learn_levels`.
    """
    own = [learn_levels(factor, frame, where) for factor in factors]
    merged = list(own[0])
    for factor, labels in zip(factors[1:], own[1:], strict=True):
        places = match(labels, merged, f"data: column '{label(factor)}'")
        merged += [each for each, place in zip(labels, places.tolist(), strict=True) if place < 0]
    if all(labels == own[0] for labels in own):
        return own[0]
    return tuple(sorted(merged, key=_order(factors, frame, merged)))


def _order(factors: Sequence[Product], frame: Frame, merged: Sequence[Any]) -> Callable[[Any], Any]:
    """Return what labels of several columns are sorted by."""
    columns = [frame.columns[factor[0].name] for factor in factors if len(factor) == 1 and isinstance(factor[0], Name)]
    if len(columns) == len(factors) and all(found.kind == "category" for found in columns):
        declared = dict.fromkeys(level for found in columns for level in found.declared or found.levels or ())
        return {level: place for place, level in enumerate(declared)}.__getitem__
    texts = all(isinstance(level, str) for level in merged)
    return str if texts else reading_order


def codes(factor: Product, labels: Sequence[Any], frame: Frame, where: str) -> np.ndarray:
    """Return codes ``(obs,)`` of int64 into ``labels``, by what they read; -1 for levels that are not among them."""
    own = _coded(factor, frame, _blame(where))
    return _matched(own, labels)[own.codes]


def new_levels(factor: Product, labels: Sequence[Any], frame: Frame, where: str) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the levels that are not among ``labels``, and codes ``(obs,)``.

    The codes number them from ``len(labels)`` on, in the order of what they read, so that it does not depend on types; levels
    that are among ``labels`` have their own code.
    """
    own = _coded(factor, frame, _blame(where))
    matched = _matched(own, labels)
    unseen = np.flatnonzero(matched < 0)
    if len(unseen):
        ranks = [_ranks(part)[member[unseen]] for part, member in zip(own.parts, own.members, strict=True)]
        unseen = unseen[np.lexsort(ranks[::-1])]
        matched[unseen] = len(labels) + np.arange(len(unseen))
    return tuple(own.labels[i] for i in unseen), matched[own.codes]


@dataclass(frozen=True)
class _Coded:
    """The levels of some rows.

    Attributes
    ----------
    labels
        What they are called.
    codes
        Each row's level ``(obs,)``.
    names
        Of the columns.
    parts
        The labels of each column.
    members
        By column, each level's label ``(level,)``.
    """

    labels: tuple[Any, ...]
    codes: np.ndarray
    names: tuple[str, ...]
    parts: tuple[tuple[Any, ...], ...]
    members: tuple[np.ndarray, ...]


def _blame(where: str) -> str:
    """Once levels were learned, a column that is not there is the new rows' fault."""
    return where if where.startswith("data") else "data"


def _matched(own: _Coded, labels: Sequence[Any]) -> np.ndarray:
    """Return the place among ``labels`` of each level of some rows ``(level,)``, or -1."""
    if own.labels == tuple(labels):  # the training rows themselves, which may have very many levels
        return np.arange(len(labels))
    if len(own.parts) == 1:
        return match(own.labels, labels, f"data: column '{own.names[0]}'")
    code = {label: i for i, label in enumerate(labels)}
    found = np.array([code.get(label, -1) for label in own.labels], dtype=np.int64)
    typed = any(not isinstance(label, str) for part in own.parts for label in part)
    if not typed and (found >= 0).all():
        return found
    apart = [each for label in labels if (each := members(str(label), len(own.parts))) is not None]
    if len(apart) < len(labels):
        return found
    known = [list(dict.fromkeys(column)) for column in zip(*apart, strict=True)]
    code = {":".join(each): i for i, each in enumerate(apart)}
    read = [_reads(part, texts, f"data: column '{name}'") for part, texts, name in zip(own.parts, known, own.names, strict=True)]
    joined = [":".join(each) for each in _joined(read, own.members)]
    return np.array([code.get(label, -1) for label in joined], dtype=np.int64)


def _reads(part: Sequence[Any], known: Sequence[str], where: str) -> list[str]:
    """Return the text of each label of a column inside the labels of ``a:b``, where it is among ``known``; else its own.

    What is known are texts only; where all are numbers as Python writes them, they may have been numbers.
    """
    places = match(part, known, where)
    values = [value_of(text) for text in known]
    left = np.flatnonzero(places < 0).tolist()
    if len(left) and all(value is not None and str(value) == text for value, text in zip(values, known, strict=True)):
        again = match([part[i] for i in left], values, where)
        places[left] = np.where(np.isin(again, places[places >= 0]), -1, again)
    return [known[place] if place >= 0 else str(label) for place, label in zip(places, part, strict=True)]


def _coded(factor: Product, frame: Frame, where: str) -> _Coded:
    """Return the levels of these rows."""
    columns = [_column(part, frame, where) for part in factor]
    single = [_levels_and_codes(found) for found in columns]
    names, parts = tuple(found.name for found in columns), tuple(levels for levels, _ in single)
    if len(single) == 1:
        return _Coded(*single[0], names, parts, (np.arange(len(parts[0])),))
    combined = single[0][1]
    sizes = [len(levels) for levels, _ in single]
    places = [np.arange(sizes[0])]
    for size, (_, own) in zip(sizes[1:], single[1:], strict=True):
        # Numbered anew after each factor, so that the product of many large factors cannot overflow.
        observed, combined = _distinct(combined * size + own)
        places = [*(part[observed // size] for part in places), observed % size]
    labels = tuple(":".join(each) for each in _joined([[str(level) for level in levels] for levels in parts], places))
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"data: two combinations of {':'.join(names)} read '{twice}'; rename levels that contain ':'")
    return _Coded(labels, combined, names, parts, tuple(places))


def _joined(parts: Sequence[Sequence[str]], members: Sequence[np.ndarray]) -> Iterator[tuple[str, ...]]:
    """Yield the texts of each combination's members."""
    texts = [np.array(part, dtype=object) for part in parts]
    return zip(*(text[member].tolist() for text, member in zip(texts, members, strict=True)), strict=True)


def _column(part: Any, frame: Frame, where: str) -> Column:
    if not isinstance(part, Name):
        raise FormulaError(
            f"{where}: '{part.source}' cannot group rows; name a column, or several joined by ':' or '/'"
        )
    return complete(single_values(column(frame, part.name, where), where))


def _levels_and_codes(found: Column) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the labels that occur and codes ``(obs,)`` into them."""
    if found.levels is not None:
        used = drop_unused_levels(found)
        return used.levels or (), used.values
    values, own = _distinct(found.values)
    as_category = Column(found.name, "bool" if values.dtype == bool else "number", values)
    return tuple(TRANSFORMS["C"].learn(as_category, (), {})["levels"]), own


def _ranks(labels: Sequence[Any]) -> np.ndarray:
    """Return each label's place ``(label,)`` in the order of what they read."""
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[sorted(range(len(labels)), key=lambda i: reading_order(labels[i]))] = np.arange(len(labels))
    return ranks


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted distinct values and codes into them, by hashing: on many rows far faster than sorting."""
    import pandas as pd

    own, found = pd.factorize(values, sort=True)
    return np.asarray(found), np.asarray(own, dtype=np.int64)
