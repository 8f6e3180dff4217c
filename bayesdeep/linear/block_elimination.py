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

from bayesdeep.core.linear import LinearSystem

from .elimination import (
    LOG_2PI,
    Eliminated,
    back_substituted,
    cholesky,
    effects_of,
    eliminate,
    scale_inner,
    scale_related,
    update,
    weighted,
    whole,
)
from .hyperparameters import Scales
from .levels import Level
from .profiled import Parts, joined, parts_of

WORKING_SET = 50_000
"""Numbers held at once by one step of the arithmetic: about what a core's cache holds."""

SECONDS_A_RELATED_CUBE = 3e-10
"""Of one core, for the root of a covariance made of hyperparameters, and what is multiplied by it, over its size cubed (measured
in 2026)."""


@dataclass(frozen=True)
class Blocks:
    """A linear system laid out for elimination.

    Attributes
    ----------
    levels
        Factors in the order of elimination, each nested in those after it.
    rest
        Products among the rest's columns and the response ``(rest + 1, rest + 1)``; of several responses with a first axis over
        products that get weights of their own.
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
        each = sum(lv.own.shape[-3] * lv.rest.shape[-2] * lv.own.shape[-1] for lv in self.levels)
        return each + self.rest.shape[-1] ** 2

    @property
    def seconds(self) -> float:
        """Return about how long an evaluation takes on one core; from sizes, since a clock would make draws irreproducible."""
        related = sum(f.width**3 for f in self.system.factors if f.related is not None)
        return 5e-6 + 1.8e-8 * self.cost + SECONDS_A_RELATED_CUBE * related

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

    def parts(self, scales: Scales) -> Parts:
        """Return what the log marginal density is made of; see :class:`bayesdeep.linear.profiled.Parts`."""
        found = []
        for i in range(0, scales.batch, self.step):
            factored = self._evaluate(scales.take(slice(i, i + self.step)))
            count = self.rest.shape[-1] - 1
            found.append(parts_of(factored.value, factored.left, factored.lower[:, :count, :count], self.system.columns))
        return joined(found)

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

    def factored(self, scales: Scales) -> "Factored":
        """Return the factorisation at a few hyperparameter values, for what is made of it."""
        return self._evaluate(scales)

    def draw_from(self, factored: "Factored", scales: Scales, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return coefficients as :meth:`draw` does, from a factorisation at the same values."""
        system = self.system
        out = [np.empty((scales.batch, system.columns))]
        out += [np.empty((scales.batch, f.levels, f.width)) for f in system.factors]
        _draw(self, scales, factored, rng, out)
        return tuple(out)

    def _evaluate(self, scales: Scales) -> "Factored":
        if scales.weights is None:
            inverse = 1.0 / scales.sigma**2
            rest = self.rest * inverse[:, None, None]
        else:
            inverse = scales.weights
            rest = weighted(self.rest, inverse)
        log_det = np.zeros(scales.batch)
        done: list[Eliminated] = []
        pending = [whole(level, inverse) for level in self.levels]
        for place, level in enumerate(self.levels):
            gone = eliminate(scales.roots[level.factor], pending[place])
            log_det += gone.log_det
            flat = gone.rest.reshape(scales.batch, self.rest.shape[-1], -1)
            rest = rest - flat @ flat.transpose(0, 2, 1)
            for parent in gone.parents:
                update(level, gone, parent, pending[parent])
            done.append(gone)
        return _finish(self, scales, rest, log_det, done)


@dataclass(frozen=True)
class Factored:
    value: np.ndarray
    left: np.ndarray
    lower: np.ndarray
    done: list[Eliminated]


def _finish(blocks: Blocks, scales: Scales, rest: np.ndarray, log_det: np.ndarray, done: list[Eliminated]) -> Factored:
    """Add the priors of the rest, factorise it and put the log density together."""
    system, count = blocks.system, blocks.rest.shape[-1] - 1
    for number, start in blocks.inner:
        if number in scales.dense:
            scale_related(rest, scales.dense[number].roots, start)
        else:
            scale_inner(rest, scales.roots[number], start, system.factors[number].levels)
    p = system.columns
    rest[:, :p, :p] += system.precision
    inner = np.arange(p, count)
    rest[:, inner, inner] += 1.0
    # The response's own entry only moves the last pivot, whose square is what no coefficient explains; a margin that
    # is taken off again keeps the factorisation going where nothing is left unexplained.
    margin = 1e-9 * rest[:, -1, -1] + 1e-300
    rest[:, -1, -1] += margin
    lower, good = cholesky(rest)
    pivots = np.diagonal(lower, axis1=1, axis2=2)
    left = np.maximum(pivots[:, -1] ** 2 - margin, 0.0)
    value = (
        system.moments.constant
        + system.prior_constant
        + 0.5 * p * LOG_2PI
        - (system.moments.rows * np.log(scales.sigma) if scales.log_volume is None else scales.log_volume)
        - log_det
        - np.log(pivots[:, :-1]).sum(axis=1)
        - 0.5 * left
    )
    return Factored(np.where(good & np.isfinite(value), value, -np.inf), left, lower, done)


def _draw(blocks: Blocks, scales: Scales, factored: Factored, rng: np.random.Generator, out: list[np.ndarray]) -> None:
    """Fill ``out`` with coefficients: the rest first, then the factors from the outermost in."""
    system, batch, count = blocks.system, scales.batch, blocks.rest.shape[-1] - 1
    noise = rng.standard_normal((batch, count))
    x = back_substituted(factored.lower[:, :count, :count], factored.lower[:, -1, :count] + noise)
    for number, start in blocks.inner:
        factor = system.factors[number]
        span = x[:, start : start + factor.levels * factor.width]
        standard = span.reshape(batch, factor.levels, factor.width)
        if number in scales.dense:
            out[1 + number][...] = standard @ scales.dense[number].roots.swapaxes(1, 2)
        else:
            u = effects_of(scales.roots[number], [standard[:, :, k] for k in range(factor.width)])
            out[1 + number][...] = np.stack(u, axis=2)
        span[...] = out[1 + number].reshape(span.shape)
    out[0][...] = x[:, : system.columns]
    against = np.concatenate([-x, np.ones((batch, 1))], axis=1)
    for place in range(len(blocks.levels) - 1, -1, -1):
        level, gone = blocks.levels[place], factored.done[place]
        width = level.own.shape[-2]
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
        for k, effect in enumerate(effects_of(scales.roots[level.factor], solved)):
            out[1 + level.factor][:, :, k] = effect
