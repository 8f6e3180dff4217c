r"""Training a network with its scales and noise chosen by evidence on the way.

For scales :math:`\theta` and the mode :math:`z` of the weights given them, Laplace's approximation of the evidence is

.. math:: \log p(y, \theta) \approx \log p(y, z, \theta) - \tfrac12 \log\det H, \qquad H = P + J^\top \Lambda J

with the prior's precision :math:`P` (diagonal), the predictor's Jacobian :math:`J` and the rows' information
:math:`\Lambda`: the generalised Gauss-Newton matrix. Weights climb the first part, scales the whole. The derivative of the second
is a mean over draws :math:`\epsilon` from :math:`N(0, H^{-1})`,

.. math:: -\tfrac12 \frac{\partial}{\partial\theta} \operatorname{E} \sum_i \Lambda_i (J\epsilon)_i^2,

which costs a few gradients. The draws need a factor of a matrix of as many rows as there are weights or rows, the fewer.

References
----------
MacKay (1992), A practical Bayesian framework for backpropagation networks, Neural Computation 4, 448-472. Immer, Bauer,
Fortuin, Rätsch and Khan (2021), Scalable marginal likelihood estimation for model selection in deep learning, Proceedings of
Machine Learning Research 139. Antorán et al. (2023), Sampling-based inference for large linear models, with application to
linearised Laplace, International Conference on Learning Representations: the derivative by draws.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from bayesdeep.core.errors import FitError

from ._network_laplace_functions import Functions
from ._network_laplace_parts import ALIKE, Parts

DRAWS = 16
"""Draws behind one derivative."""
REFRESH = 2
"""Changes of the scales for which the draws serve."""
FIRST, SECOND = 0.9, 0.999
"""Adam's memories, of weights."""
SCALE_FIRST, SCALE_SECOND = 0.5, 0.9
"""Adam's memories, of scales."""
LONGEST = 0.2
"""Longest step of a scale on its unconstrained scale."""

Slope = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """A point ``x`` ``(dim,)``, the log evidence there and whether the search was cut short."""

    x: np.ndarray
    evidence: float
    interrupted: bool


def prior_precision(functions: Functions, x: np.ndarray, chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return the prior's curvature by weight ``(chosen,)``, and how many had none, for which that of N(0, 1) is put.

    Raises
    ------
    FitError
        Where the prior ties weights together.
    """
    found = []
    for _ in range(2):
        signs = np.zeros(x.size)
        signs[chosen] = rng.choice([-1.0, 1.0], chosen.size)
        found.append((functions.prior_curvature(x, signs) * signs)[chosen])
    if np.abs(found[0] - found[1]).max(initial=0.0) > ALIKE * max(1.0, np.abs(found[0]).max(initial=0.0)):
        raise FitError("laplace: the prior ties coefficients or weights together; use method='nuts' or 'mclmc'")
    flat = ~(found[0] > 0)
    return np.where(flat, 1.0, found[0]), int(flat.sum())


def spread(
    jacobian: np.ndarray, information: np.ndarray, precision: np.ndarray, draws: int, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Return log det H and draws ``(draw, dim)`` from N(0, inverse of H), for H = P + J' Lambda J.

    Parameters
    ----------
    jacobian, information, precision
        J ``(obs, dim)`` and the diagonals of Lambda ``(obs,)`` and P ``(dim,)``.
    draws
        How many.
    rng
        Where they come from.
    """
    rows, dim = jacobian.shape
    root = np.sqrt(precision)
    scaled = np.sqrt(information)[:, None] * jacobian / root
    z = rng.standard_normal((draws, dim))
    if dim <= rows:
        factor = cholesky(np.eye(dim) + scaled.T @ scaled, lower=True)
        found = solve_triangular(factor, z.T, lower=True, trans="T").T
    else:
        factor = cholesky(np.eye(rows) + scaled @ scaled.T, lower=True)
        noise = rng.standard_normal((draws, rows))
        found = z - cho_solve((factor, True), (z @ scaled.T + noise).T).T @ scaled
    return float(2 * np.log(np.diag(factor)).sum() + np.log(precision).sum()), found / root


class Climb:
    """Adam, upwards, on some of the coordinates."""

    def __init__(self, chosen: np.ndarray, rate: float, first: float, second: float) -> None:
        self.chosen, self.rate, self.memories, self.age = chosen, rate, (first, second), 0
        self.mean, self.square = np.zeros(chosen.size), np.zeros(chosen.size)

    def step(self, x: np.ndarray, slope: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Return the next point; ``share`` of the rate is used."""
        (first, second), own = self.memories, slope[self.chosen]
        self.age += 1
        self.mean, self.square = first * self.mean + (1 - first) * own, second * self.square + (1 - second) * own**2
        size = np.sqrt(self.square / (1 - second**self.age)) + 1e-8
        moved = x.copy()
        moved[self.chosen] += share * self.rate * (self.mean / (1 - first**self.age)) / size
        return moved


def climb(
    slope_of: Slope,
    functions: Functions,
    parts: Parts,
    x: np.ndarray,
    rounds: int,
    steps: int,
    rate: float,
    rng: np.random.Generator,
    report: Callable[[int], None],
) -> Found:
    """Return the point of highest evidence on the way up.

    Parameters
    ----------
    slope_of
        The log density and its gradient.
    functions, parts
        Of the model.
    x
        Where to begin.
    rounds, steps
        Changes of the scales, and of the weights between two of them.
    rate
        Adam's learning rate for weights.
    rng
        For the draws behind derivatives.
    report
        Called with the number of rounds that are done.

    Raises
    ------
    FitError
        Where training diverges.
    """
    weights = Climb(parts.weights, rate, FIRST, SECOND)
    scales = Climb(parts.scales, LONGEST, SCALE_FIRST, SCALE_SECOND)
    best, best_x, interrupted = -np.inf, x, False
    draws = np.zeros((DRAWS, x.size))
    try:
        for k in range(rounds + 1):
            share = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, k / max(rounds, 1))))
            for _ in range(steps):
                x = weights.step(x, slope_of(x)[1], share)
            value, slope = slope_of(x)
            if not (np.isfinite(value) and np.isfinite(slope).all()):
                raise FitError("laplace: training diverged; lower learning_rate")
            if k % REFRESH == 0 or k == rounds:
                information = functions.weight * functions.information(x, parts.directions)[1]
                precision, _ = prior_precision(functions, x, parts.weights, rng)
                half, found = spread(functions.jacobian(x, parts.weights)[1], information, precision, DRAWS, rng)
                draws[:, parts.weights] = found
                evidence = value - 0.5 * half
                if not np.isfinite(evidence):
                    raise FitError("laplace: training diverged; lower learning_rate")
                if evidence > best:
                    best, best_x = evidence, x
            report(k)
            if k < rounds and parts.scales.size:
                down = functions.penalty_slope(x, parts.directions, draws, functions.held(x))
                x = scales.step(x, slope - down, share)
    except KeyboardInterrupt:
        interrupted = True
    return Found(best_x, float(best), interrupted)
