r"""Training a network with its scales and noise chosen by evidence on the way.

For scales :math:`\theta` and the mode :math:`z` of the weights given them, Laplace's approximation of the evidence is

.. math:: \log p(y, \theta) \approx \log p(y, z, \theta) - \tfrac12 \log\det H, \qquad H = P + J^\top \Lambda J

with the prior's precision :math:`P` (diagonal), the predictor's Jacobian :math:`J` and the rows' information
:math:`\Lambda`: the generalised Gauss-Newton matrix. Weights climb the first part, scales the whole. The derivative of the second
is

.. math:: -\sum_i \Lambda_i \, (J H^{-1})_i \cdot \frac{\partial J_i}{\partial\theta} -
    \tfrac12 \sum_i \frac{\partial\Lambda_i}{\partial\theta} (J H^{-1} J^\top)_{ii}

with differences for the derivatives on the right, which need no further factors. A mean over draws would cost less, but where an
intercept and effects can stand in for each other it is nearly all noise.

References
----------
MacKay (1992), A practical Bayesian framework for backpropagation networks, Neural Computation 4, 448-472. Immer, Bauer,
Fortuin, Rätsch and Khan (2021), Scalable marginal likelihood estimation for model selection in deep learning, Proceedings of
Machine Learning Research 139.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky

from bayesdeep.core.errors import FitError

from .network_coordinates import ALIKE, Parts
from .network_curvature import Functions

STEP = 1e-4
"""Of the differences in the scales."""
CHEAP, MOST_REFRESH = 2_000_000, 6
"""Numbers of Jacobians for each change of the scales that the determinant's derivative serves for, two to six of them."""
BETA1, BETA2 = 0.9, 0.999
"""Adam's memories, of weights."""
MIN_SCALE_STEP, MAX_SCALE_STEP, SCALE_STEP_GROWTH = 1e-4, 0.2, 1.2
"""Steps of a scale on its unconstrained scale, and how much the next one is longer."""

RESTARTS, RESTART_RATE, RESTART_ROUNDS_DIVISOR = 8, 0.3, 4
"""Further searches at most, the share of the rates they begin with, and of the rounds each has one in so many."""
GAIN = 0.3
"""Rise of the log evidence in a further search below which it had settled before."""

Slope = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """A point ``x`` ``(dim,)``, the log evidence there, and whether the search had settled, or was cut short."""

    x: np.ndarray
    evidence: float
    settled: bool
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


@dataclass(frozen=True)
class Curved:
    """Half the log determinant of H, and the gradient ``(scale,)`` of it by the scales."""

    half: float
    slope: np.ndarray


def curved(functions: Functions, parts: Parts, x: np.ndarray, rng: np.random.Generator, sloped: bool = True) -> Curved:
    """Return what the volume about ``x`` adds to minus the log evidence; without ``sloped`` its gradient is 0."""
    chosen = parts.weights
    precision, _ = prior_precision(functions, x, chosen, rng)

    def at(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return functions.jacobian(x, chosen)[1], functions.weight * functions.information(x, parts.directions)[1]

    jacobian, information = at(x)
    half, inverse = _factored(jacobian, information, precision)
    slope = np.zeros(parts.scales.size)
    if sloped:
        # Rows of J times the inverse of H.
        back = inverse(jacobian)
        reach = (back * jacobian).sum(axis=1)
        for place, k in enumerate(parts.scales):
            step = np.zeros(x.size)
            step[k] = STEP
            (up, more), (down, less) = at(x + step), at(x - step)
            along = (back * (up - down)).sum(axis=1)
            slope[place] = float((information * along).sum() + 0.5 * ((more - less) * reach).sum()) / (2 * STEP)
    return Curved(half, slope)


def _factored(
    jacobian: np.ndarray, information: np.ndarray, precision: np.ndarray
) -> tuple[float, Callable[[np.ndarray], np.ndarray]]:
    """Return half of log det H for H = P + J' Lambda J, and what multiplies rows ``(row, dim)`` by the inverse of H."""
    rows, dim = jacobian.shape
    root = np.sqrt(precision)
    scaled = np.sqrt(information)[:, None] * jacobian / root
    few = rows < dim
    factor = cholesky(np.eye(rows) + scaled @ scaled.T if few else np.eye(dim) + scaled.T @ scaled, lower=True)

    def inverse(a: np.ndarray) -> np.ndarray:
        b = a / root
        if few:
            return np.asarray((b - cho_solve((factor, True), scaled @ b.T).T @ scaled) / root)
        return np.asarray(cho_solve((factor, True), b.T).T / root)

    return float(np.log(np.diag(factor)).sum() + 0.5 * np.log(precision).sum()), inverse


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


class Stride:
    """Steps upwards whose length is each coordinate's own: longer while its slope keeps its sign, halved when it turns.

    Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning: the RPROP algorithm, IEEE
    International Conference on Neural Networks, 586-591. It needs slopes without noise.
    """

    def __init__(self, chosen: np.ndarray, length: float) -> None:
        self.chosen, self.sign, self.length = chosen, np.zeros(chosen.size), np.full(chosen.size, length)

    def step(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Return the next point, for the slope by the chosen coordinates."""
        turn = np.sign(slope) * self.sign
        factor = np.where(turn > 0, SCALE_STEP_GROWTH, np.where(turn < 0, 0.5, 1.0))
        self.length = np.clip(self.length * factor, MIN_SCALE_STEP, MAX_SCALE_STEP)
        self.sign = np.sign(slope)
        moved = x.copy()
        moved[self.chosen] += self.sign * self.length
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
    solved: Callable[[np.ndarray], np.ndarray],
    report: Callable[[int], None],
) -> Found:
    """Return the point of highest evidence on the way up.

    After the first search there are shorter ones, each from the best point so far, until one finds nothing better.

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
        For the signs that tell whether the prior ties weights together.
    solved
        ``solved(x)`` has the linear weights at their mode given all else. An sd and the effects it multiplies lie on a ridge:
        where weights follow by small steps, an sd hardly moves along it.
    report
        Called with the number of rounds that are done.

    Raises
    ------
    FitError
        Where training diverges.
    """
    cost = functions.rows * parts.weights.size * max(parts.scales.size, 1)
    refresh = min(MOST_REFRESH, max(2, -(-cost // CHEAP)))
    best, best_x, interrupted, settled, done = -np.inf, x, False, not parts.scales.size, 0

    def search(x: np.ndarray, rounds: int, most: float) -> None:
        nonlocal best, best_x, done
        weights = Climb(parts.weights, rate, BETA1, BETA2)
        scales, known = Stride(parts.scales, MAX_SCALE_STEP * most), Curved(0.0, np.zeros(parts.scales.size))
        for k in range(rounds + 1):
            share = most * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, k / max(rounds, 1)))))
            for _ in range(steps):
                x = weights.step(x, slope_of(x)[1], share)
            x = solved(x)
            value, slope = slope_of(x)
            if not (np.isfinite(value) and np.isfinite(slope).all()):
                raise FitError("laplace: training diverged; lower learning_rate")
            if k % refresh == 0 or k == rounds:
                known = curved(functions, parts, x, rng, sloped=k < rounds)
                evidence = value - known.half
                if not np.isfinite(evidence):
                    raise FitError("laplace: training diverged; lower learning_rate")
                if evidence > best:
                    best, best_x = evidence, x
            done += 1
            report(done)
            if k < rounds:
                x = scales.step(x, slope[parts.scales] - known.slope)

    try:
        search(x, rounds, 1.0)
        for _ in range(0 if settled else RESTARTS):
            before = best
            search(best_x, max(1, rounds // RESTART_ROUNDS_DIVISOR), RESTART_RATE)
            settled = best - before < GAIN
            if settled:
                break
    except KeyboardInterrupt:
        interrupted = True
    return Found(best_x, float(best), settled, interrupted)
