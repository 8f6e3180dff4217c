"""Sums over rows that grow: by label, by pair of labels, by pair of groups; the labels may become more as rows come."""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy import sparse

DENSE_PAIRS = 16_000_000
"""Pairs of groups that are counted in a table rather than sorted; the table is made once and added to by every block."""


class Tables:
    """Arrays by key, to which others of the same or larger shape are added."""

    def __init__(self) -> None:
        self._found: dict[Hashable, np.ndarray] = {}

    def add(self, key: Hashable, part: np.ndarray) -> None:
        """Add ``part``; labels that are new are behind the ones known so far on every axis."""
        total = self._found.get(key)
        if total is None:
            self._found[key] = part.astype(np.float64)
        elif total.shape == part.shape:
            total += part
        else:
            self._found[key] = _padded(total, part.shape)
            self._found[key] += part

    def get(self, key: Hashable, shape: tuple[int, ...] | None) -> np.ndarray:
        """Return a sum with all labels known by now; with those it has where ``shape`` is None."""
        total = self._found.get(key)
        if shape is None:
            assert total is not None, key
            return total
        return np.zeros(shape) if total is None else _padded(total, shape)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._found


class PairTables:
    """Sums by pair of groups, by key: a table while there are few pairs, and a sparse matrix of what comes later."""

    def __init__(self, dense_pairs: int = DENSE_PAIRS) -> None:
        self._dense_pairs = dense_pairs
        self._tables = Tables()
        self._sparse: dict[Hashable, sparse.csr_array] = {}

    def add(
        self,
        keys: Sequence[Hashable],
        codes: tuple[np.ndarray, np.ndarray],
        sizes: tuple[int, int],
        weights: Sequence[np.ndarray | None],
    ) -> None:
        """Add sums of ``weights``, one a key, each ``(obs,)``, by the pair of ``codes``; new groups are behind old ones."""
        pair = codes[0].astype(np.int64, copy=False) * sizes[1] + codes[1]
        if sizes[0] * sizes[1] <= self._dense_pairs:
            for key, weight in zip(keys, weights, strict=True):
                self._tables.add(key, np.bincount(pair, weight, minlength=sizes[0] * sizes[1]).reshape(sizes))
            return
        import pandas as pd

        inverse, there = pd.factorize(pair, sort=True)
        i, j = np.divmod(there, sizes[1])
        for key, weight in zip(keys, weights, strict=True):
            values = np.bincount(inverse, weight, minlength=len(there)).astype(np.float64)
            part = sparse.csr_array((values, (i, j)), shape=sizes)
            total = self._sparse.get(key)
            if total is not None:
                total.resize(sizes)
            self._sparse[key] = part if total is None else total + part

    def get(self, key: Hashable, sizes: tuple[int, int]) -> sparse.csr_array:
        """Return a sum with all groups known by now."""
        found = sparse.csr_array(sizes)
        if key in self._tables:
            table = sparse.csr_array(self._tables.get(key, None))
            table.resize(sizes)
            found = found + table
        total = self._sparse.get(key)
        if total is not None:
            total.resize(sizes)
            found = found + total
        return sparse.csr_array(found)


def _padded(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape == shape:
        return array
    wider = np.zeros(shape)
    wider[tuple(slice(0, n) for n in array.shape)] = array
    return wider


def times(*factors: np.ndarray | None) -> np.ndarray | None:
    """Return the product of the columns ``(obs,)``; None stands for a column of ones."""
    there = [f for f in factors if f is not None]
    product = there[0] if there else None
    for other in there[1:]:
        assert product is not None
        product = product * other
    return product


def sums_by(codes: Sequence[np.ndarray | None], sizes: Sequence[int], weights: np.ndarray | None, rows: int) -> np.ndarray:
    """Return sums of ``weights (obs,)`` by the combination of several codes, in the shape ``sizes``.

    A code of None is that of a single label; weights of None are ones.
    """
    place: np.ndarray | None = None
    for code, size in zip(codes, sizes, strict=True):
        if code is not None:
            place = code if place is None else place * size + code
        else:
            assert size == 1
    if place is None:
        total = float(rows) if weights is None else float(weights.sum())
        return np.full(tuple(sizes), total)
    return np.bincount(place, weights, minlength=int(np.prod(sizes))).reshape(tuple(sizes))
