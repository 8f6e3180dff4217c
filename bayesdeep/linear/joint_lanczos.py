r"""All coefficients of a linear system drawn at once given its scales, without a factorisation of them.

In standardised coefficients, :math:`u_f = T_f z_f`, the precision is :math:`I + T^\top G T / \sigma^2` with the sparse products
:math:`G`. The factor with the most coefficients is eliminated group by group, as in :mod:`.crossed`; what is left,

.. math:: S = I + T^\top (R / \sigma^2 - C^\top E C) T,

is never written down: products with it are products with the sparse :math:`R` and :math:`C`, and a draw from
:math:`N(S^{-1} r, S^{-1})` is made of those by Lanczos' recursion. Between crossed factors whose groups meet at random its
eigenvalues lie close together, however many groups there are, so that a draw costs some twenty passes over the cells in which
groups meet.

Several chains are worked on side by side, along the last axis: a pass over the sparse matrices serves them all.

References
----------
Papaspiliopoulos, Roberts and Zanella (2020), Scalable inference for crossed random effects models, Biometrika 107, 25-40.
Pandolfi, Papaspiliopoulos and Zanella (2024), Conjugate gradient methods for high-dimensional GLMMs, arXiv:2411.04729.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem
from bayesdeep.numerics.cores import machine_cores
from bayesdeep.numerics.row_blocks import RowBlocks

from .block_layout import between
from .hyperparameters import Scales, support
from .lanczos import powers
from .unexplored import UnexploredError

TOLERANCE = 1e-6
"""Of the recursion, relative: far below what any number of draws could show."""


@dataclass(frozen=True)
class Joint:
    """A linear system laid out for drawing its coefficients.

    Attributes
    ----------
    first
        The factor that is eliminated; None where there is no factor.
    own
        By factor, products of its coefficients with themselves ``(level, width, width)``.
    responses
        Products with the response: of the columns ``(column,)``, then by factor ``(level, width)``.
    rest
        Sparse products among the columns and the other factors' coefficients ``(rest, rest)``.
    coupling, turned
        Sparse products of the first factor's coefficients with the rest's ``(level * width, rest)``, and its transpose.
    inner
        The other factors, and where their coefficients begin in the rest.
    pool
        Does the passes.
    """

    system: LinearSystem
    first: int | None
    own: tuple[np.ndarray, ...]
    responses: tuple[np.ndarray, ...]
    rest: RowBlocks
    coupling: RowBlocks
    turned: RowBlocks
    inner: tuple[tuple[int, int], ...]
    pool: ThreadPoolExecutor

    @property
    def entries(self) -> int:
        """Return how many numbers a pass goes over."""
        return sum(int(block.nnz) for blocks in (self.rest, self.coupling, self.turned) for block in blocks.blocks)

    def split(self, rest: np.ndarray, first: np.ndarray | None) -> list[np.ndarray]:
        """Return coefficients as the columns' ``(column, …)`` and then each factor's ``(level, width, …)``."""
        found: list = [rest[: self.system.columns]] + [None] * len(self.system.factors)
        for number, start in self.inner:
            f = self.system.factors[number]
            stop = start + f.levels * f.width
            found[1 + number] = rest[start:stop].reshape(f.levels, f.width, *rest.shape[1:])
        if self.first is not None:
            found[1 + self.first] = first
        return found

    def products(self, coefficients: list[np.ndarray]) -> list[np.ndarray]:
        """Return ``G c``, arranged as the coefficients ``c`` are."""
        batch = coefficients[0].shape[-1]
        flat = np.concatenate([coefficients[0], *(coefficients[1 + n].reshape(-1, batch) for n, _ in self.inner)])
        found = self.rest.times(flat, self.pool)
        if self.first is None:
            return self.split(found, None)
        u = coefficients[1 + self.first]
        found += self.turned.times(u.reshape(-1, batch), self.pool)
        here = self.coupling.times(flat, self.pool).reshape(u.shape) + by_level(self.own[self.first], u)
        return self.split(found, here)

    def draw(self, scales: "Roots", rng: np.random.Generator) -> tuple[list[np.ndarray], int]:
        """Return a draw of the coefficients of each chain given its scales, and how many passes it took."""
        system, p, batch = self.system, self.system.columns, len(scales.inverse)
        inverse = scales.inverse
        right = np.concatenate([self.responses[0], *(self.responses[1 + n].ravel() for n, _ in self.inner)])[:, None] * inverse
        explained = None
        if self.first is not None:
            root = scales.factors[self.first]
            inner = _inner(self.own[self.first], root, inverse)
            # T (I + T' A T / sigma^2)^-1 T' / sigma^4, level by level.
            explained = _sandwiched(inner, root) * inverse**2
            reach = _by_both(explained, np.repeat(self.responses[1 + self.first][..., None], batch, axis=-1))
            right = right - self.turned.times(reach.reshape(-1, batch), self.pool)
        # Noise and mean of each chain side by side.
        twice = scales.twice()
        by, lower = self._conditioner(scales), np.tile(inverse, 2)
        both = None if explained is None else np.concatenate([explained, explained], axis=-1)

        def product(vectors: np.ndarray) -> np.ndarray:
            standard = by.out(vectors)
            effects = self._turn(standard, twice)
            found = self.rest.times(effects, self.pool) * lower
            if both is not None:
                seen = self.coupling.times(effects, self.pool).reshape(*both.shape[:2], -1)
                found -= self.turned.times(_by_both(both, seen).reshape(-1, effects.shape[1]), self.pool)
            found = self._turn(found, twice, back=True)
            found[:p] += system.precision @ standard[:p]
            found[p:] += standard[p:]
            return by.into(found)

        noise, mean = rng.standard_normal(right.shape), by.into(self._turn(right, scales, back=True), half=True)
        start = np.concatenate([noise, mean], axis=1)
        exponents = np.repeat([-0.5, -1.0], batch)
        found, passes = powers(product, start, exponents, TOLERANCE)
        rest = self._turn(by.out(found[:, :batch] + found[:, batch:], half=True), scales)
        if self.first is None:
            return self.split(rest, None), passes
        response = self.responses[1 + self.first][..., None]
        left = response - self.coupling.times(rest, self.pool).reshape(*response.shape[:2], batch)
        return self.split(rest, _drawn(inner, root, left * inverse, rng)), passes

    def _turn(self, rest: np.ndarray, scales: "Roots", *, back: bool = False) -> np.ndarray:
        """Return effects from standardised coefficients, or with ``back`` products with the transpose."""
        out = rest.copy()
        for number, start in self.inner:
            f, root = self.system.factors[number], scales.factors[number]
            stop = start + f.levels * f.width
            own = rest[start:stop].reshape(f.levels, f.width, -1)
            out[start:stop] = by_chain(root.transpose(1, 0, 2) if back else root, own).reshape(stop - start, -1)
        return out

    def _conditioner(self, scales: "Roots") -> "_Conditioner":
        system, p, inverse = self.system, self.system.columns, scales.inverse
        matrices = system.moments.gram[:p, :p] * inverse[:, None, None] + system.precision
        try:
            lower = np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError:
            raise UnexploredError(
                "columns are combinations of each other and have flat priors; leave one out or give them proper priors"
            ) from None
        diagonal = [np.zeros((0, len(inverse)))]
        for number, _ in self.inner:
            inner = _inner(self.own[number], scales.factors[number], inverse)
            diagonal.append(np.einsum("lkkb->lkb", inner).reshape(-1, len(inverse)))
        return _Conditioner(np.linalg.inv(lower), 1.0 / np.sqrt(np.concatenate(diagonal)))


@dataclass(frozen=True)
class Roots:
    """The scales of several chains: ``1 / sigma**2`` ``(chain,)`` and by factor ``T`` ``(width, width, chain)``."""

    inverse: np.ndarray
    factors: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, scales: Scales) -> "Roots":
        """Return those of scales, written out."""
        factors = tuple(written_out(entries, scales.batch) for entries in scales.roots)
        return cls(1.0 / scales.sigma**2, factors)

    def twice(self) -> "Roots":
        """Return them for two vectors a chain."""
        return Roots(np.tile(self.inverse, 2), tuple(np.concatenate([f, f], axis=2) for f in self.factors))


def written_out(entries: list, batch: int) -> np.ndarray:
    """Return a lower-triangular matrix a chain ``(width, width, chain)``."""
    found = np.zeros((len(entries), len(entries), batch))
    for k, row in enumerate(entries):
        for m in support(row):
            found[k, m] = row[m]
    return found


@dataclass(frozen=True)
class _Conditioner:
    """About ``S^(-1/2)``: triangular for the columns ``(chain, column, column)``, a number for every other coefficient."""

    columns: np.ndarray
    others: np.ndarray

    def into(self, rest: np.ndarray, *, half: bool = False) -> np.ndarray:
        """Return ``L^-1 x``; of one vector a chain if ``half``, else of two."""
        return self._apply(rest, half, "bkm,mb->kb")

    def out(self, rest: np.ndarray, *, half: bool = False) -> np.ndarray:
        """Return ``L^-T x``."""
        return self._apply(rest, half, "bmk,mb->kb")

    def _apply(self, rest: np.ndarray, half: bool, how: str) -> np.ndarray:
        p, times = self.columns.shape[1], 1 if half else 2
        out = np.empty_like(rest)
        out[:p] = np.einsum(how, np.tile(self.columns, (times, 1, 1)), rest[:p])
        np.multiply(rest[p:], np.tile(self.others, times), out=out[p:])
        return out


def lay_out_jointly(system: LinearSystem, pool: ThreadPoolExecutor) -> Joint:
    """Return the system laid out for drawing its coefficients at once, by passes that ``pool`` does."""
    moments, p = system.moments, system.columns
    sizes = [f.levels * f.width for f in system.factors]
    first = int(np.argmax(sizes)) if sizes else None
    inner, at = [], p
    for number, size in enumerate(sizes):
        if number != first:
            inner.append((number, at))
            at += size
    numbers = [number for number, _ in inner]
    columns = {n: sparse.csr_array(moments.with_columns[n][:, :, :-1].reshape(sizes[n], p)) for n in range(len(sizes))}
    grid: list[list] = [[sparse.csr_array(moments.gram[:p, :p]), *(columns[n].T for n in numbers)]]
    for n in numbers:
        blocks = moments.own[n]
        places = np.arange(len(blocks) + 1)
        own = sparse.bsr_array((blocks, places[:-1], places))
        grid.append([columns[n], *(own if m == n else between(system, n, m) for m in numbers)])
    rest = sparse.csr_array(sparse.block_array(grid))
    coupling = sparse.csr_array((0, at))
    if first is not None:
        coupling = sparse.csr_array(sparse.hstack([columns[first], *(between(system, first, n) for n in numbers)]))
    for matrix in (rest, coupling):
        matrix.eliminate_zeros()
    responses = (moments.gram[:-1, -1], *(np.ascontiguousarray(w[:, :, -1]) for w in moments.with_columns))
    cores = machine_cores()
    return Joint(
        system=system,
        first=first,
        own=tuple(moments.own),
        responses=responses,
        rest=RowBlocks.of(rest, cores),
        coupling=RowBlocks.of(coupling, cores),
        turned=RowBlocks.of(sparse.csr_array(coupling.T), cores),
        inner=tuple(inner),
        pool=pool,
    )


# Small matrices times vectors (level, width, chain); of one coefficient a group they are numbers.


def by_chain(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return products with a matrix a chain ``(width, width, chain)``."""
    return vectors * matrices[0, 0] if len(matrices) == 1 else np.einsum("kmb,lmb->lkb", matrices, vectors)


def by_level(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return products with a matrix a level ``(level, width, width)``."""
    return vectors * matrices if matrices.shape[1] == 1 else np.einsum("lkm,lmb->lkb", matrices, vectors)


def _by_both(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return products with a matrix a level and chain ``(level, width, width, chain)``."""
    return vectors * matrices[:, :, 0] if matrices.shape[1] == 1 else np.einsum("lkmb,lmb->lkb", matrices, vectors)


def _inner(own: np.ndarray, root: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return ``I + T' A T / sigma^2`` ``(level, width, width, chain)``."""
    if len(root) == 1:
        return 1.0 + own[..., None] * (root[0, 0] ** 2 * inverse)
    found = np.einsum("kob,lkm,mnb->lonb", root, own, root, optimize=True) * inverse
    return found + np.eye(len(root))[:, :, None]


def _sandwiched(inner: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return ``T inner^-1 T'`` ``(level, width, width, chain)``."""
    if len(root) == 1:
        return root[0, 0] ** 2 / inner
    inverse = np.linalg.inv(inner.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    return np.einsum("kmb,lmnb,onb->lkob", root, inverse, root, optimize=True)


def _drawn(inner: np.ndarray, root: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return effects ``T z`` with ``z`` drawn from ``N(inner^-1 T' right, inner^-1)``."""
    noise, seen = rng.standard_normal(right.shape), by_chain(root.transpose(1, 0, 2), right)
    if len(root) == 1:
        return root[0, 0] * (seen / inner[:, :, 0] + noise / np.sqrt(inner[:, :, 0]))
    lower = np.linalg.cholesky(inner.transpose(0, 3, 1, 2))
    half = np.linalg.solve(lower, seen.transpose(0, 2, 1)[..., None]) + noise.transpose(0, 2, 1)[..., None]
    z = np.linalg.solve(lower.transpose(0, 1, 3, 2), half)[..., 0].transpose(0, 2, 1)
    return by_chain(root, z)
