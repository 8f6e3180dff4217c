"""Labels of groups and levels, matched by what they read.

Files choose types by themselves: ids that are whole numbers in one are text in the next, where a single one has a letter, and
numbers with a fraction where one is missing; a reader of CSV makes 7 of ``007``. So a label of new rows is one that the model
knows if both read alike, whatever their types are; where it reads like several, nobody can say which one is meant.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from .errors import DataError

NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
WHOLE = re.compile(r"\s*[+-]?\d{1,400}\s*", re.ASCII)
WORDS = {"true": True, "false": False}
DAY = re.compile(r"(?<!\w)(\d{4}-\d{2}-\d{2})[ T]00:00(:00(\.0+)?)?(?!\w)", re.ASCII)
"""A day, as it is written where a day has a time."""
AVERAGE = "(average)"
"""The label of a group that stands for the average of all: its effects are 0, also where no other new ones could be."""
EXACT = 2**53
"""Whole numbers up to here are exact in float64."""


def match(found: Sequence[Any], known: Sequence[Any], where: str) -> np.ndarray:
    """Return the place among ``known`` of each label ``(found,)`` of int64; -1 of those that are not among them.

    Labels of one type are the same if they are equal: numbers by value (true is 1), text letter by letter, but for how it is
    encoded and for a time of midnight after a date. Numbers and text are the same if the text is how some file may write the
    number.

    Parameters
    ----------
    found
        Different labels of new rows: numbers, true and false, text; anything else by its text.
    known
        Different labels that the model was fitted to.
    where
        Begins the error text.

    Raises
    ------
    DataError
        If a label reads like several known ones, or several labels read like one number.
    """
    index, labels = _Known(known), [plain(label) for label in found]
    places = index.certain(labels)
    for i in np.flatnonzero(places < 0).tolist():
        label = labels[i]
        alike = index.alike(label)
        if len(alike) > 1:
            shown = " and ".join(repr(index.labels[k]) for k in alike[:5])
            raise DataError(
                f"{where} has {label!r}, which reads like {shown}, all of which the model was fitted to; give labels "
                "the type they had then"
            )
        if alike:
            places[i] = alike[0]
    _refuse_one_for_several(labels, index.labels, places, where)
    return places


def _refuse_one_for_several(labels: Sequence[Any], known: Sequence[Any], places: np.ndarray, where: str) -> None:
    """Raise where several labels are matched with one number: they may be different ids, of which zeros were lost."""
    there = places[places >= 0]
    if len(np.unique(there)) == len(there):
        return
    values, counts = np.unique(there, return_counts=True)
    for twice in values[counts > 1].tolist():
        if not isinstance(known[twice], str | bool):
            shown = " and ".join(repr(labels[i]) for i in np.flatnonzero(places == twice)[:5])
            raise DataError(
                f"{where} has {shown}, which read alike: as {known[twice]!r}, to which the model was fitted; write each label in "
                "one way"
            )


def plain(label: Any) -> Any:
    """Return a label as one of Python's own numbers, true or false, or text."""
    own = label.item() if isinstance(label, np.generic) else label
    return own if isinstance(own, str | int | float | Real) else str(own)


def members(label: str, parts: int) -> list[str] | None:
    """Return the texts of the labels that ``"a:b"`` joins; None where they cannot be told apart, as levels have colons."""
    found = DAY.sub(r"\1", label).split(":")
    return found if len(found) == parts else None


def value_of(label: Any) -> Any:
    """Return the number that a label is or reads; None if it reads as none."""
    if not isinstance(label, str):
        return label
    if WHOLE.fullmatch(label):
        return int(label)
    if NUMBER.fullmatch(label):
        number = float(label)
        return number if np.isfinite(number) else None
    return WORDS.get(label.strip().lower())


def reading_order(label: Any) -> tuple[int, Any]:
    """Return what labels are sorted by, whatever types they have: numbers and what reads as one by value, then text."""
    value = value_of(label)
    return (1, str(label)) if value is None or value != value else (0, value)


def refuse_rounded(values: np.ndarray, name: str) -> None:
    """Raise where numbers that name levels are so large, and kept as fractions, that different ones have become equal."""
    if values.dtype.kind == "f" and np.any(np.abs(values) > EXACT):
        raise DataError(
            f"data: column '{name}' holds labels above 2^53 as fractional numbers, which cannot be told apart; make them "
            "text, or whole numbers"
        )


class _Known:
    """Known labels by what they read; each index is made when it is first needed."""

    def __init__(self, labels: Sequence[Any]) -> None:
        self.labels = [plain(label) for label in labels]
        self._texts = {label: i for i, label in enumerate(self.labels) if isinstance(label, str)}
        self._numbers = {label: i for i, label in enumerate(self.labels) if not isinstance(label, str)}
        self._by_value: Mapping[Any, list[int]] | None = None
        self._by_letters: Mapping[str, list[int]] | None = None
        self._by_single: Mapping[float, list[int]] | None = None

    def certain(self, labels: Sequence[Any]) -> np.ndarray:
        """Return the places of labels that are equal to a known one, where only one can read like it; else -1."""
        text, number = (self._texts if not self._numbers else {}), (self._numbers if not self._texts else {})
        found = [(text if isinstance(label, str) else number).get(label, -1) for label in labels]
        return np.array(found, dtype=np.int64)

    def alike(self, label: Any) -> list[int]:
        """Return the places of all labels that read like this one."""
        if isinstance(label, str):
            return [*self._same_text(label), *self._number_of_text(label)]
        return [*self._same_number(label), *self._texts_of_number(label)]

    def _same_text(self, label: str) -> list[int]:
        if label in self._texts:
            return [self._texts[label]]
        if self._by_letters is None:
            self._by_letters = _grouped(self._texts, letters)
        return self._by_letters.get(letters(label), [])

    def _number_of_text(self, label: str) -> list[int]:
        value = value_of(label) if self._numbers else None
        return [] if value is None or value not in self._numbers else [self._numbers[value]]

    def _same_number(self, label: Any) -> list[int]:
        if label in self._numbers:
            return [self._numbers[label]]
        if not isinstance(label, float) or not np.isfinite(label) or label == int(label):
            return []
        if self._by_single is None:
            fractions = {k: i for k, i in self._numbers.items() if isinstance(k, float) and np.isfinite(k)}
            self._by_single = _grouped(fractions, single)
        # One of the two was kept in single precision; two numbers in double precision are never rounded.
        found = self._by_single.get(single(label), [])
        return found if label == single(label) else [i for i in found if self.labels[i] == single(self.labels[i])]

    def _texts_of_number(self, label: Any) -> list[int]:
        if self._by_value is None:
            self._by_value = _grouped(self._texts, value_of)
        return self._by_value.get(label, [])


def letters(text: str) -> str:
    """Return text in the one encoding of its letters, a date without the time of midnight."""
    normal = unicodedata.normalize("NFC", text)
    date = DAY.fullmatch(normal)
    return normal if date is None else date.group(1)


def single(value: float) -> float:
    """Return a number as single precision keeps it."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _grouped(places: Mapping[Any, int], key: Callable[[Any], Any]) -> dict[Any, list[int]]:
    """Return places by the key of their labels; labels without one are left out."""
    found: dict[Any, list[int]] = defaultdict(list)
    for label, place in places.items():
        reads = key(label)
        if reads is not None:
            found[reads].append(place)
    return dict(found)
