"""Sums over rows that grow: by label, by pair of labels, by pair of groups; the labels may become more as rows come."""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy import sparse

DENSE_PAIRS = 4_000_000
"""Pairs of levels that are counted in a table rather than sorted."""


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

    def get(self, key: Hashable, shape: tuple[int, ...]) -> np.ndarray:
        """Return a sum with all labels known by now."""
        total = self._found.get(key)
        return np.zeros(shape) if total is None else _padded(total, shape)

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys."""
        return tuple(self._found)


class SparseTables:
    """Sparse matrices by key, to which others of the same or larger shape are added."""

    def __init__(self) -> None:
        self._found: dict[Hashable, sparse.csr_array] = {}

    def add(self, key: Hashable, part: sparse.csr_array) -> None:
        """Add ``part``, whose new rows and columns are behind the ones known so far."""
        total = self._found.get(key)
        if total is not None:
            total.resize(part.shape)
        self._found[key] = part if total is None else total + part

    def get(self, key: Hashable, shape: tuple[int, int]) -> sparse.csr_array:
        """Return a sum with all labels known by now."""
        total = self._found.get(key)
        if total is None:
            return sparse.csr_array(shape)
        total.resize(shape)
        return total


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


def sums_by_pair(
    first: np.ndarray, second: np.ndarray, sizes: tuple[int, int], weights: Sequence[np.ndarray | None]
) -> list[sparse.csr_array]:
    """Return sums of several weights by pair of groups, each ``sizes``."""
    pair = first.astype(np.int64) * sizes[1] + second
    if sizes[0] * sizes[1] <= DENSE_PAIRS:
        there = np.flatnonzero(np.bincount(pair, minlength=sizes[0] * sizes[1]))
        place = np.zeros(sizes[0] * sizes[1], dtype=np.int64)
        place[there] = np.arange(len(there))
        inverse = place[pair]
    else:
        import pandas as pd

        inverse, there = pd.factorize(pair, sort=True)
    i, j = np.divmod(there, sizes[1])
    found = []
    for weight in weights:
        values = np.bincount(inverse, weight, minlength=len(there)).astype(np.float64)
        found.append(sparse.csr_array((values, (i, j)), shape=sizes))
    return found
