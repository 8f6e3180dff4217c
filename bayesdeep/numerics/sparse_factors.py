r"""Sparse symmetric systems that share one pattern, for many lanes at once: :math:`L D L^\top` by loops in C.

The pattern is worked out once; the loops then run over its entries, with the lanes innermost, so that sparse arithmetic is done
by vector instructions. Where there is no compiler there are no such loops (:func:`available`).
"""

import ctypes
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .lane_loops import addresses, lane_loops

WORK, TOGETHER = 24, 4
"""Numbers of scratch memory a coefficient; columns that are taken off another at once where they are alike."""
LN2 = float(np.log(2.0))


class _Pattern(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_int64), ("entries", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("starts", "rows", "row_starts", "positions", "column", "alike")),
        *((name, ctypes.c_void_p) for name in ("sums", "prior", "own_sums", "own_prior")),
    ]  # fmt: skip


def available() -> bool:
    """Return whether the loops can be had."""
    return lane_loops() is not None


@dataclass(frozen=True)
class Pattern:
    """Where the entries of a system and of its factor are.

    Attributes
    ----------
    starts, rows
        Of ``L`` below its diagonal, by columns ``(size + 1,)`` and ``(entry,)``.
    sums, prior
        Each entry of the system is the sum of two numbers that are looked up in arrays ``(number, lane)``: where, by entry of
        ``L``; -1 for nothing.
    own_sums, own_prior
        The same of the diagonal ``(size,)``.
    """

    starts: np.ndarray
    rows: np.ndarray
    sums: np.ndarray
    prior: np.ndarray
    own_sums: np.ndarray
    own_prior: np.ndarray

    @property
    def size(self) -> int:
        """Return the number of coefficients."""
        return len(self.own_sums)

    @property
    def products(self) -> int:
        """Return the number of products that a factorisation takes."""
        counts = np.diff(self.starts).astype(np.int64)
        return int((counts * (counts + 3) // 2).sum())

    @cached_property
    def _by_rows(self) -> tuple[np.ndarray, ...]:
        column = np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.starts))
        positions = np.argsort(self.rows, kind="stable").astype(np.int32)
        row_starts = np.zeros(self.size + 1, dtype=np.int32)
        np.cumsum(np.bincount(self.rows, minlength=self.size), out=row_starts[1:])
        return row_starts, positions, column, self._alike(row_starts, positions, column)

    def _alike(self, row_starts: np.ndarray, positions: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Return by row where an entry and the next, :data:`TOGETHER` in all, have the same rows below ``(entry,)``."""
        # Of a row's entries only those of one number of rows below can be alike; whether these are the same rows, sums of random
        # numbers tell, one for each row: two sets of 64 bits are mistaken for each other once in 10^19.
        marks = np.random.default_rng(0).integers(0, 2**64, self.size, dtype=np.uint64)
        up_to = np.cumsum(marks[self.rows], dtype=np.uint64)
        ends = self.starts[1:][column] - 1
        below = (up_to[ends] - up_to)[positions]
        after = (ends - np.arange(len(ends)))[positions]
        found = np.zeros(len(positions), dtype=np.int32)
        count = len(positions) - TOGETHER + 1
        if count > 0:
            row = np.repeat(np.arange(self.size), np.diff(row_starts))
            same = np.ones(count, dtype=bool)
            for k in range(1, TOGETHER):
                same &= (row[:count] == row[k : count + k]) & (after[:count] == after[k : count + k])
                same &= below[:count] == below[k : count + k]
            found[:count] = same
        return found

    @cached_property
    def native(self) -> Any:
        """Return the pattern as C has it; it refers to this record's arrays."""
        own = (self.starts, self.rows, *self._by_rows, self.sums, self.prior, self.own_sums, self.own_prior)
        return ctypes.pointer(_Pattern(self.size, len(self.rows), *(a.ctypes.data for a in own)))


@dataclass(frozen=True)
class Factors:
    """The factors of a batch of systems.

    Attributes
    ----------
    lower
        Entries of ``L`` in the order of the loops.
    spread, ahead
        ``D^-1/2`` and ``D^-1 L^-1 right``, ``(size, lane)``.
    log_det
        ``log |D|`` ``(lane,)``; not a number where a system is not positive definite.
    """

    lower: np.ndarray
    spread: np.ndarray
    ahead: np.ndarray
    log_det: np.ndarray


def pattern_of(
    size: int, entries: tuple[np.ndarray, ...], prior: tuple[np.ndarray, ...], own: np.ndarray, own_prior: np.ndarray
) -> Pattern:
    """Return the pattern of a factor from that of the systems.

    Parameters
    ----------
    size
        Number of coefficients.
    entries, prior
        Row, column (below the diagonal) and place of the numbers that are looked up; of both summands.
    own, own_prior
        Places of the diagonal's ``(size,)``.
    """
    wanted: list[set[int]] = [set() for _ in range(size)]
    for rows, columns, _ in (entries, prior):
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            wanted[j].add(i)
    for j in range(size):
        # A column's entries below its first are also those of the column that this first one is the row of.
        if wanted[j]:
            parent = min(wanted[j])
            wanted[parent] |= wanted[j]
            wanted[parent].discard(parent)
    counts = [len(rows) for rows in wanted]
    starts = np.zeros(size + 1, dtype=np.int32)
    np.cumsum(counts, out=starts[1:])
    rows = np.fromiter((i for found in wanted for i in sorted(found)), dtype=np.int32, count=int(starts[-1]))
    keys = np.repeat(np.arange(size, dtype=np.int64), counts) * size + rows

    def places(given: tuple[np.ndarray, ...]) -> np.ndarray:
        found = np.full(len(keys), -1, dtype=np.int32)
        found[np.searchsorted(keys, given[1].astype(np.int64) * size + given[0])] = given[2]
        return found

    return Pattern(starts, rows, places(entries), places(prior), own.astype(np.int32), own_prior.astype(np.int32))


def place_of(matrix: Any) -> np.ndarray:
    """Return in which place to eliminate each row of a positive definite sparse matrix, so that its factor has few entries.

    Minimum degree (Liu 1985, doi:10.1145/214392.214398), as SuperLU has it.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    options = {"SymmetricMode": True}
    return np.asarray(splu(sparse.csc_array(matrix), permc_spec="MMD_AT_PLUS_A", options=options).perm_c, dtype=np.int64)


def factorise(pattern: Pattern, sums: np.ndarray, prior: np.ndarray, right: np.ndarray) -> Factors:
    """Return the factors of the systems whose entries are in ``sums`` and ``prior`` ``(number, lane)``.

    ``right`` ``(size, lane)`` is what they are solved for.
    """
    size, lanes = right.shape
    sums, prior, right = (np.ascontiguousarray(a) for a in (sums, prior, right))
    spread, ahead = np.empty((2, size, lanes))
    lower, work = np.empty(len(pattern.rows) * lanes), np.empty(size * WORK)
    mantissa, exponent = np.empty((2, lanes))
    _library().bayesdeep_factor(
        pattern.native, lanes, *addresses(sums, prior, right, lower, spread, ahead, mantissa, exponent, work)
    )
    with np.errstate(invalid="ignore"):
        return Factors(lower, spread, ahead, np.log(mantissa) + LN2 * exponent)


def solved(pattern: Pattern, factors: Factors, z: np.ndarray | None = None, stretch: np.ndarray | None = None) -> np.ndarray:
    """Return the solution, and with ``z`` ``(size, lane)`` plus ``L'^-1 D^-1/2 (stretch z)``: ``(size, lane)``.

    ``stretch`` is ``(size,)``; None for 1.
    """
    size, lanes = factors.ahead.shape
    found, work = np.empty((size, lanes)), np.empty(size * WORK)
    z = None if z is None else np.ascontiguousarray(z)
    _library().bayesdeep_back(
        pattern.native, lanes, *addresses(factors.lower, factors.spread, factors.ahead, z, stretch, found, work)
    )
    return found


def noise_of(pattern: Pattern, factors: Factors, found: np.ndarray, stretch: np.ndarray | None = None) -> np.ndarray:
    """Return the ``z`` ``(size, lane)`` for which :func:`solved` returns ``found``."""
    z = np.empty_like(factors.ahead)
    _library().bayesdeep_noise(
        pattern.native, z.shape[1],
        *addresses(factors.lower, factors.spread, factors.ahead, stretch, np.ascontiguousarray(found), z),
    )  # fmt: skip
    return z


def whiten(pattern: Pattern, factors: Factors, gradient: np.ndarray, stretch: np.ndarray | None = None) -> np.ndarray:
    """Turn gradients ``(size, lane)`` by the solution into those by its ``z``, in place, and return them."""
    size, lanes = gradient.shape
    assert gradient.flags.c_contiguous
    work = np.empty(size * WORK)
    _library().bayesdeep_whiten(
        pattern.native, lanes, *addresses(factors.lower, factors.spread, stretch, gradient, work)
    )
    return gradient


def take_normal(
    levels: int, width: int, precision: np.ndarray, u: np.ndarray, gradient: np.ndarray, squares: np.ndarray
) -> None:
    """Take ``P u`` off ``gradient`` ``(level * width, lane)`` and add ``u'P u`` to ``squares`` ``(lane,)``, both in place.

    ``precision`` ``(pair, lane)`` has the entries of ``P``, row by row of a lower triangle.
    """
    assert u.flags.c_contiguous
    assert gradient.flags.c_contiguous
    _library().bayesdeep_normal(
        levels, width, u.shape[1], *addresses(np.ascontiguousarray(precision), u, gradient, squares)
    )


def _library() -> Any:
    library = lane_loops()
    assert library is not None
    return library
