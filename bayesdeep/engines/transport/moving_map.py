r"""A Gaussian map of the coefficients that moves with the hyperparameters.

At hyperparameters :math:`\theta` each row's log likelihood is replaced, for the map only, by a parabola in its predictor, with
weight :math:`w_i(\theta)` and working response; the standardised coefficients of that model are normal with mean
:math:`m(\theta)` and precision :math:`L L^\top`, and

.. math:: x = m(\theta) + L(\theta)^{-\top} z .

In :math:`(\theta, z)` the posterior is :math:`p(\theta)\, p(y \mid x, \theta)\, p(x) / |L(\theta)|`, exactly, whatever the
parabolas are; the better they are, the nearer :math:`z` is to standard normal and independent of :math:`\theta`.

References
----------
Parno and Marzouk (2018), Transport map accelerated Markov chain Monte Carlo, SIAM/ASA Journal on Uncertainty Quantification 6(2),
645-682, doi:10.1137/17M1134640. Osmundsen, Kleppe and Liesenfeld (2021), Importance sampling-based transport map Hamiltonian
Monte Carlo for Bayesian hierarchical models, Journal of Computational and Graphical Statistics 30(4), 906-919.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bayesdeep.core.rowwise import Values
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.numerics.lane_loops import add_product

from .._laplace.by_blocks import ByBlocks
from .._laplace.by_columns import ByColumns
from .._laplace.flat_layout import Layout
from .._laplace.inner_newton import LEAST_WEIGHT, Inner
from .._laplace.marginal_posterior import Marginal, Shape
from .._laplace.weighted_products import Products, Sums, weighted_sums, working_sums

APART = 0.7
"""How far from the middle the parabolas' change with a hyperparameter is looked at, in its standard deviations."""
LEAST_SHARE = 1e-2
"""Of the mean weight, that a row has at least where the change of its logarithm is looked at: a likelihood that curves upwards at
some values of the hyperparameters would else change without bounds with them."""
FARTHEST = 2.5
"""Standard deviations of a hyperparameter beyond which the parabolas no longer change with it."""
MOST_CHANGE = 2.5
"""Of the logarithm of a row's weight: one that curves upwards in the middle would else be anything further out."""
MOST_REACH = 10.0
"""Standard deviations within which weights are taken to change evenly along an axis on which they hardly do."""


@dataclass(frozen=True)
class Sites:
    """The rows' parabolas as functions of the hyperparameters.

    Attributes
    ----------
    centre, whiten
        ``(dim,)`` and ``(dim, dim)``: ``d = (theta - centre) @ whiten`` are standard deviations from the middle.
    anchor
        The predictor in the middle ``(obs,)``. Working responses are taken from there: where a predictor is known to a millionth
        of itself, a weight that changes with the hyperparameters would move it otherwise.
    log_weight, response
        In the middle, ``(obs,)``: the log weight, and weight times working response less the anchor.
    log_weight_slopes, response_slopes
        Their change by ``d``, ``(obs, dim)``.
    """

    centre: np.ndarray
    whiten: np.ndarray
    anchor: np.ndarray
    log_weight: np.ndarray
    response: np.ndarray
    log_weight_slopes: np.ndarray
    response_slopes: np.ndarray

    def apart(self, points: np.ndarray) -> np.ndarray:
        """Return how far hyperparameters ``(batch, dim)`` are from the middle, in standard deviations and within limits."""
        return np.clip((points - self.centre) @ self.whiten, -FARTHEST, FARTHEST)

    def summed(self, products: Products) -> "Precision":
        """Return the sums over rows that the map is made of, as functions of the hyperparameters."""
        dim = len(self.centre)
        sizes = np.abs(self.log_weight_slopes).mean(axis=0) if dim else np.zeros(0)
        reach = np.clip(FARTHEST * sizes.max(initial=0.0) / np.maximum(sizes, 1e-12), FARTHEST, MOST_REACH)
        nodes = np.concatenate([np.zeros((1, dim)), np.diag(reach), -np.diag(reach)])
        change = np.clip(self.log_weight_slopes @ nodes.T, -MOST_CHANGE, MOST_CHANGE)
        weights = np.exp(self.log_weight[:, None] + change)
        working = np.concatenate([self.response[:, None], self.response_slopes], axis=1)
        anchored = working_sums(products, weights * self.anchor[:, None])
        return Precision(self, reach, weighted_sums(products, weights), anchored, working_sums(products, working))

    def recentred(self, points: np.ndarray, weight: np.ndarray, response: np.ndarray) -> "Sites":
        """Return sites whose average over the points is as given ``(obs,)``, less the anchor; how they change stays."""
        apart = self.apart(points).mean(axis=0)
        return Sites(
            self.centre,
            self.whiten,
            self.anchor,
            np.log(weight) - self.log_weight_slopes @ apart,
            response - self.response_slopes @ apart,
            self.log_weight_slopes,
            self.response_slopes,
        )


@dataclass(frozen=True)
class Precision:
    """Sums over rows between values of the hyperparameters where they are known, so that no row is looked at.

    Weighted products are averages of those in the middle and of those to either side along each axis, which leaves the precision
    positive definite; working responses are linear in the hyperparameters as they are.

    Attributes
    ----------
    sites
        The rows' parabolas.
    reach
        How far out along each axis the sums to either side are, in standard deviations ``(dim,)``.
    weighted, anchored
        In the middle, above it along each axis, and below it ``(sum, 1 + 2 dim)``: weighted products, and the working responses
        of the anchor.
    working
        The working responses beside these, in the middle, and their change along each axis ``(sum, 1 + dim)``.
    """

    sites: Sites
    reach: np.ndarray
    weighted: np.ndarray
    anchored: np.ndarray
    working: np.ndarray

    def at(self, points: np.ndarray) -> Sums:
        """Return the sums at hyperparameters ``(batch, dim)``."""
        apart = self.sites.apart(points).T
        one = np.ones((1, len(points)))
        share = apart / self.reach[:, None]
        above, below = np.maximum(share, 0.0), np.maximum(-share, 0.0)
        total = above.sum(axis=0) + below.sum(axis=0)
        parts = np.concatenate([np.maximum(one - total, 0.0), above, below]) / np.maximum(one, total)
        return Sums(self.weighted @ parts, self.anchored @ parts + self.working @ np.concatenate([one, apart]))


def first_sites(marginal: Marginal, shape: Shape | None) -> Sites:
    """Return the parabolas at the modes of the coefficients, for the likeliest hyperparameters and some to either side."""
    dim = marginal.inner.rows.system.dim
    if shape is None:
        weight, response, anchor = _at_modes(marginal, np.zeros((1, 0)))
        nothing = np.zeros((len(weight), 0))
        return Sites(np.zeros(0), np.zeros((0, 0)), anchor, np.log(weight[:, 0]), response[:, 0], nothing, nothing)
    steps = np.concatenate([np.zeros((1, dim)), APART * np.eye(dim), -APART * np.eye(dim)])
    points = shape.centre + steps @ shape.factor.T
    scales = ~np.isnan(marginal.coordinates.units)
    points = np.where(scales, np.maximum(points, 1e-3 * np.abs(shape.centre) + 1e-6), points)
    weight, response, anchor = _at_modes(marginal, points)
    logs = np.log(weight)
    whiten = np.linalg.inv(shape.factor).T
    moved = (points - shape.centre) @ whiten
    # Least squares of a straight line through the points to either side; near a scale of 0 they are not symmetric.
    line = np.column_stack([np.ones(len(moved)), moved])
    slopes = np.linalg.lstsq(line, np.concatenate([logs, response]).T, rcond=None)[0][1:].T
    count = len(logs)
    # In axes along the first of which weights change most.
    axes = np.linalg.svd(slopes[:count], full_matrices=False)[2].T if count >= dim else np.eye(dim)
    slopes, whiten = slopes @ axes, whiten @ axes
    return Sites(shape.centre, whiten, anchor, logs[:, 0], response[:, 0], slopes[:count], slopes[count:])


def _at_modes(marginal: Marginal, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights and weighted working responses ``(obs, point)`` at the modes of the coefficients, less an anchor.

    This is the first point's predictor ``(obs,)``.
    """
    inner = marginal.inner
    positions = marginal.coordinates.to_system(points)
    mode = inner.mode(positions)
    eta = inner.predictor(mode.scales, mode.at)
    _, slope, weight = inner.look(eta, positions)
    weight = floored(weight, LEAST_SHARE)
    return weight, slope + weight * (eta - eta[:, :1]), eta[:, 0]


def floored(weight: np.ndarray, share: float = LEAST_WEIGHT) -> np.ndarray:
    """Return weights ``(obs, …)`` kept above a small share of their mean, so that the map has a precision everywhere."""
    return np.maximum(weight, share * weight.mean(axis=0) + 1e-300)


@dataclass(frozen=True)
class Placed:
    """The map at some hyperparameters: ``theta`` ``(batch, dim)`` and what follows from it."""

    theta: np.ndarray
    values: Values
    factored: Any
    log_prior: np.ndarray


@dataclass(frozen=True)
class MovingMap:
    """The map and the posterior in its coordinates.

    Attributes
    ----------
    marginal
        Of the hyperparameters.
    gaussian
        Of the coefficients given hyperparameters, and how they lie in the arrays ``(coefficient, lane)`` of ``z``.
    sites, precision
        The rows' parabolas, and their sums over rows.
    stretch
        Factors ``(coefficient,)`` by which the coordinates are wider than standard normal numbers, as those of groups without a
        single success are; None for 1.
    """

    marginal: Marginal
    gaussian: ByColumns | ByBlocks
    sites: Sites
    precision: Precision
    stretch: np.ndarray | None = None

    @classmethod
    def of(cls, marginal: Marginal, sites: Sites) -> "MovingMap":
        """Return the map through some parabolas."""
        rows, products = marginal.inner.rows, marginal.inner.products
        gaussian = marginal.inner.gaussian or ByBlocks(rows.system, Layout.of(rows, products), products)
        return cls(marginal, gaussian, sites, sites.summed(products))

    def refitted(self, sites: Sites, stretch: np.ndarray) -> "MovingMap":
        """Return the map through other parabolas, and stretched."""
        return replace(self, sites=sites, precision=sites.summed(self.inner.products), stretch=stretch)

    @cached_property
    def ones(self) -> np.ndarray:
        """Return a one for each row ``(obs,)``."""
        return np.ones(self.inner.rows.terms)

    @property
    def inner(self) -> Inner:
        """Return the model."""
        return self.marginal.inner

    def placed(self, theta: np.ndarray) -> Placed:
        """Return the map at hyperparameters ``(batch, dim)``."""
        rows = self.inner.rows
        positions = self.marginal.coordinates.to_system(theta)
        with np.errstate(all="ignore"):
            factored = self.gaussian.factorise(scales_of(rows.system, positions), self.precision.at(theta))
        return Placed(theta, rows.values(positions), factored, self.log_prior(theta))

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Return the log prior density of hyperparameters ``(batch,)``; minus infinity where they are another's mirror image."""
        found = self.marginal.log_prior_and_jacobian(theta)
        return np.where(self.marginal.in_domain(theta), found, -np.inf)

    def effects(self, placed: Placed, z: np.ndarray) -> np.ndarray:
        """Return the coefficients ``(coefficient, batch)`` at ``z``."""
        return self.gaussian.effects(placed.factored, z, self.stretch)

    def log_density(self, placed: Placed, z: np.ndarray) -> np.ndarray:
        """Return the log posterior of hyperparameters and ``z`` ``(batch,)``, up to a constant."""
        rows = self.inner.rows
        with np.errstate(all="ignore"):
            at = self.effects(placed, z)
            eta = self.predictor(at)
            height = self.total(rows.likelihood.value(eta, placed.values))
            height = height + self.gaussian.log_prior(placed.factored, z, at, self.stretch)
            found = height + placed.log_prior - placed.factored.half_log_det
        return np.where(placed.factored.good & np.isfinite(found), found, -np.inf)

    def gradient(self, placed: Placed, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log posterior ``(batch,)`` and its gradient by ``z`` ``(coefficient, batch)``."""
        rows = self.inner.rows
        with np.errstate(all="ignore"):
            at = self.effects(placed, z)
            value, slope = rows.likelihood.with_slopes(self.predictor(at), placed.values)
            log_prior, white = self.gaussian.white(placed.factored, slope, z, at, self.stretch)
            found = self.total(value) + log_prior + placed.log_prior - placed.factored.half_log_det
        return np.where(np.isfinite(found), found, -np.inf), white

    def total(self, by_row: np.ndarray) -> np.ndarray:
        """Return sums over rows ``(batch,)``, by a product: a sum over the first axis reads few lanes slowly."""
        return self.ones @ by_row

    def predictor(self, effects: np.ndarray) -> np.ndarray:
        """Return the rows' predictors ``(obs, batch)`` of coefficients."""
        layout = self.gaussian.layout
        if self.shifted is None:
            return layout.predictor(effects)
        one = np.ones((1, effects.shape[1]))
        return add_product(layout.design, effects[: layout.columns], self.shifted @ np.vstack([effects[layout.columns :], one]))

    @cached_property
    def shifted(self) -> np.ndarray | None:
        """Return the population columns and the offset as another ``(obs, column + 1)``: a sum by row costs a product's time."""
        offset = self.inner.rows.offset
        return np.column_stack([self.gaussian.layout.population, offset]) if offset.any() else None
