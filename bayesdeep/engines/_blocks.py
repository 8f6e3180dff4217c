r"""The marginal likelihood of a linear system whose largest factors are eliminated group by group, many at once.

With :math:`u = T b`, standard normal :math:`b` and everything divided by :math:`\sigma^2`, the posterior precision of a
group's coefficients is :math:`D_j = I + T^\top A_j T`, a small matrix. Eliminating the groups of one factor leaves a
system of the same kind in what remains: the groups it is nested in, each with its own block, and the *rest* (population
columns and small crossed factors), which is factorised densely. Small matrices are written out entry by entry over arrays of
groups and hyperparameter values, so that NumPy does all the work and nothing is compiled.

References
----------
Bates, Maechler, Bolker and Walker (2015), Fitting linear mixed-effects models using lme4, doi:10.18637/jss.v067.i01, for
the factorisation; Lindley and Smith (1972), Bayes estimates for the linear model, for the conditional distributions.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem

from ._hyper import Entries, Scales

LOG_2PI = float(np.log(2 * np.pi))
WORKING_SET = 50_000
"""Numbers held at once by one step of the arithmetic: about what a core's cache holds."""


@dataclass(frozen=True)
class Level:
    """A factor that is eliminated group by group.

    Attributes
    ----------
    factor
        Its number in the system.
    own
        ``A``, ``(width, width, level)``.
    rest
        Products with the rest and, last, the response: ``(width, rest + 1, level)``.
    parents
        For each later eliminated factor, by its place among them: which group each group lies in, and the products with
        its coefficients ``(width, width there, level)``.
    """

    factor: int
    own: np.ndarray
    rest: np.ndarray
    parents: "dict[int, tuple[Nesting, np.ndarray]]"


@dataclass(frozen=True)
class Nesting:
    """The group ``at`` ``(level,)`` of another factor in which each group lies, ``count`` of them in all."""

    at: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    count: int

    @classmethod
    def of(cls, at: np.ndarray, count: int) -> "Nesting":
        """Return the nesting with its groups brought into runs."""
        order = np.argsort(at, kind="stable")
        run = at[order]
        return cls(at, order, np.flatnonzero(np.r_[True, run[1:] != run[:-1]]), count)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Return sums over groups ``(…, level)`` by the group they lie in ``(…, count)``."""
        found = np.zeros((*values.shape[:-1], self.count))
        found[..., self.at[self.order][self.starts]] = np.add.reduceat(values[..., self.order], self.starts, axis=-1)
        return found


@dataclass(frozen=True)
class Blocks:
    """A linear system laid out for elimination.

    Attributes
    ----------
    levels
        Factors in the order of elimination, each nested in those after it.
    rest
        Products among the rest's columns and the response ``(rest + 1, rest + 1)``.
    inner
        Factors that belong to the rest, and where their columns begin.
    """

    system: LinearSystem
    levels: tuple[Level, ...]
    rest: np.ndarray
    inner: tuple[tuple[int, int], ...]

    @property
    def cost(self) -> int:
        """Return the number of products per evaluation, roughly."""
        each = sum(lv.own.shape[0] * lv.rest.shape[1] * lv.own.shape[2] for lv in self.levels)
        return each + len(self.rest) ** 2

    @property
    def step(self) -> int:
        """Return how many values are worked on at once."""
        return int(max(1, min(512, WORKING_SET // max(self.cost, 1))))

    def log_likelihood(self, scales: Scales) -> np.ndarray:
        """Return the log marginal density of the response ``(batch,)``."""
        found = np.empty(scales.batch)
        for i in range(0, scales.batch, self.step):
            part = slice(i, i + self.step)
            found[part] = self._evaluate(scales.take(part)).value
        return found

    def draw(self, scales: Scales, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return the coefficients given hyperparameters: ``(batch, column)``, then ``(batch, level, width)`` each."""
        system = self.system
        out = [np.empty((scales.batch, system.columns))]
        out += [np.empty((scales.batch, f.levels, f.width)) for f in system.factors]
        for i in range(0, scales.batch, self.step):
            part = slice(i, i + self.step)
            own = scales.take(part)
            _draw(self, own, self._evaluate(own), rng, [o[part] for o in out])
        return tuple(out)

    def _evaluate(self, scales: Scales) -> "_Factored":
        inverse = 1.0 / scales.sigma**2
        rest = self.rest * inverse[:, None, None]
        log_det = np.zeros(scales.batch)
        done: list[_Eliminated] = []
        pending = [_whole(level, inverse) for level in self.levels]
        for place, level in enumerate(self.levels):
            gone = _eliminate(scales.roots[level.factor], pending[place])
            log_det += gone.log_det
            flat = gone.rest.reshape(scales.batch, len(self.rest), -1)
            rest = rest - flat @ flat.transpose(0, 2, 1)
            for parent in gone.parents:
                _update(level, gone, parent, pending[parent])
            done.append(gone)
        return _finish(self, scales, rest, log_det, done)


@dataclass(frozen=True)
class _Eliminated:
    """A factor after elimination: its small Cholesky factors, and ``L⁻¹ T' (…)`` of what it is coupled to."""

    lower: list[list[np.ndarray]]
    rest: np.ndarray
    parents: dict[int, np.ndarray]
    log_det: np.ndarray


@dataclass(frozen=True)
class _Factored:
    value: np.ndarray
    lower: np.ndarray
    done: list[_Eliminated]


def _transposed_times(root: Entries, k: int, terms: list[np.ndarray]) -> np.ndarray:
    """Return row ``k`` of ``T'`` times rows that each are ``(batch, …)``."""
    total = None
    for m in range(k, len(root)):
        entry = root[m][k]
        if entry is None:
            continue
        product = entry.reshape(-1, *([1] * (terms[m].ndim - 1))) * terms[m]
        total = product if total is None else total + product
    assert total is not None
    return total


def _eliminate(root: Entries, products: "_Pending") -> _Eliminated:
    """Factorise ``I + T' A T`` for every group and turn the couplings."""
    a, width = products.own, len(root)
    # Columns of A T, then T' (A T); only the lower triangle is needed.
    at = [[_transposed_times(root, m, a[k]) for m in range(width)] for k in range(width)]
    lower: list[list[np.ndarray]] = []
    for k in range(width):
        row: list[np.ndarray] = []
        for m in range(k + 1):
            value = _transposed_times(root, k, [at[n][m] for n in range(width)])
            for n in range(m):
                value = value - row[n] * (lower[m][n] if m < k else row[n])
            row.append(value / lower[m][m] if m < k else np.sqrt(1.0 + value))
        lower.append(row)
    log_det = np.asarray(sum(np.log(lower[k][k]).sum(axis=1) for k in range(width)))
    parents = {place: _solved(lower, root, coupled) for place, coupled in products.parents.items()}
    return _Eliminated(lower, _solved(lower, root, products.rest), parents, log_det)


def _solved(lower: list[list[np.ndarray]], root: Entries, coupled: np.ndarray) -> np.ndarray:
    """Return ``L⁻¹ T' C`` for ``C`` ``(batch, width, column, level)``, as ``(batch, column, width, level)``."""
    width = len(lower)
    found = np.empty((coupled.shape[0], coupled.shape[2], width, coupled.shape[3]))
    for k in range(width):
        row = _transposed_times(root, k, [coupled[:, m] for m in range(width)])
        for m in range(k):
            row = row - lower[k][m][:, None] * found[:, :, m]
        np.divide(row, lower[k][k][:, None], out=found[:, :, k])
    return found


@dataclass
class _Pending:
    """What is left of a factor's products when factors nested in it are gone; each with a first axis of the batch."""

    own: list[list[np.ndarray]]
    rest: np.ndarray
    parents: dict[int, np.ndarray]


def _whole(level: Level, inverse: np.ndarray) -> _Pending:
    """Return a factor's products before anything is eliminated, divided by the residual variance."""
    width = level.own.shape[0]
    own = [[level.own[k, m][None] * inverse[:, None] for m in range(width)] for k in range(width)]
    by = inverse[:, None, None, None]
    return _Pending(own, level.rest[None] * by, {k: v[None] * by for k, (_, v) in level.parents.items()})


def _update(level: Level, gone: _Eliminated, parent: int, above: _Pending) -> None:
    """Take what an eliminated factor explains off the products of a factor it is nested in."""
    nesting, coupling = level.parents[parent][0], gone.parents[parent]
    width = len(above.own)
    for k in range(width):
        for m in range(k + 1):
            above.own[k][m] = above.own[k][m] - nesting.sum((coupling[:, k] * coupling[:, m]).sum(axis=1))
            above.own[m][k] = above.own[k][m]
        above.rest[:, k] -= nesting.sum(np.einsum("bwj,bcwj->bcj", coupling[:, k], gone.rest))
        for further, other in gone.parents.items():
            if further > parent:
                above.parents[further][:, k] -= nesting.sum(np.einsum("bwj,bcwj->bcj", coupling[:, k], other))


def _finish(
    blocks: Blocks, scales: Scales, rest: np.ndarray, log_det: np.ndarray, done: list[_Eliminated]
) -> _Factored:
    """Add the priors of the rest, factorise it and put the log density together."""
    system, count = blocks.system, len(blocks.rest) - 1
    for number, start in blocks.inner:
        _scale_inner(rest, scales.roots[number], start, system.factors[number].levels)
    p = system.columns
    rest[:, :p, :p] += system.precision
    rest[:, :p, -1] += system.shift
    rest[:, -1, :p] += system.shift
    inner = np.arange(p, count)
    rest[:, inner, inner] += 1.0
    # The response's own entry only moves the last pivot, whose square is what no coefficient explains; a margin that
    # is taken off again keeps the factorisation going where nothing is left unexplained.
    margin = 1e-9 * rest[:, -1, -1] + 1e-300
    rest[:, -1, -1] += margin
    lower, good = _cholesky(rest)
    pivots = np.diagonal(lower, axis1=1, axis2=2)
    left = np.maximum(pivots[:, -1] ** 2 - margin, 0.0)
    value = (
        system.moments.constant
        + system.prior_constant
        + 0.5 * p * LOG_2PI
        - system.moments.rows * np.log(scales.sigma)
        - log_det
        - np.log(pivots[:, :-1]).sum(axis=1)
        - 0.5 * left
    )
    return _Factored(np.where(good & np.isfinite(value), value, -np.inf), lower, done)


def _scale_inner(rest: np.ndarray, root: Entries, start: int, levels: int) -> None:
    """Turn the columns of a factor in the rest from effects to standardised ones, in place: ``M' S M``."""
    width = len(root)
    for side in (1, 2):
        view = rest if side == 2 else rest.transpose(0, 2, 1)
        span = view[:, :, start : start + levels * width]
        columns = [span[:, :, m::width].copy() for m in range(width)]
        for k in range(width):
            span[:, :, k::width] = _transposed_times(root, k, columns)


def _cholesky(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lower factors, and which of the batch have one."""
    good = np.isfinite(matrix).all(axis=(1, 2))
    safe = np.where(good[:, None, None], matrix, np.eye(matrix.shape[1]))
    try:
        return np.linalg.cholesky(safe), good
    except np.linalg.LinAlgError:
        lower = np.empty_like(safe)
        for i, one in enumerate(safe):
            try:
                lower[i] = np.linalg.cholesky(one)
            except np.linalg.LinAlgError:
                lower[i], good[i] = np.eye(len(one)), False
        return lower, good


def _draw(
    blocks: Blocks, scales: Scales, factored: _Factored, rng: np.random.Generator, out: list[np.ndarray]
) -> None:
    """Fill ``out`` with coefficients: the rest first, then the factors from the outermost in."""
    system, batch, count = blocks.system, scales.batch, len(blocks.rest) - 1
    triangle = factored.lower[:, :count, :count].transpose(0, 2, 1)
    noise = rng.standard_normal((batch, count))
    right = factored.lower[:, -1, :count] + noise
    x = np.linalg.solve(triangle, right[..., None])[..., 0] if count else right
    for number, start in blocks.inner:
        factor = system.factors[number]
        span = x[:, start : start + factor.levels * factor.width]
        standard = span.reshape(batch, factor.levels, factor.width)
        u = _effects(scales.roots[number], [standard[:, :, k] for k in range(factor.width)])
        out[1 + number][...] = np.stack(u, axis=2)
        span[...] = out[1 + number].reshape(span.shape)
    out[0][...] = x[:, : system.columns]
    against = np.concatenate([-x, np.ones((batch, 1))], axis=1)
    for place in range(len(blocks.levels) - 1, -1, -1):
        level, gone = blocks.levels[place], factored.done[place]
        width = level.own.shape[0]
        right = np.einsum("bc,bcwj->bwj", against, gone.rest)
        for parent, coupling in gone.parents.items():
            above = out[1 + blocks.levels[parent].factor][:, level.parents[parent][0].at]
            right -= np.einsum("bjc,bcwj->bwj", above, coupling)
        right += rng.standard_normal(right.shape)
        solved: list[np.ndarray] = [right[:, k] for k in range(width)]
        for k in range(width - 1, -1, -1):
            for m in range(k + 1, width):
                solved[k] = solved[k] - gone.lower[m][k] * solved[m]
            solved[k] = solved[k] / gone.lower[k][k]
        for k, effect in enumerate(_effects(scales.roots[level.factor], solved)):
            out[1 + level.factor][:, :, k] = effect


def _effects(root: Entries, b: list[np.ndarray]) -> list[np.ndarray]:
    """Return ``T b`` by coefficient, each ``(batch, level)``."""
    found = []
    for k in range(len(root)):
        total: np.ndarray | float = 0.0
        for m in range(k + 1):
            entry = root[k][m]
            if entry is not None:
                total = total + entry[:, None] * b[m]
        found.append(np.asarray(total))
    return found


def lay_out(system: LinearSystem, chain: tuple[int, ...], parents: dict[tuple[int, int], np.ndarray]) -> Blocks:
    """Return the system laid out for eliminating the factors of ``chain`` one after another.

    ``parents[f, g]`` is the group of ``g`` each group of ``f`` lies in, for ``f`` before ``g`` in the chain.
    """
    moments, p = system.moments, system.columns
    inner, at = [], p
    for number, factor in enumerate(system.factors):
        if number not in chain:
            inner.append((number, at))
            at += factor.levels * factor.width
    rest = np.zeros((at + 1, at + 1))
    spots = np.r_[0:p, at]
    rest[np.ix_(spots, spots)] = moments.gram
    for number, start in inner:
        _put_inner(rest, system, number, start, inner, spots)
    levels = []
    for place, number in enumerate(chain):
        factor = system.factors[number]
        coupled = np.zeros((factor.levels, factor.width, at + 1))
        coupled[:, :, spots] = moments.with_columns[number]
        for other, start in inner:
            table = between(system, number, other)
            dense = np.asarray(table.todense()).reshape(factor.levels, factor.width, -1)
            coupled[:, :, start : start + dense.shape[2]] = dense
        above = {}
        for later in range(place + 1, len(chain)):
            lies_in = parents[number, chain[later]]
            wide = system.factors[chain[later]].width
            table = between(system, number, chain[later])
            nesting = Nesting.of(lies_in, system.factors[chain[later]].levels)
            above[later] = (nesting, _nested_products(table, lies_in, factor.width, wide))
        levels.append(
            Level(
                number,
                np.ascontiguousarray(moments.own[number].transpose(1, 2, 0)),
                np.ascontiguousarray(coupled.transpose(1, 2, 0)),
                above,
            )
        )
    return Blocks(system, tuple(levels), rest, tuple(inner))


def between(system: LinearSystem, first: int, second: int) -> sparse.csr_array:
    """Return the products between two factors' coefficients, in the order asked for."""
    found = system.moments.between
    return found[first, second] if (first, second) in found else found[second, first].T.tocsr()


def _put_inner(
    rest: np.ndarray, system: LinearSystem, number: int, start: int, inner: list[tuple[int, int]], spots: np.ndarray
) -> None:
    factor, moments = system.factors[number], system.moments
    stop = start + factor.levels * factor.width
    for j in range(factor.levels):
        span = slice(start + j * factor.width, start + (j + 1) * factor.width)
        rest[span, span] = moments.own[number][j]
    rest[start:stop, spots] = moments.with_columns[number].reshape(stop - start, -1)
    rest[spots, start:stop] = rest[start:stop, spots].T
    for other, begin in inner:
        if other > number:
            table = between(system, number, other).toarray()
            rest[start:stop, begin : begin + table.shape[1]] = table
            rest[begin : begin + table.shape[1], start:stop] = table.T


def _nested_products(table: sparse.csr_array, lies_in: np.ndarray, width: int, wide: int) -> np.ndarray:
    """Return ``(width, wide, level)``: the only block each group has with a factor it is nested in."""
    rows = np.arange(len(lies_in))
    found = np.empty((width, wide, len(lies_in)))
    for k in range(width):
        for m in range(wide):
            found[k, m] = np.asarray(table[rows * width + k, lies_in * wide + m]).ravel()
    return found
