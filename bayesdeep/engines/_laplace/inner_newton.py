r"""The marginal likelihood of hyperparameters by Laplace's method: Newton's method on the coefficients, many values at once.

.. math:: \log \tilde p(y \mid \theta) = \ell(\hat\beta, \hat b) + \tfrac{p}{2} \log 2\pi - \tfrac12 \log |H|,

with :math:`\ell` the log likelihood and the log prior at the mode and :math:`H` the negative Hessian there, in standardised
effects :math:`b`. Where a row's log likelihood curves upwards (Student's t far out) its weight is held at nearly 0, so that
:math:`H` stays positive definite; the mode does not depend on that.

References
----------
Tierney and Kadane (1986), doi:10.1080/01621459.1986.10478240. Rue, Martino and Chopin (2009),
doi:10.1111/j.1467-9868.2008.00700.x.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.linear import Factor
from bayesdeep.core.rowwise import RowSystem, Values
from bayesdeep.linear.elimination import LOG_2PI, along
from bayesdeep.linear.hyperparameters import Scales, scales_of, support
from bayesdeep.numerics.cores import machine_cores
from bayesdeep.numerics.lane_loops import add_product

from .by_columns import ByColumns, by_columns
from .flat_layout import Layout
from .newton_step import (
    Coefficients,
    Factored,
    Mode,
    factorise,
    noise_like,
    solve,
    standardised,
    sums_of,
    unstandardised,
)
from .weighted_products import Products, products_of

MOST_ITERATIONS, MOST_HALVINGS = 60, 30
LEAST_WEIGHT = 1e-7
"""Smallest weight of a row, relative to the mean."""

STRICT, LOOSE = 1e-9, 1e-5
"""Gain of a Newton step, in log density, below which one more factorisation ends the search."""

WORKING_SET = 100_000
"""Numbers held at once by one step of the arithmetic."""

SOUNDINGS, FEW_SOUNDINGS, THIRD_STEP = 8, 2, 1e-3
"""Draws for the rows' variances of the predictor, the same where rows are many, and the step for third derivatives."""

SIDE_BY_SIDE_ROWS = 50_000
"""Rows from which a search is so long that several are made side by side."""

FARTHEST = 30.0
"""Largest standardised effect to start from."""


@dataclass
class Inner:
    """The inner problem of a model: coefficients given hyperparameters.

    Attributes
    ----------
    rows, products
        The model and its sums of products.
    warm
        Population coefficients ``(column,)`` and effects by factor ``(level, width)`` to start from.
    tolerance
        Gain at which the search ends.
    follow
        Whether each search starts from where the first one of the block before ended.
    iterations, searches
        Newton steps and values of the hyperparameters so far.
    gaussian
        The loops in C that factorise the precision; None where NumPy does.
    """

    rows: RowSystem
    products: Products
    warm: tuple[np.ndarray, ...]
    tolerance: float = STRICT
    follow: bool = False
    iterations: int = 0
    searches: int = 0
    gaussian: ByColumns | None = None

    @classmethod
    def of(cls, rows: RowSystem, *, compiled: bool = True) -> "Inner":
        """Return the inner problem, to start from zero; ``compiled`` with the loops in C, where there are any."""
        zero = (np.zeros(rows.system.columns), *(np.zeros((f.levels, f.width)) for f in rows.system.factors))
        products = products_of(rows)
        gaussian = by_columns(rows, products, Layout.of(rows, products)) if compiled else None
        return cls(rows, products, zero, gaussian=gaussian)

    @property
    def step(self) -> int:
        """Return how many values are worked on at once."""
        return int(np.clip(WORKING_SET // self.products.cost, 1, 128))

    @property
    def threads(self) -> int:
        """Return how many searches are made side by side; the arithmetic on many rows lets other threads run."""
        many = self.rows.likelihood.side_by_side and len(self.rows.offset) >= SIDE_BY_SIDE_ROWS
        return machine_cores() if many else 1

    @property
    def seconds(self) -> float:
        """Return about how long a search takes; worked out from sizes, so that a seed gives the same draws anywhere."""
        size = self.products.size
        return 2e-7 * self.products.cost + 5e-9 * size**3 / 10 + 4e-3 / self.step

    def log_marginal(self, positions: np.ndarray) -> np.ndarray:
        """Return the approximate log marginal likelihood at the system's coordinates ``(batch, dim)``."""
        parts = [positions[i : i + self.step] for i in range(0, len(positions), self.step)]
        if self.threads == 1 or self.follow or len(parts) == 1:
            return np.concatenate([self.density_at(part) for part in parts]) if parts else np.empty(0)
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(self.density_at, parts)))

    def density_at(self, positions: np.ndarray) -> np.ndarray:
        """Return the approximate log marginal likelihood ``(batch,)``, worked on together."""
        mode = self.mode(positions)
        if self.follow and np.isfinite(mode.log_marginal[0]):
            self.warm = tuple(v[0] for v in self.effects(mode.scales.take(slice(0, 1)), mode.at.take(slice(0, 1))))
        return mode.log_marginal

    def effects(self, scales: Scales, at: Coefficients) -> tuple[np.ndarray, ...]:
        """Return population coefficients ``(batch, column)`` and effects ``(batch, level, width)``."""
        return (at.beta, *(unstandardised(scales, f, b) for f, b in enumerate(at.standard)))

    def predictor(self, scales: Scales, at: Coefficients) -> np.ndarray:
        """Return the predictor without its offset ``(obs, batch)``."""
        beta, *effects = self.effects(scales, at)
        eta = self.products.columns @ beta.T
        for table, u in zip(self.products.effects, effects, strict=True):
            add_product(table, u.reshape(len(u), -1).T, eta)
        return eta

    def log_prior(self, at: Coefficients) -> np.ndarray:
        """Return the log prior density of the coefficients ``(batch,)``, without the constants of standardised effects."""
        system = self.rows.system
        quadratic = np.einsum("bi,ij,bj->b", at.beta, system.precision, at.beta)
        standard = sum(
            (_squares(factor, b) for factor, b in zip(system.factors, at.standard, strict=True)), start=np.zeros(len(at.beta))
        )
        return system.prior_constant - 0.5 * quadratic - 0.5 * standard

    def height(self, scales: Scales, values: Values, at: Coefficients) -> np.ndarray:
        """Return log likelihood and log prior ``(batch,)`` of coefficients."""
        eta = self.predictor(scales, at) + self.rows.offset[:, None]
        found = self.rows.likelihood.value(eta, values).sum(axis=0) + self.log_prior(at)
        return np.where(np.isnan(found), -np.inf, found)

    def mode(self, positions: np.ndarray, pinned: np.ndarray | None = None) -> Mode:
        """Return the modes at the system's coordinates ``(batch, dim)``, worked on together.

        With ``pinned`` ``(batch, column)`` population coefficients these are given, and what is searched and integrated out are
        the effects alone.
        """
        system = self.rows.system
        scales, values = scales_of(system, positions), self.rows.values(positions)
        at = self._start(scales)
        if pinned is not None:
            at = replace(at, beta=pinned)
        eta = self.predictor(scales, at)
        height, slope, weight = self._look(eta, values, at)
        if not np.isfinite(height).any():
            beta = np.zeros_like(at.beta) if pinned is None else pinned
            at = Coefficients(beta, tuple(np.zeros_like(b) for b in at.standard))
            eta = self.predictor(scales, at)
            height, slope, weight = self._look(eta, values, at)
        gain = np.full(len(positions), np.inf)
        iterations = 0
        for _ in range(MOST_ITERATIONS):
            iterations += 1
            factored = self._factorised(scales, weight, weight * eta + slope, pinned)
            there = self._solved(scales, factored)
            if not (gain > self.tolerance).any():
                break
            at, eta, new, slope, weight = self._step(scales, values, at, there, eta, height, slope, weight)
            with np.errstate(invalid="ignore"):
                gain = np.where(np.isfinite(new) & factored.good, new - height, 0.0)
                gain = np.where(np.isnan(gain), np.inf, gain)
            height = new
        self.iterations += iterations * len(positions)
        self.searches += len(positions)
        p = system.columns if pinned is None else 0
        found = height + 0.5 * p * LOG_2PI - factored.half_log_det
        good = factored.good & np.isfinite(found) & ~(gain > 1e-2)
        return Mode(scales, values, there, height, factored, np.where(good, found, -np.inf), iterations)

    def _factorised(
        self, scales: Scales, weight: np.ndarray, right: np.ndarray, pinned: np.ndarray | None = None
    ) -> Any:
        """Return the factorised system for weights and weighted working responses, both ``(obs, batch)``."""
        sums = sums_of(self.products, weight, right)
        if self.gaussian is None or pinned is not None:
            return factorise(self.products, self.rows.system, scales, sums, pinned)
        return self.gaussian.factorise(scales, sums)

    def _solved(self, scales: Scales, factored: Any, noise: Coefficients | None = None) -> Coefficients:
        """Return the mean, or a draw made from standard normal ``noise``."""
        if self.gaussian is None or isinstance(factored, Factored):
            return solve(self.products, self.rows.system, scales, factored, noise)
        layout = self.gaussian.layout
        z = None if noise is None else layout.flat(noise.beta, noise.standard)
        beta, *effects = layout.split(self.gaussian.effects(factored, z, None))
        return Coefficients(beta, standardised(scales, tuple(effects)))

    def recentred(self, mode: Mode, rng: np.random.Generator) -> Mode:
        r"""Return the modes moved to about the means, by :math:`\tfrac12 H^{-1} A^\top (\ell^{(3)} \circ v)`.

        :math:`v` are the rows' variances of the predictor, from a few draws; the move is linear in them, so that their noise
        does not bias it. The Gaussian is then the one at the mode, moved. See Tierney and Kadane (1986) for this term in the
        expansion of a posterior mean.
        """
        eta = self.predictor(mode.scales, mode.at)
        _, slope, weight = self._look(eta, mode.values, mode.at)
        variance, soundings = np.zeros_like(eta), SOUNDINGS if len(eta) < SIDE_BY_SIDE_ROWS else FEW_SOUNDINGS
        for _ in range(soundings):
            drawn = self._solved(mode.scales, mode.factored, noise_like(mode.at, rng))
            variance += (self.predictor(mode.scales, drawn) - eta) ** 2 / soundings
        h = THIRD_STEP
        above, below = (self._look(eta + s, mode.values, mode.at)[2] for s in (h, -h))
        third = -(above - below) / (2 * h)
        factored = self._factorised(mode.scales, weight, weight * eta + slope + 0.5 * third * variance)
        centre = self._solved(mode.scales, factored)
        return replace(mode, at=centre, factored=factored, extra=mode.factored.half_log_det - factored.half_log_det)

    def draw(
        self, mode: Mode, rng: np.random.Generator, *, weigh: bool = True
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Return coefficients drawn from the Gaussians around the modes, and the log ratios of posterior and Gaussian there.

        The first are population coefficients and effects; the second ``(batch,)`` is 0 where the posterior is Gaussian, and
        NaN if draws are not to be weighed.
        """
        noise = noise_like(mode.at, rng)
        drawn = self._solved(mode.scales, mode.factored, noise)
        if not weigh:
            return self.effects(mode.scales, drawn), np.full(len(mode.height), np.nan)
        squares = (noise.beta**2).sum(axis=1)
        for b in noise.standard:
            squares = squares + np.einsum("blw,blw->b", b, b)
        ratio = self.height(mode.scales, mode.values, drawn) - mode.height + mode.extra + 0.5 * squares
        return self.effects(mode.scales, drawn), ratio

    def look(self, eta: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each row's log likelihood, its slope and its weight ``(obs, batch)`` at predictors without offset."""
        value, slope, second = self.rows.likelihood.derivatives(
            eta + self.rows.offset[:, None], self.rows.values(positions)
        )
        return value, slope, np.maximum(-second, 0.0)

    def _look(self, eta: np.ndarray, values: Values, at: Coefficients) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return height ``(batch,)``, slopes and weights ``(obs, batch)``."""
        value, slope, second = self.rows.likelihood.derivatives(eta + self.rows.offset[:, None], values)
        height = value.sum(axis=0) + self.log_prior(at)
        weight = np.maximum(-second, 0.0)
        weight = np.maximum(weight, LEAST_WEIGHT * weight.mean(axis=0))
        return np.where(np.isnan(height), -np.inf, height), slope, weight

    def _step(
        self,
        scales: Scales,
        values: Values,
        at: Coefficients,
        there: Coefficients,
        eta: np.ndarray,
        height: np.ndarray,
        slope: np.ndarray,
        weight: np.ndarray,
    ) -> tuple[Coefficients, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the points a Newton step leads to, halved until none is lower, with predictor, height, slopes, weights."""
        share = np.ones(len(height))
        # Rounding must not keep a search from ending.
        least = height - 1e-11 * np.abs(height)
        goal = self.predictor(scales, there)
        for _ in range(MOST_HALVINGS):
            new_at, new_eta = at.towards(there, share), eta + share * (goal - eta)
            new, new_slope, new_weight = self._look(new_eta, values, new_at)
            fine = (new >= least) & np.isfinite(new)
            if fine.all():
                break
            share = np.where(fine, share, 0.5 * share)
        else:
            share = np.where(fine, share, 0.0)
            new_at, new_eta = at.towards(there, share), eta + share * (goal - eta)
            new, new_slope, new_weight = self._look(new_eta, values, new_at)
        return new_at, new_eta, new, new_slope, new_weight

    def _start(self, scales: Scales) -> Coefficients:
        """Return the warm start in effects standardised by these scales."""
        beta, *effects = self.warm
        standard = []
        for root, u in zip(scales.roots, effects, strict=True):
            b = np.zeros((scales.batch, *u.shape))
            for k in range(u.shape[1]):
                left = np.broadcast_to(u[:, k], (scales.batch, len(u))).copy()
                for m in support(root[k])[:-1]:
                    left -= along(np.asarray(root[k][m]), 2) * b[:, :, m]
                own = along(np.asarray(root[k][k]), 2)
                with np.errstate(all="ignore"):
                    ratio = np.where(own > 0, left / own, 0.0)
                b[:, :, k] = np.clip(np.nan_to_num(ratio), -FARTHEST, FARTHEST)
            standard.append(b)
        return Coefficients(np.broadcast_to(beta, (scales.batch, len(beta))).copy(), tuple(standard))


def _squares(factor: Factor, b: np.ndarray) -> np.ndarray:
    """Return minus twice the log prior density of a factor's standardised effects ``(batch, level, width)``, ``(batch,)``."""
    if factor.neighbours is None:
        return np.einsum("blw,blw->b", b, b)
    last = np.ascontiguousarray(b[:, :, -1].T)
    by = factor.neighbours.precision @ last
    return np.einsum("blw,blw->b", b[:, :, :-1], b[:, :, :-1]) + np.einsum("lb,lb->b", last, by)
