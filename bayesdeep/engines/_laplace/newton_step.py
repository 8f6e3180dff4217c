r"""One Newton step on all coefficients, for many values of the hyperparameters at once.

With weights :math:`W` and a working response the step is the posterior mean of a linear Gaussian system; it is eliminated as
in :mod:`bayesdeep.linear.block_elimination`, in standardised coefficients :math:`u = T b`, with products that differ between
the values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.linear import LinearSystem
from bayesdeep.core.rowwise import Values
from bayesdeep.linear.elimination import (
    Eliminated,
    Pending,
    along,
    back_substituted,
    cholesky,
    effects_of,
    eliminate,
    forward_substituted,
    scale_inner,
    transposed_times,
    update,
)
from bayesdeep.linear.hyperparameters import LEAST_SCALE, Scales, support

from .weighted_products import LevelProducts, Products, Sums, weighted_sums, working_sums

APART = 1e200
"""Stands for the response's own product, whose value does not matter here."""


@dataclass(frozen=True)
class Coefficients:
    """Population coefficients ``(batch, column)`` and standardised effects by factor ``(batch, level, width)``."""

    beta: np.ndarray
    standard: tuple[np.ndarray, ...]

    def towards(self, other: "Coefficients", share: np.ndarray) -> "Coefficients":
        """Return the points a ``share`` ``(batch,)`` of the way to others."""
        s = share[:, None]
        return Coefficients(
            self.beta + s * (other.beta - self.beta),
            tuple(a + s[..., None] * (b - a) for a, b in zip(self.standard, other.standard, strict=True)),
        )

    def take(self, part: np.ndarray | slice) -> "Coefficients":
        """Return some of the batch."""
        return Coefficients(self.beta[part], tuple(b[part] for b in self.standard))


@dataclass(frozen=True)
class Factored:
    """Cholesky factors of the precision, the sum of their logarithms ``(batch,)`` and which of the batch have one."""

    lower: np.ndarray
    done: tuple[Eliminated, ...]
    half_log_det: np.ndarray
    good: np.ndarray


@dataclass(frozen=True)
class Mode:
    """Modes of the coefficients with the curvature there.

    Attributes
    ----------
    scales, values
        What they are given.
    at
        The modes.
    height
        Log likelihood and log prior of the coefficients there ``(batch,)``.
    factored
        The factorised negative Hessian.
    log_marginal
        The approximate log marginal likelihood ``(batch,)``; minus infinity where the search failed.
    iterations
        Newton steps.
    extra
        What the log determinant of the Gaussian that is drawn from lacks against the one in ``log_marginal``.
    """

    scales: Scales
    values: Values
    at: Coefficients
    height: np.ndarray
    factored: Any
    log_marginal: np.ndarray
    iterations: int
    extra: np.ndarray | float = 0.0


def noise_like(like: Coefficients, rng: np.random.Generator) -> Coefficients:
    return Coefficients(rng.standard_normal(like.beta.shape), tuple(rng.standard_normal(b.shape) for b in like.standard))


def standardised(scales: Scales, effects: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return standardised effects ``T^-1 u``, by factor ``(batch, level, width)``."""
    found = []
    for root, u in zip(scales.roots, effects, strict=True):
        b = np.empty(u.shape)
        for k in range(u.shape[2]):
            left = u[:, :, k]
            for m in support(root[k])[:-1]:
                left = left - along(np.asarray(root[k][m]), 2) * b[:, :, m]
            np.divide(left, along(np.maximum(np.asarray(root[k][k]), LEAST_SCALE), 2), out=b[:, :, k])
        found.append(b)
    return tuple(found)


def sums_of(products: Products, weights: np.ndarray, right: np.ndarray) -> Sums:
    """Return the sums over rows for weights and weighted working responses, both ``(obs, batch)``."""
    return Sums(weighted_sums(products, weights), working_sums(products, right))


def factorise(
    products: Products, system: LinearSystem, scales: Scales, sums: Sums, pinned: np.ndarray | None = None
) -> Factored:
    """Return the factorised system.

    With ``pinned`` ``(batch, column)`` population coefficients it is the system of the effects alone, given these.
    """
    weighted, working = np.ascontiguousarray(sums.weighted.T), np.ascontiguousarray(sums.working.T)
    parts = iter(np.split(weighted, np.cumsum(products.weighted)[:-1], axis=1))
    rest, log_det = _rest(products, next(parts), next(parts), working), np.zeros(scales.batch)
    at, pending = products.size, []
    for level in products.levels:
        stop = at + level.width * level.levels
        pending.append(_pending(level, products.size, parts, working[:, at:stop]))
        at = stop
    done: list[Eliminated] = []
    for place, level in enumerate(products.levels):
        gone = eliminate(scales.roots[level.factor], pending[place])
        log_det += gone.log_det
        flat = gone.rest.reshape(scales.batch, products.size + 1, -1)
        rest -= flat @ flat.transpose(0, 2, 1)
        for parent in gone.parents:
            # It asks a level for its nestings only.
            update(level, gone, parent, pending[parent])  # type: ignore[arg-type]
        done.append(gone)
    for number, start in products.inner:
        scale_inner(rest, scales.roots[number], start, system.factors[number].levels)
    p, size = system.columns, products.size
    if pinned is None:
        rest[:, :p, :p] += system.precision
    else:
        _pin(rest, pinned)
    inner = np.arange(p, size)
    rest[:, inner, inner] += 1.0
    rest[:, -1, -1] = APART
    lower, good = cholesky(rest)
    pivots = np.diagonal(lower, axis1=1, axis2=2)[:, :-1]
    half = log_det + np.log(pivots).sum(axis=1)
    return Factored(lower, tuple(done), half, good & np.isfinite(half))


def _pin(rest: np.ndarray, pinned: np.ndarray) -> None:
    """Replace the first columns' equations by the values that they have, in place."""
    p = pinned.shape[1]
    moved = np.matmul(rest[:, p:-1, :p], pinned[:, :, None])[..., 0]
    rest[:, p:-1, -1] -= moved
    rest[:, -1, p:-1] -= moved
    rest[:, :p], rest[:, :, :p] = 0.0, 0.0
    each = np.arange(p)
    rest[:, each, each] = 1.0
    rest[:, -1, :p] = rest[:, :p, -1] = pinned


def solve(
    products: Products, system: LinearSystem, scales: Scales, factored: Factored, noise: Coefficients | None = None
) -> Coefficients:
    """Return the mean, or a draw made from standard normal ``noise``."""
    batch, size, p = scales.batch, products.size, system.columns
    right = factored.lower[:, -1, :size]
    if noise is not None:
        inner = [noise.standard[number].reshape(batch, -1) for number, _ in products.inner]
        right = right + np.concatenate([noise.beta, *inner], axis=1)
    x = back_substituted(factored.lower[:, :size, :size], right)
    standard: list[np.ndarray] = [np.zeros(0)] * len(system.factors)
    effects: dict[int, np.ndarray] = {}
    against = np.ones((batch, size + 1))
    against[:, :p] = -x[:, :p]
    for number, start in products.inner:
        factor = system.factors[number]
        span = slice(start, start + factor.levels * factor.width)
        standard[number] = x[:, span].reshape(batch, factor.levels, factor.width).copy()
        against[:, span] = -unstandardised(scales, number, standard[number]).reshape(batch, -1)
    for place in range(len(products.levels) - 1, -1, -1):
        level, gone = products.levels[place], factored.done[place]
        seen = np.matmul(against[:, None], gone.rest.reshape(batch, size + 1, -1))
        seen = seen.reshape(batch, level.width, level.levels)
        for parent, coupling in gone.parents.items():
            above = effects[products.levels[parent].factor][:, level.parents[parent][0].at]
            seen -= np.einsum("bjc,bcwj->bwj", above, coupling)
        if noise is not None:
            seen = seen + noise.standard[level.factor].transpose(0, 2, 1)
        solved = [seen[:, k] for k in range(level.width)]
        for k in range(level.width - 1, -1, -1):
            for m in range(k + 1, level.width):
                solved[k] = solved[k] - gone.lower[m][k] * solved[m]
            solved[k] = solved[k] / gone.lower[k][k]
        standard[level.factor] = np.stack(solved, axis=2)
        effects[level.factor] = unstandardised(scales, level.factor, standard[level.factor])
    return Coefficients(x[:, :p].copy(), tuple(standard))


def whitened_gradient(
    products: Products, system: LinearSystem, scales: Scales, factored: Factored, slope: np.ndarray, at: Coefficients
) -> Coefficients:
    """Return ``L^-1 g`` with the gradient ``g`` of the log posterior of standardised coefficients, at ``at``.

    ``slope`` ``(obs, batch)`` are the derivatives of the rows' log likelihoods by their predictors. With ``x = m + L^-T z``, as
    :func:`solve` makes draws of ``z``, it is the gradient by ``z``.
    """
    batch, size, p = scales.batch, products.size, system.columns
    sums = working_sums(products, slope).T
    rest = sums[:, :size].copy()
    starts = np.cumsum([size, *(lv.width * lv.levels for lv in products.levels)])
    raw = [
        sums[:, start : start + level.width * level.levels].reshape(batch, level.width, level.levels)
        for start, level in zip(starts, products.levels, strict=False)
    ]
    found: list[np.ndarray] = [np.zeros(0)] * len(system.factors)
    for place, level in enumerate(products.levels):
        gone, root = factored.done[place], scales.roots[level.factor]
        own, prior = [raw[place][:, k] for k in range(level.width)], at.standard[level.factor]
        white: list[np.ndarray] = []
        for k in range(level.width):
            value = transposed_times(root, k, own) - prior[:, :, k]
            for m in range(k):
                value = value - gone.lower[k][m] * white[m]
            white.append(value / gone.lower[k][k])
        w = np.stack(white, axis=1)
        coupled = gone.rest[:, :size].reshape(batch, size, level.width * level.levels)
        rest -= np.matmul(coupled, w.reshape(batch, -1, 1))[..., 0]
        for parent, coupling in gone.parents.items():
            raw[parent] = raw[parent] - level.parents[parent][0].sum(np.einsum("bcwj,bwj->bcj", coupling, w))
        found[level.factor] = w.transpose(0, 2, 1)
    rest[:, :p] -= at.beta @ system.precision
    for number, start in products.inner:
        factor, root = system.factors[number], scales.roots[number]
        span = rest[:, start : start + factor.levels * factor.width].reshape(batch, factor.levels, factor.width)
        own = [span[:, :, k].copy() for k in range(factor.width)]
        for k in range(factor.width):
            span[:, :, k] = transposed_times(root, k, own) - at.standard[number][:, :, k]
    x = forward_substituted(factored.lower[:, :size, :size], rest)
    for number, start in products.inner:
        factor = system.factors[number]
        found[number] = x[:, start : start + factor.levels * factor.width].reshape(batch, factor.levels, factor.width)
    return Coefficients(x[:, :p], tuple(found))


def unstandardised(scales: Scales, number: int, standard: np.ndarray) -> np.ndarray:
    """Return a factor's effects ``T b``, ``(batch, level, width)``."""
    return np.stack(effects_of(scales.roots[number], [standard[:, :, k] for k in range(standard.shape[2])]), axis=2)


def _pending(level: LevelProducts, size: int, parts: Iterator[np.ndarray], working: np.ndarray) -> Pending:
    """Return a factor's weighted products before anything is eliminated, from the next ``parts`` of the sums."""
    width, levels, batch = level.width, level.levels, len(working)
    sums = next(parts).reshape(batch, -1, levels)
    own = [[sums[:, max(k, m) * (max(k, m) + 1) // 2 + min(k, m)] for m in range(width)] for k in range(width)]
    rest = np.empty((batch, width, size + 1, levels))
    rest[:, :, :-1] = next(parts).reshape(batch, width, size, levels)
    rest[:, :, -1] = working.reshape(batch, width, levels)
    # A copy, since what is eliminated is taken off in place.
    parents = {place: next(parts).reshape(batch, width, wide, levels).copy() for place, (_, wide, _) in level.parents.items()}
    return Pending(own, rest, parents)


@cache
def _triangle(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of a lower triangle; asked for in every step."""
    return np.tril_indices(size)


def _rest(products: Products, pairs: np.ndarray, others: np.ndarray, working: np.ndarray) -> np.ndarray:
    """Return the products among the rest's columns and, last, with the working response ``(batch, rest + 1, rest + 1)``."""
    batch, size, (_, p) = len(pairs), products.size, products.columns.shape
    rest = np.zeros((batch, size + 1, size + 1))
    if others.shape[1]:
        flat = np.zeros((batch, size * size))
        flat[:, products.spots] = others
        block = flat.reshape(batch, size, size)
        rest[:, :size, :size] = block + block.transpose(0, 2, 1)
        each = np.arange(size)
        rest[:, each, each] *= 0.5
    i, j = _triangle(p)
    rest[:, i, j] = rest[:, j, i] = pairs
    rest[:, -1, :size] = rest[:, :size, -1] = working[:, :size]
    return rest
