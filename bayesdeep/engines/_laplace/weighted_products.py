"""Weighted sums of products over rows, for many weights at once: what a Newton step on the coefficients needs.

Every sum is one row of a sparse matrix that is made once; a Newton step multiplies it by the weights ``(obs, batch)``.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import LinearSystem
from bayesdeep.core.rowwise import RowSystem
from bayesdeep.linear.elimination_plan import nested_in
from bayesdeep.linear.levels import Nesting
from bayesdeep.numerics.lane_loops import add_product

LARGEST_REST = 1500
"""Columns that are factorised together, densely and anew in every Newton step."""

LARGEST_COUPLING = 20_000_000
"""Products between the factors that are eliminated and the rest."""

LARGEST_PAIRS = 20_000_000
"""Products of pairs of population columns that are kept by row."""


@dataclass(frozen=True)
class LevelProducts:
    """A factor that is eliminated group by group: sums of products, by the row that they are of.

    Attributes
    ----------
    factor, levels, width
        Its number in the system and its size.
    own
        ``(pair * level, obs)``, pairs of its coefficients row by row of a lower triangle.
    rest
        With the rest's columns, ``(width * rest * level, obs)``.
    design
        Its columns, ``(width * level, obs)``.
    parents
        With the factors it is nested in, by their place among the eliminated: the nesting, that factor's width and the
        products ``(width * width there * level, obs)``.
    """

    factor: int
    levels: int
    width: int
    own: sparse.csr_array
    rest: sparse.csr_array
    design: sparse.csr_array
    parents: dict[int, tuple[Nesting, int, sparse.csr_array]]


@dataclass(frozen=True)
class Products:
    """All sums of products of a model's rows.

    Attributes
    ----------
    levels
        Factors in the order of elimination, each nested in those after it.
    inner
        Factors that belong to the rest, and where their columns begin.
    size
        Number of the rest's columns.
    columns, pairs
        Population columns ``(obs, column)``, and products of their pairs ``(pair, obs)`` (None where these are too many).
    inner_design
        The inner factors' columns ``(coefficient, obs)``, or None.
    inner_products, spots
        ``(spot, obs)`` and where each lies in the rest's lower triangle ravelled.
    effects
        By factor, from its coefficients ``(level * width)`` to rows.
    """

    levels: tuple[LevelProducts, ...]
    inner: tuple[tuple[int, int], ...]
    size: int
    columns: np.ndarray
    pairs: np.ndarray | None
    inner_design: sparse.csr_array | None
    inner_products: sparse.csr_array | None
    spots: np.ndarray
    effects: tuple[sparse.csr_array, ...]

    @property
    def weighted(self) -> list[int]:
        """Return how many weighted sums there are: of pairs of columns, the rest's others, and each level's (:class:`Sums`)."""
        p = self.columns.shape[1]
        found = [p * (p + 1) // 2, len(self.spots)]
        for level in self.levels:
            found += [level.own.shape[0], level.rest.shape[0], *(table.shape[0] for _, _, table in level.parents.values())]
        return found

    @property
    def cost(self) -> int:
        """Return the numbers held by one step of one value of the hyperparameters, roughly."""
        coupled = sum(lv.rest.shape[0] for lv in self.levels)
        return len(self.columns) + coupled + self.size**2 + 1


@dataclass(frozen=True)
class Sums:
    """Sums over rows, linear in the rows' weights and weighted working responses.

    Attributes
    ----------
    weighted
        Of products, times the weights ``(sum, batch)``: pairs of population columns, row by row of a lower triangle; the rest's
        others, as ``spots`` has them; then each level's ``own``, ``rest`` and ``parents``.
    working
        Of columns, times the working response ``(sum, batch)``: population, the rest's others, then each level's.
    """

    weighted: np.ndarray
    working: np.ndarray


@dataclass(frozen=True)
class _Feature:
    """A column of the sparse design: each row's place ``(obs,)`` and value ``(obs,)`` (None: 1)."""

    place: np.ndarray
    value: np.ndarray | None


def products_of(rows: RowSystem) -> Products:
    """Return the sums of products of a model's rows.

    Raises
    ------
    FitError
        Where factors are crossed so that too many columns are left to be factorised together.
    """
    system, columns = rows.system, rows.columns
    count, p = columns.shape
    chain, parents = _chain(system)
    inner, size = [], p
    for number, factor in enumerate(system.factors):
        if number not in chain:
            inner.append((number, size))
            size += factor.levels * factor.width
    coupled = size * sum(system.factors[f].levels * system.factors[f].width for f in chain)
    if size > LARGEST_REST or coupled > LARGEST_COUPLING:
        crossed = ", ".join(f"'{system.factors[f].name}'" for f, _ in inner)
        raise FitError(
            f"laplace_marginal: {size:,} coefficients (population columns{', and of ' + crossed if crossed else ''}) have to "
            f"be factorised together in every Newton step (at most {LARGEST_REST:,}); use method='nuts'"
        )
    own = [_features(rows, f) for f in range(len(system.factors))]
    rest = [_Feature(np.full(count, k), columns[:, k]) for k in range(p)]
    for number, start in inner:
        rest += [_Feature(start + feature.place, feature.value) for feature in own[number]]
    levels = []
    for at, number in enumerate(chain):
        factor = system.factors[number]
        above = {}
        for later in range(at + 1, len(chain)):
            wide = system.factors[chain[later]]
            nesting = Nesting.of(parents[number, chain[later]], wide.levels)
            above[later] = (nesting, wide.width, _between(rows, number, own[number], own[chain[later]]))
        levels.append(
            LevelProducts(
                number,
                factor.levels,
                factor.width,
                _own(rows, number),
                _with_rest(rows, number, rest, size),
                _table([np.int64(k) * factor.levels + rows.codes[number] for k in range(factor.width)],
                       [f.value for f in own[number]], factor.width * factor.levels, count),
                above,
            )
        )
    return Products(
        tuple(levels), tuple(inner), size, columns, _pairs(columns), *_inner(rest, p, size, count),
        tuple(
            _table([f.place for f in own[number]], [f.value for f in own[number]], factor.levels * factor.width, count)
            .T.tocsr()
            for number, factor in enumerate(system.factors)
        ),
    )


def weighted_sums(products: Products, weights: np.ndarray) -> np.ndarray:
    """Return the sums of products ``(sum, batch)`` for weights ``(obs, batch)``; see :class:`Sums`."""
    sizes = products.weighted
    found = np.zeros((sum(sizes), weights.shape[1]))
    if products.pairs is not None:
        np.matmul(products.pairs, weights, out=found[: sizes[0]])
    else:
        triangle = np.tril_indices(products.columns.shape[1])
        for b in range(weights.shape[1]):
            found[: sizes[0], b] = (products.columns.T @ (products.columns * weights[:, b, None]))[triangle]
    tables = [] if products.inner_products is None else [products.inner_products]
    for level in products.levels:
        tables += [level.own, level.rest, *(table for _, _, table in level.parents.values())]
    _add(found, sizes[0], tables, weights)
    return found


def working_sums(products: Products, right: np.ndarray) -> np.ndarray:
    """Return the sums of columns ``(sum, batch)`` for ``(obs, batch)``; see :class:`Sums`."""
    p = products.columns.shape[1]
    tables = [] if products.inner_design is None else [products.inner_design]
    tables += [level.design for level in products.levels]
    found = np.zeros((p + sum(table.shape[0] for table in tables), right.shape[1]))
    np.matmul(products.columns.T, right, out=found[:p])
    _add(found, p, tables, right)
    return found


def _add(found: np.ndarray, start: int, tables: list[sparse.csr_array], by_row: np.ndarray) -> None:
    """Add the tables' products with ``(obs, batch)`` to ``found``, one below the other from ``start`` on."""
    for table in tables:
        add_product(table, by_row, found[start : start + table.shape[0]])
        start += table.shape[0]


def _chain(system: LinearSystem) -> tuple[list[int], dict[tuple[int, int], np.ndarray]]:
    """Return the factors that are eliminated, in order, and which group of one each group of another lies in."""
    parents: dict[tuple[int, int], np.ndarray] = {}
    chain: list[int] = []
    for factor in sorted(range(len(system.factors)), key=lambda f: -system.factors[f].levels):
        lies_in = {f: nested_in(system, f, factor) for f in chain}
        if all(at is not None for at in lies_in.values()):
            parents.update({(f, factor): at for f, at in lies_in.items() if at is not None})
            chain.append(factor)
    return chain, parents


def _features(rows: RowSystem, number: int) -> list[_Feature]:
    """Return a factor's columns; places run over levels, then coefficients."""
    width, code = rows.system.factors[number].width, rows.codes[number]
    return [_Feature(code * width + k, z) for k, z in enumerate(rows.effects[number])]


def _times(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    return b if a is None else a if b is None else a * b


def _table(places: list[np.ndarray], values: list[np.ndarray | None], height: int, count: int) -> sparse.csr_array:
    """Return ``(height, obs)`` with each row's values at its places; rows of other predictors have none."""
    if not places:
        return sparse.csr_array((height, count))
    data = np.concatenate([np.ones(count) if v is None else v for v in values])
    at = (np.concatenate(places), np.tile(np.arange(count), len(places)))
    found = sparse.coo_array((data, at), shape=(height, count)).tocsr()
    found.eliminate_zeros()
    if max(found.nnz, *found.shape) < 2**31:
        found.indices, found.indptr = found.indices.astype(np.int32), found.indptr.astype(np.int32)
    return found


def _own(rows: RowSystem, number: int) -> sparse.csr_array:
    levels, code, z = rows.system.factors[number].levels, rows.codes[number], rows.effects[number]
    pairs = [(k, m) for k in range(len(z)) for m in range(k + 1)]
    places = [np.int64(i) * levels + code for i in range(len(pairs))]
    return _table(places, [_times(z[k], z[m]) for k, m in pairs], len(pairs) * levels, len(code))


def _with_rest(rows: RowSystem, number: int, rest: list[_Feature], size: int) -> sparse.csr_array:
    levels, code, z = rows.system.factors[number].levels, rows.codes[number], rows.effects[number]
    places = [(k * size + feature.place) * levels + code for k in range(len(z)) for feature in rest]
    values = [_times(own, feature.value) for own in z for feature in rest]
    return _table(places, values, len(z) * size * levels, len(code))


def _between(rows: RowSystem, number: int, own: list[_Feature], other: list[_Feature]) -> sparse.csr_array:
    levels, code = rows.system.factors[number].levels, rows.codes[number]
    pairs = [(k, m) for k in range(len(own)) for m in range(len(other))]
    places = [np.int64(i) * levels + code for i in range(len(pairs))]
    return _table(places, [_times(own[k].value, other[m].value) for k, m in pairs], len(pairs) * levels, len(code))


def _pairs(columns: np.ndarray) -> np.ndarray | None:
    count, p = columns.shape
    if count * p * (p + 1) // 2 > LARGEST_PAIRS:
        return None
    i, j = np.tril_indices(p)
    return np.ascontiguousarray((columns[:, i] * columns[:, j]).T)


def _inner(
    rest: list[_Feature], p: int, size: int, count: int
) -> tuple[sparse.csr_array | None, sparse.csr_array | None, np.ndarray]:
    """Return the columns of the rest's factors, their products with everything in the rest, and these products' spots."""
    if len(rest) == p:
        return None, None, np.zeros(0, dtype=np.int64)
    design = _table([f.place - p for f in rest[p:]], [f.value for f in rest[p:]], size - p, count)
    pairs = [(j, k) for j in range(p, len(rest)) for k in range(j + 1)]
    places = [rest[j].place * np.int64(size) + rest[k].place for j, k in pairs]
    spots, inverse = np.unique(np.concatenate(places), return_inverse=True)
    inverse = inverse.reshape(len(pairs), count)
    values = [_times(rest[j].value, rest[k].value) for j, k in pairs]
    return design, _table(list(inverse), values, len(spots), count), spots
