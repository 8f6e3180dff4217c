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

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.rowwise import Values
from bayesdeep.linear.hyperparameters import Scales, scales_of

from .._laplace.inner_newton import LEAST_WEIGHT, Inner
from .._laplace.marginal_posterior import Marginal, Shape
from .._laplace.newton_step import Coefficients, Factored, factorise, solve, whitened_gradient

APART = 0.7
"""How far from the middle the parabolas' change with a hyperparameter is looked at, in its standard deviations."""
FARTHEST = 2.5
"""Standard deviations of a hyperparameter beyond which the parabolas no longer change with it."""


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

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and weighted working responses ``(obs, batch)`` at hyperparameters ``(batch, dim)``."""
        apart = np.clip((points - self.centre) @ self.whiten, -FARTHEST, FARTHEST).T
        weight = np.exp(self.log_weight[:, None] + self.log_weight_slopes @ apart)
        return weight, weight * self.anchor[:, None] + (self.response[:, None] + self.response_slopes @ apart)

    def recentred(self, points: np.ndarray, weight: np.ndarray, response: np.ndarray) -> "Sites":
        """Return sites whose average over the points is as given ``(obs,)``, less the anchor; how they change stays."""
        apart = np.clip((points - self.centre) @ self.whiten, -FARTHEST, FARTHEST).mean(axis=0)
        return Sites(
            self.centre,
            self.whiten,
            self.anchor,
            np.log(weight) - self.log_weight_slopes @ apart,
            response - self.response_slopes @ apart,
            self.log_weight_slopes,
            self.response_slopes,
        )


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
    weight = floored(weight)
    return weight, slope + weight * (eta - eta[:, :1]), eta[:, 0]


def floored(weight: np.ndarray) -> np.ndarray:
    """Return weights ``(obs, …)`` kept above a small share of their mean, so that the map has a precision everywhere."""
    return np.maximum(weight, LEAST_WEIGHT * weight.mean(axis=0) + 1e-300)


@dataclass(frozen=True)
class Placed:
    """The map at some hyperparameters: ``theta`` ``(batch, dim)`` and what follows from it."""

    theta: np.ndarray
    scales: Scales
    values: Values
    factored: Factored
    log_prior: np.ndarray


@dataclass(frozen=True)
class MovingMap:
    """The map and the posterior in its coordinates.

    ``stretch`` has factors ``(column,)`` and ``(level, width)`` by which the coordinates are wider than standard normal numbers,
    as those of groups without a single success are; None for 1.
    """

    marginal: Marginal
    sites: Sites
    stretch: Coefficients | None = None

    @property
    def inner(self) -> Inner:
        """Return the model."""
        return self.marginal.inner

    def placed(self, theta: np.ndarray) -> Placed:
        """Return the map at hyperparameters ``(batch, dim)``."""
        inner = self.inner
        positions = self.marginal.coordinates.to_system(theta)
        scales = scales_of(inner.rows.system, positions)
        weight, response = self.sites.at(theta)
        factored = factorise(inner.products, inner.rows.system, scales, weight, response)
        prior = np.where(self.marginal.in_domain(theta), self.marginal.log_prior_and_jacobian(theta), -np.inf)
        return Placed(theta, scales, inner.rows.values(positions), factored, prior)

    def coefficients(self, placed: Placed, z: Coefficients) -> Coefficients:
        """Return the standardised coefficients at ``z``."""
        return solve(self.inner.products, self.inner.rows.system, placed.scales, placed.factored, self.stretched(z))

    def stretched(self, z: Coefficients) -> Coefficients:
        """Return ``z`` times the stretch."""
        if self.stretch is None:
            return z
        pairs = zip(z.standard, self.stretch.standard, strict=True)
        return Coefficients(z.beta * self.stretch.beta, tuple(b * s for b, s in pairs))

    def log_density(self, placed: Placed, z: Coefficients) -> np.ndarray:
        """Return the log posterior of hyperparameters and ``z`` ``(batch,)``, up to a constant."""
        with np.errstate(all="ignore"):
            height = self.inner.height(placed.scales, placed.values, self.coefficients(placed, z))
            found = height + placed.log_prior - placed.factored.half_log_det
        return np.where(placed.factored.good & np.isfinite(found), found, -np.inf)

    def gradient(self, placed: Placed, z: Coefficients) -> tuple[np.ndarray, Coefficients]:
        """Return the log posterior ``(batch,)`` and its gradient by ``z``."""
        inner = self.inner
        with np.errstate(all="ignore"):
            at = self.coefficients(placed, z)
            eta = inner.predictor(placed.scales, at) + inner.rows.offset[:, None]
            value, slope = inner.rows.likelihood.with_slopes(eta, placed.values)
            found = value.sum(axis=0) + inner.log_prior(at) + placed.log_prior - placed.factored.half_log_det
            white = whitened_gradient(inner.products, inner.rows.system, placed.scales, placed.factored, slope, at)
            slopes = self.stretched(white)
        return np.where(np.isfinite(found), found, -np.inf), slopes
