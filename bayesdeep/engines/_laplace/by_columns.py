r"""The Gaussian of a model's coefficients given hyperparameters, factorised column by column by loops in C.

The precision of the coefficients themselves, :math:`Q = A + P(\theta)`, has one sparse pattern whatever the hyperparameters are:
:math:`A` sums of weighted products over rows, :math:`P` block diagonal. :mod:`.newton_step` does the same group by group in
NumPy, with standardised coefficients.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem
from bayesdeep.core.rowwise import RowSystem
from bayesdeep.linear.hyperparameters import LEAST_SCALE, Scales
from bayesdeep.linear.leaning import Leaning, leaning_of
from bayesdeep.linear.prior_precision import prior_entries, prior_places
from bayesdeep.numerics import sparse_factors
from bayesdeep.numerics.lane_loops import add_product
from bayesdeep.numerics.sparse_factors import Factors, Pattern, pattern_of

from .flat_layout import Layout
from .held_sums import RIDGE, Held
from .weighted_products import Products, Sums

LARGEST_REST, MOST_ENTRIES = 500, 300_000
"""Columns of the rest beyond which dense arithmetic is faster, and entries of a factor whose pattern takes
a fraction of a second to work out."""


@dataclass(frozen=True)
class Placed:
    """Factors at some hyperparameters.

    Attributes
    ----------
    factors
        Of the precision.
    prior
        Entries of ``P`` ``(entry, lane)``: by factor the pairs of a lower triangle, or the diagonal's of levels with an sd each,
        then those of population coefficients.
    half_log_det
        Half the log determinant of the precision of standardised coefficients ``(lane,)``.
    good
        Which have one.
    variances
        Of coefficients that lean on neighbours, each ``(lane,)``.
    held
        Sums of these that are held at 0; None for none.
    """

    factors: Factors
    prior: np.ndarray
    half_log_det: np.ndarray
    good: np.ndarray
    variances: tuple[np.ndarray, ...] = ()
    held: Held | None = None


@dataclass(frozen=True)
class ByColumns:
    """The Gaussian of all coefficients, in the order of a layout; see :func:`by_columns`.

    ``leaning`` are those among them that lean on neighbours.
    """

    system: LinearSystem
    layout: Layout
    pattern: Pattern
    working: np.ndarray
    back: sparse.csr_array
    leaning: tuple[Leaning, ...] = ()

    def factorise(self, scales: Scales, sums: Sums) -> Placed:
        """Return the factors at hyperparameters, for sums over rows."""
        prior, variances = prior_entries(self.system, scales), tuple(own.variance(scales) for own in self.leaning)
        entries = np.concatenate([prior, *(own.numbers[:, None] / v for own, v in zip(self.leaning, variances, strict=True))])
        factors = sparse_factors.factorise(self.pattern, sums.weighted, entries, sums.working[self.working])
        half = 0.5 * factors.log_det
        for root, (levels, width) in zip(scales.roots, self.layout.shapes, strict=True):
            for k in range(width):
                own = np.log(np.maximum(np.asarray(root[k][k]), LEAST_SCALE))
                half = half + (own.sum(axis=1) if own.ndim == 2 else levels * own)
        pieces = tuple(piece for own in self.leaning for piece in own.pieces)
        if not pieces:
            return Placed(factors, prior, half, np.isfinite(half), variances)
        held = Held.of(self.pattern, factors, pieces)
        half = half + held.half_log_det
        for own, variance in zip(self.leaning, variances, strict=True):
            # What is held has no scale.
            half = half - 0.5 * len(own.pieces) * np.log(variance)
        return Placed(factors, prior, half, np.isfinite(half), variances, held)

    def effects(self, placed: Placed, z: np.ndarray | None, stretch: np.ndarray | None) -> np.ndarray:
        """Return coefficients ``(coefficient, lane)``: the mean, or the draw that standard normal ``z`` makes."""
        found = sparse_factors.solved(self.pattern, placed.factors, z, stretch)
        return found if placed.held is None else placed.held.projected(found)

    def noise(self, placed: Placed, effects: np.ndarray, stretch: np.ndarray | None) -> np.ndarray:
        """Return the ``z`` whose coefficients these are; where sums are held at 0, there are many."""
        return sparse_factors.noise_of(self.pattern, placed.factors, effects, stretch)

    def log_prior(self, placed: Placed, z: np.ndarray, effects: np.ndarray, stretch: np.ndarray | None) -> np.ndarray:
        """Return the log prior density ``(lane,)`` at ``z``, whose ``effects`` these are, without their constants."""
        found = self._prior(placed, effects, np.zeros_like(effects))
        return found if placed.held is None else found + placed.held.unseen(z, stretch)[0]

    def white(
        self, placed: Placed, slope: np.ndarray, z: np.ndarray, effects: np.ndarray, stretch: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density, and the gradient of the log posterior by ``z`` ``(coefficient, lane)``.

        ``slope`` ``(obs, lane)`` are the derivatives of the rows' log likelihoods by their predictors.
        """
        gradient, at = np.zeros_like(effects), self.layout.columns
        add_product(self.back, slope, gradient[:at])
        np.matmul(self.layout.population.T, slope, out=gradient[at:])
        log_prior = self._prior(placed, effects, gradient)
        if placed.held is None:
            return log_prior, sparse_factors.whiten(self.pattern, placed.factors, gradient, stretch)
        unseen, own = placed.held.unseen(z, stretch)
        white = sparse_factors.whiten(self.pattern, placed.factors, placed.held.turned(gradient), stretch)
        return log_prior + unseen, white + own

    def _prior(self, placed: Placed, effects: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the log prior density, and take the prior's part off the gradient, in place."""
        squares, at = np.zeros(effects.shape[1]), 0
        last = {own.factor: own.at for own in self.leaning}
        for number, (start, (levels, width)) in enumerate(zip(self.layout.starts, self.layout.shapes, strict=True)):
            each = self.system.factors[number].each
            span, pairs = slice(start, start + levels * width), levels if each else width * (width + 1) // 2
            own = placed.prior[at : at + pairs]
            if each:
                by = own * effects[span]
                gradient[span] -= by
                squares += (by * effects[span]).sum(axis=0)
                at += pairs
                continue
            if number in last:  # independent of each other as its coefficients are, all but the last
                own = own.copy()
                own[-1] = 0.0
            sparse_factors.take_normal(levels, width, own, effects[span], gradient[span], squares)
            at += pairs
        for one, variance in zip(self.leaning, placed.variances, strict=True):
            one.take(variance, effects, gradient, squares)
        columns = effects[self.layout.columns :]
        by_precision = self.system.precision @ columns
        gradient[self.layout.columns :] -= by_precision
        return self.system.prior_constant - 0.5 * (squares + (columns * by_precision).sum(axis=0))


def by_columns(rows: RowSystem, products: Products, layout: Layout) -> ByColumns | None:
    """Return the Gaussian with its pattern; None where there is no compiler, or dense arithmetic is better."""
    coupled = sum(int((np.diff(lv.rest.indptr) > 0).sum()) for lv in products.levels)
    if not sparse_factors.available() or products.size > LARGEST_REST or coupled > MOST_ENTRIES:
        return None
    found, own = _entries(products, layout)
    leaning = leaning_of(rows.system, layout.starts, lambda own: RIDGE * own.precision.diagonal())
    prior, own_prior = prior_places(rows.system, layout.starts, leaning)
    pattern = pattern_of(layout.size, found, prior, own, own_prior)
    if len(pattern.rows) > MOST_ENTRIES:
        return None
    back = sparse.csr_array(layout.design.T.tocsr())
    if layout.design.indices.dtype == np.int32:
        back.indices, back.indptr = back.indices.astype(np.int32), back.indptr.astype(np.int32)
    return ByColumns(rows.system, layout, pattern, _working(products, layout), back, leaning)


def _rest_places(products: Products, layout: Layout) -> np.ndarray:
    """Return where the rest's columns lie in the layout ``(rest,)``."""
    found = np.empty(products.size, dtype=np.int64)
    p = layout.size - layout.columns
    found[:p] = layout.columns + np.arange(p)
    for number, start in products.inner:
        levels, width = layout.shapes[number]
        found[start : start + levels * width] = layout.starts[number] + np.arange(levels * width)
    return found


def _entries(products: Products, layout: Layout) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return rows, columns and places among the weighted sums, of entries below the diagonal; and the diagonal's places."""
    rest = _rest_places(products, layout)
    p = layout.size - layout.columns
    i, j = np.tril_indices(p)
    parts: list[tuple[np.ndarray, np.ndarray]] = [(rest[i], rest[j])]
    parts.append((rest[products.spots // products.size], rest[products.spots % products.size]))
    there = [np.ones(len(i), dtype=bool), np.ones(len(products.spots), dtype=bool)]
    for level in products.levels:
        width, levels, code = level.width, level.levels, np.arange(level.levels)
        begin = layout.starts[level.factor]
        own = [begin + code * width + k for k in range(width)]
        triangle = [(k, m) for k in range(width) for m in range(k + 1)]
        parts.append((np.concatenate([own[k] for k, _ in triangle]), np.concatenate([own[m] for _, m in triangle])))
        there.append(np.ones(len(triangle) * levels, dtype=bool))
        parts.append(
            (np.concatenate([np.tile(own[k], products.size) for k in range(width)]), np.tile(np.repeat(rest, levels), width))
        )
        there.append(np.diff(level.rest.indptr) > 0)
        for place, (nesting, wide, table) in level.parents.items():
            above = layout.starts[products.levels[place].factor] + nesting.at * wide
            pairs = [(k, m) for k in range(width) for m in range(wide)]
            parts.append(
                (np.concatenate([own[k] for k, _ in pairs]), np.concatenate([above + m for _, m in pairs]))
            )
            there.append(np.diff(table.indptr) > 0)
    one, other, known = np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts]), np.concatenate(there)
    diagonal = np.full(layout.size, -1, dtype=np.int64)
    same = one == other
    diagonal[one[same]] = np.flatnonzero(same)
    below = np.flatnonzero(known & ~same)
    return (np.maximum(one, other)[below], np.minimum(one, other)[below], below), diagonal


def _working(products: Products, layout: Layout) -> np.ndarray:
    """Return where each coefficient's sum is among the working ones ``(coefficient,)``."""
    found = np.empty(layout.size, dtype=np.int64)
    found[_rest_places(products, layout)] = np.arange(products.size)
    at = products.size
    for level in products.levels:
        code = np.arange(level.levels)
        for k in range(level.width):
            found[layout.starts[level.factor] + code * level.width + k] = at + k * level.levels + code
        at += level.width * level.levels
    return found
