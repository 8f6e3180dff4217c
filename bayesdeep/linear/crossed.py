r"""The marginal likelihood of a system with large crossed factors, one value of the hyperparameters at a time.

The largest factor is eliminated group by group; what it takes off the rest, :math:`\sum_j C_j^\top E_j C_j` with
:math:`E_j = T (I + T^\top A_j T)^{-1} T^\top` and sparse :math:`C_j`, is linear in the entries of the small matrices
:math:`E_j`, and where its entries lie does not depend on the hyperparameters. So the products of every :math:`C_j` are
multiplied out once, into one sparse matrix, and each evaluation is a sparse matrix times a vector and one dense Cholesky
factorisation of the rest by LAPACK.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dtrtrs

from bayesdeep.core.linear import SECONDS_A_CUBE, LinearSystem
from bayesdeep.numerics.cholesky import factorise
from bayesdeep.numerics.cores import machine_cores

from .block_layout import between
from .elimination import LOG_2PI
from .hyperparameters import Scales, support
from .profiled import NOTHING, Parts, joined, nothing, parts_of

LARGEST_REST = 12_000
"""Columns of the rest beyond which its dense factorisation is out of proportion: 1.2 GB and some 10 s each."""


@dataclass(frozen=True)
class Crossed:
    """A linear system laid out for eliminating one factor and factorising the rest densely.

    Attributes
    ----------
    first
        The factor that is eliminated.
    own, kinds, counts
        Its products with itself, which levels may share: ``(kind, width, width)``, the kind of each ``(level,)`` and how many
        levels each kind has.
    response
        Its products with the response ``(level, width)``.
    coupling
        Its products with the rest's columns, sparse ``(level * width, rest)``.
    products
        Sparse ``(spot, kind * width * width)``: what each entry of the ``E_j`` adds to the spots of the rest.
    spots
        Where these lie in the rest's lower triangle, as positions of it ravelled ``(spot,)``.
    at_spots
        The rest there ``(spot,)``.
    rest, right
        Products among the rest's columns ``(rest, rest)``, and with the response ``(rest,)``.
    inner
        Factors of the rest, and where their columns begin.
    """

    system: LinearSystem
    first: int
    own: np.ndarray
    kinds: np.ndarray
    counts: np.ndarray
    response: np.ndarray
    coupling: sparse.csr_array
    products: sparse.csr_array
    spots: np.ndarray
    at_spots: np.ndarray
    rest: np.ndarray
    right: np.ndarray
    inner: tuple[tuple[int, int], ...]

    @property
    def seconds(self) -> float:
        """Return about how long an evaluation takes on one core; from sizes, since a clock would make draws irreproducible."""
        return 3e-3 + SECONDS_A_CUBE * float(len(self.rest)) ** 3

    @property
    def step(self) -> int:
        """Return how many values are worked on at once: one."""
        return 1

    def log_likelihood(self, scales: Scales) -> np.ndarray:
        """Return the log marginal density of the response ``(batch,)``."""
        values, cores = np.empty(scales.batch), machine_cores()

        def work(first: int) -> None:
            room = np.empty_like(self.rest)
            for i in range(first, scales.batch, cores):
                values[i] = self.factor(scales.take(slice(i, i + 1)), room).value

        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(work, range(cores)))
        return values

    def parts(self, scales: Scales) -> Parts:
        """Return what the log marginal density is made of; see :class:`bayesdeep.linear.profiled.Parts`."""
        found, cores, p = [NOTHING] * scales.batch, machine_cores(), self.system.columns

        def work(first: int) -> None:
            room = np.empty_like(self.rest)
            for i in range(first, scales.batch, cores):
                factored = self.factor(scales.take(slice(i, i + 1)), room)
                if len(factored.upper):
                    found[i] = parts_of(np.array([factored.value]), np.array([factored.left]), factored.upper.T[None], p)
                else:
                    found[i] = nothing(p)

        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(work, range(cores)))
        return joined(found)

    def draw(self, scales: Scales, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return the coefficients given hyperparameters: ``(batch, column)``, then ``(batch, level, width)`` each.

        Equal values that follow each other share one factorisation.
        """
        system = self.system
        out = [np.empty((scales.batch, system.columns))]
        out += [np.empty((scales.batch, f.levels, f.width)) for f in system.factors]
        for start, stop in _runs(scales):
            self.fill(self.factor(scales.take(slice(start, start + 1))), stop - start, rng, [o[start:stop] for o in out])
        return tuple(out)

    def factor(self, scales: Scales, room: np.ndarray | None = None) -> "_Factored":
        """Return the log marginal density at one value, with what drawing the coefficients needs.

        The rest's factor is written into ``room`` ``(rest, rest)``, where one is given.
        """
        system, p = self.system, self.system.columns
        inverse = float(1.0 / scales.sigma[0] ** 2)
        roots = [_dense(root) for root in scales.roots]
        for number, own in scales.dense.items():
            roots[number] = own.roots[0]
        root = roots[self.first]
        inner = np.eye(len(root)) + root.T @ (self.own * inverse) @ root
        try:
            lower = np.linalg.cholesky(inner)
        except np.linalg.LinAlgError:
            return _FAILED
        half = _solved(lower, np.broadcast_to(root.T, lower.shape))
        # E_j / sigma^2, and C' E y.
        explained = half.transpose(0, 2, 1) @ half * inverse
        reach = np.einsum("jkm,jm->jk", explained[self.kinds], self.response)
        turn = _Turn(self, roots, inverse)
        packed = np.empty_like(self.rest) if room is None else room
        packed[...] = self.rest
        packed.ravel()[self.spots] = self.at_spots - self.products @ explained.ravel()
        packed = turn.both(packed)
        right = turn.one((self.right - self.coupling.T @ reach.ravel()) * inverse)
        packed[:p, :p] += system.precision
        packed.ravel()[p * (len(packed) + 1) :: len(packed) + 1] += 1.0
        if not factorise(packed):
            return _FAILED
        factor = packed.T
        seen, _ = dtrtrs(factor, right, lower=0, trans=1)
        left = system.moments.gram[-1, -1] - np.einsum("jk,jk->", self.response, reach)
        unexplained = max(float(left * inverse - seen @ seen), 0.0)
        diagonal = factor.ravel(order="K")[:: len(packed) + 1]
        value = (
            system.moments.constant
            + system.prior_constant
            + 0.5 * p * LOG_2PI
            - system.moments.rows * float(np.log(scales.sigma[0]))
            - float(self.counts @ np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1))
            - float(np.log(diagonal).sum())
            - 0.5 * unexplained
        )
        return _Factored(value if np.isfinite(value) else -np.inf, unexplained, factor, seen, lower, roots, inverse)

    def fill(self, factored: "_Factored", count: int, rng: np.random.Generator, out: list[np.ndarray]) -> None:
        """Fill ``out`` with ``count`` draws of the coefficients: columns first, then each factor's."""
        system, p = self.system, self.system.columns
        noise = factored.seen[:, None] + rng.standard_normal((len(factored.seen), count))
        x = dtrsm(1.0, factored.upper, np.asfortranarray(noise), lower=0, overwrite_b=1)
        out[0][...] = x[:p].T
        effects = np.empty_like(x)
        effects[:p] = x[:p]
        for number, start in self.inner:
            factor = system.factors[number]
            stop = start + factor.levels * factor.width
            u = factored.roots[number] @ x[start:stop].reshape(factor.levels, factor.width, count)
            out[1 + number][...] = u.transpose(2, 0, 1)
            effects[start:stop] = u.reshape(stop - start, count)
        root = factored.roots[self.first]
        levels, width = self.response.shape
        unexplained = self.response[..., None] - (self.coupling @ effects).reshape(levels, width, count)
        lower = factored.lower[self.kinds]
        seen = _solved(lower, root.T @ unexplained * factored.inverse)
        seen += rng.standard_normal(seen.shape)
        b = _solved(lower.transpose(0, 2, 1), seen)
        out[1 + self.first][...] = (root @ b).transpose(2, 0, 1)


@dataclass(frozen=True)
class _Factored:
    value: float
    left: float
    upper: np.ndarray
    seen: np.ndarray
    lower: np.ndarray
    roots: list[np.ndarray]
    inverse: float


_NOTHING = np.zeros(0)
_FAILED = _Factored(-np.inf, np.inf, _NOTHING, _NOTHING, _NOTHING, [], 0.0)


def _solved(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``matrices⁻¹ right`` for many small matrices; LAPACK would take a microsecond for each number."""
    return right / matrices if matrices.shape[-1] == 1 else np.linalg.solve(matrices, right)


def _dense(entries: list) -> np.ndarray:
    found = np.zeros((len(entries), len(entries)))
    for k, row in enumerate(entries):
        for m in support(row):
            found[k, m] = row[m][0]
    return found


class _Turn:
    """The rest's columns from effects to standardised ones, ``M``: one number a factor, or blocks; and a factor for all of it."""

    def __init__(self, crossed: Crossed, roots: list[np.ndarray], by: float) -> None:
        self._by = by
        self._pieces, self._blocks = [(0, crossed.system.columns, 1.0)], []
        for number, start in crossed.inner:
            levels, root = crossed.system.factors[number].levels, roots[number]
            if len(root) == 1:
                self._pieces.append((start, start + levels, float(root[0, 0])))
            else:
                self._blocks.append((start, levels, root))

    def one(self, vector: np.ndarray) -> np.ndarray:
        """Return ``M' v``, in place."""
        for start, stop, scale in self._pieces:
            vector[start:stop] *= scale
        for start, levels, root in self._blocks:
            stop = start + levels * len(root)
            vector[start:stop] = (vector[start:stop].reshape(levels, len(root)) @ root).ravel()
        return vector

    def both(self, matrix: np.ndarray) -> np.ndarray:
        """Return the lower triangle of ``M' A M`` times the factor, in place; of ``A`` the lower triangle is read."""
        if not self._blocks:
            for start, stop, scale in self._pieces:
                for begin, end, other in self._pieces:
                    if begin <= start:
                        matrix[start:stop, begin:end] *= scale * other * self._by
            return matrix
        # Blocks need both triangles.
        matrix[...] = np.tril(matrix) + np.tril(matrix, -1).T
        matrix *= self._by
        for start, stop, scale in self._pieces:
            matrix[start:stop] *= scale
            matrix[:, start:stop] *= scale
        for start, levels, root in self._blocks:
            width = len(root)
            stop = start + levels * width
            columns = matrix[:, start:stop].reshape(len(matrix), levels, width) @ root
            matrix[:, start:stop] = columns.reshape(len(matrix), -1)
            rows = root.T @ matrix[start:stop].reshape(levels, width, len(matrix))
            matrix[start:stop] = rows.reshape(stop - start, len(matrix))
        return matrix


def _runs(scales: Scales) -> list[tuple[int, int]]:
    """Return where runs of equal values begin and end."""
    entries = (row[m] for root in scales.roots for row in root for m in support(row))
    dense = (value for own in scales.dense.values() for value in own.values)
    values = np.stack([scales.sigma, *(entry for entry in entries if entry is not None), *dense])
    change = np.flatnonzero((values[:, 1:] != values[:, :-1]).any(axis=0)) + 1
    edges = [0, *change.tolist(), scales.batch]
    return list(pairwise(edges))


def lay_out_crossed(system: LinearSystem, first: int) -> Crossed:
    """Return the system laid out for eliminating the factor ``first``."""
    moments, p = system.moments, system.columns
    inner, at = [], p
    for number, factor in enumerate(system.factors):
        if number != first:
            inner.append((number, at))
            at += factor.levels * factor.width
    rest, right = np.zeros((at, at)), np.zeros(at)
    rest[:p, :p], right[:p] = moments.gram[:-1, :-1], moments.gram[:-1, -1]
    for number, start in inner:
        factor = system.factors[number]
        stop = start + factor.levels * factor.width
        with_columns = moments.with_columns[number].reshape(stop - start, -1)
        rest[start:stop, :p], right[start:stop] = with_columns[:, :-1], with_columns[:, -1]
        blocks = rest[start:stop, start:stop].reshape(factor.levels, factor.width, factor.levels, factor.width)
        each = np.arange(factor.levels)
        blocks[each, :, each, :] = moments.own[number]
        for other, begin in inner:
            if other < number:
                table = between(system, number, other)
                rest[start:stop, begin : begin + table.shape[1]] = table.toarray()
    levels, width = system.factors[first].levels, system.factors[first].width
    columns = sparse.csr_array(moments.with_columns[first][:, :, :-1].reshape(levels * width, p))
    coupling = sparse.hstack([columns, *(between(system, first, n) for n, _ in inner)], format="csr")
    own, kinds, counts = _kinds(moments.own[first])
    products, spots = _multiplied_out(coupling, levels, width, kinds)
    return Crossed(
        system=system,
        first=first,
        own=own,
        kinds=kinds,
        counts=counts,
        response=np.ascontiguousarray(moments.with_columns[first][:, :, -1]),
        coupling=coupling,
        products=products,
        spots=spots,
        at_spots=rest.ravel()[spots],
        rest=rest,
        right=right,
        inner=tuple(inner),
    )


def _kinds(own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the products ``(kind, width, width)`` that differ, the kind of each level and the number of levels of each."""
    found, kinds, counts = np.unique(own.reshape(len(own), -1), axis=0, return_inverse=True, return_counts=True)
    return found.reshape(-1, *own.shape[1:]), kinds.ravel(), counts.astype(np.float64)


def _multiplied_out(
    coupling: sparse.csr_array, levels: int, width: int, kinds: np.ndarray
) -> tuple[sparse.csr_array, np.ndarray]:
    """Return products of all pairs of a group's entries, summed by kind ``(spot, kind * width * width)``, and the spots."""
    size = coupling.shape[1]
    coupling = coupling.tocsr()
    coupling.sort_indices()
    spots, places, values = [], [], []
    for k in range(width):
        for m in range(width):
            rows = np.arange(levels)
            left, right = coupling[rows * width + k], coupling[rows * width + m]
            i, j = _pairs(left, right)
            row, column = left.indices[i], right.indices[j]
            keep = row >= column
            spots.append(row[keep].astype(np.int64) * size + column[keep])
            level = np.repeat(rows, np.diff(left.indptr))[i[keep]]
            places.append((kinds[level] * width + k) * width + m)
            values.append(left.data[i[keep]] * right.data[j[keep]])
    there, inverse = np.unique(np.concatenate(spots), return_inverse=True)
    table = sparse.coo_array(
        (np.concatenate(values), (inverse, np.concatenate(places))), shape=(len(there), len(np.unique(kinds)) * width * width)
    )
    return table.tocsr(), there


def _pairs(left: sparse.csr_array, right: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of all pairs of entries that lie in the same row."""
    sizes_left, sizes_right = np.diff(left.indptr), np.diff(right.indptr)
    each = np.repeat(sizes_right, sizes_left)
    i = np.repeat(np.arange(left.nnz), each)
    begin = np.repeat(right.indptr[:-1], sizes_left)
    offset = np.arange(len(i)) - np.repeat(np.cumsum(each) - each, each)
    return i, np.repeat(begin, each) + offset
