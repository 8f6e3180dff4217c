"""Labels as they are met: every distinct value gets the next number, and the order is put right when all are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import DataError

EXACT = 2**53


@dataclass
class Numbered:
    """Distinct values, numbered from 0 in the order in which they were met."""

    index: Any = None

    def __len__(self) -> int:
        return 0 if self.index is None else len(self.index)

    def positions(self, distinct: np.ndarray) -> np.ndarray:
        """Return the number of each of some distinct values; new ones are appended."""
        import pandas as pd

        if self.index is None:
            self.index = pd.Index(distinct, dtype=distinct.dtype)
            return np.arange(len(distinct))
        found = self.index.get_indexer(distinct)
        new = found < 0
        if new.any():
            found[new] = len(self.index) + np.arange(int(np.count_nonzero(new)))
            self.index = self.index.append(pd.Index(distinct[new], dtype=distinct.dtype))
        return found

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Return the number of each value ``(obs,)``."""
        import pandas as pd

        lowest = int(values.min()) if values.dtype.kind == "i" and len(values) else 0
        span = int(values.max()) - lowest + 1 if values.dtype.kind == "i" and len(values) else 0
        if not 0 < span <= max(len(values), 1 << 16):
            own, distinct = pd.factorize(values)
            return self.positions(np.asarray(distinct))[own]
        # Whole numbers close to each other: a table is several times faster than hashing every row.
        near = values - lowest
        there = np.flatnonzero(np.bincount(near, minlength=span))
        table = np.empty(span, dtype=np.int64)
        table[there] = self.positions(there + lowest)
        return table[near]


@dataclass
class Labels:
    """The labels of one column, or of one expression taken as categories."""

    name: str
    kind: str = ""
    ordered: bool = False
    declared: tuple[Any, ...] | None = None
    numbered: Numbered = field(default_factory=Numbered)
    seen: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def codes(self, column: Column, declared: tuple[Any, ...] | None) -> np.ndarray:
        """Return each row's label ``(obs,)`` as a number that it will keep."""
        self._same_kind(column)
        if column.levels is None:
            found = self.numbered.codes(self._whole(column.values))
            self.seen = np.ones(len(self.numbered), dtype=bool)
            return found
        if declared is not None:
            self._declare(declared, column.ordered)
        place = self.numbered.positions(_objects(column.levels))
        there = np.bincount(column.values, minlength=len(place)) > 0
        self._mark(place[there])
        return place[column.values]

    def column(self) -> tuple[Column, np.ndarray]:
        """Return a column of the labels that occurred, each once, and their numbers ``(label,)``."""
        numbers = np.flatnonzero(self.seen)
        if self.kind not in ("text", "category"):
            values = np.asarray(self.numbered.index)[numbers]
            return Column(self.name, self.kind, values.astype(bool) if self.kind == "bool" else values), numbers
        labels = [self.numbered.index[i] for i in numbers]
        order = range(len(labels)) if self.kind == "category" else sorted(range(len(labels)), key=labels.__getitem__)
        rank = np.empty(len(labels), dtype=np.int64)
        rank[list(order)] = np.arange(len(labels))
        return Column(self.name, self.kind, rank, tuple(labels[i] for i in order), self.ordered), numbers

    def _mark(self, places: np.ndarray) -> None:
        if len(self.seen) < len(self.numbered):
            self.seen = np.append(self.seen, np.zeros(len(self.numbered) - len(self.seen), dtype=bool))
        self.seen[places] = True

    def _same_kind(self, column: Column) -> None:
        if self.kind and column.kind != self.kind:
            held = {"number": "numbers", "bool": "true and false", "text": "text", "category": "categories"}
            raise DataError(
                f"data: column '{self.name}' holds {held[self.kind]} in some rows and {held[column.kind]} in others; "
                "give it one type in all files"
            )
        self.kind, self.ordered = column.kind, self.ordered or column.ordered

    def _declare(self, declared: tuple[Any, ...], ordered: bool) -> None:
        before, self.declared = self.declared, declared
        if before == declared:
            return
        if before is not None and ordered and declared[: len(before)] != before[: len(declared)]:
            raise DataError(
                f"data: column '{self.name}' has ordered categories whose order differs between files: {list(before)[:8]} "
                f"and {list(declared)[:8]}; give all files one list of categories"
            )
        self.numbered.positions(_objects(declared))

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """Return whole numbers as int64, whether a block with gaps had them as float64 or not."""
        if values.dtype == bool:
            return values.astype(np.int64)
        index = self.numbered.index
        fractions = index is not None and index.dtype.kind == "f"
        if values.dtype.kind != "f" or fractions:
            if fractions and values.dtype.kind != "f" and np.any(np.abs(values) > EXACT):
                raise self._too_large()
            return values
        if np.all(values == np.floor(values)) and np.all(np.abs(values) <= EXACT):
            return values.astype(np.int64)
        if index is not None and np.any(np.abs(np.asarray(index, dtype=object)) > EXACT):
            raise self._too_large()
        if index is not None:
            self.numbered.index = index.astype(np.float64)
        return values

    def _too_large(self) -> DataError:
        return DataError(
            f"data: column '{self.name}' holds whole numbers above 2^53 and fractions, which cannot be told apart as one "
            "kind of number; make it text"
        )


@dataclass
class Combinations:
    """Combinations of labels of several columns, numbered as they are met.

    Attributes
    ----------
    members
        Numbers of the labels of each combination, ``(combination, column)``.
    """

    parts: int
    levels: list[Numbered] = field(default_factory=list)

    def codes(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return each row's combination ``(obs,)``."""
        if self.parts == 1:
            return parts[0]
        combined = parts[0]
        for depth, own in enumerate(parts[1:]):
            if len(self.levels) <= depth:
                self.levels.append(Numbered())
            combined = self.levels[depth].codes((combined << 32) | own)
        return combined

    def members(self, size: int) -> np.ndarray:
        """Return the numbers of the labels of each combination ``(combination, column)``; ``size`` of a single column."""
        if self.parts == 1:
            return np.arange(size)[:, None]
        keys = np.asarray(self.levels[-1].index, dtype=np.int64)
        found = []
        for depth in range(self.parts - 2, -1, -1):
            found.append(keys & 0xFFFFFFFF)
            left = keys >> 32
            keys = np.asarray(self.levels[depth - 1].index, dtype=np.int64)[left] if depth else left
        return np.stack([keys, *reversed(found)], axis=1)


def _objects(labels: Sequence[Any]) -> np.ndarray:
    found = np.empty(len(labels), dtype=object)
    found[:] = list(labels)
    return found
