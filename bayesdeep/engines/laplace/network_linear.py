r"""The linear part of a network's model: last layers, intercepts, coefficients and group effects, with the rest as it is.

Given hidden layers and scales :math:`\theta`, the predictor is :math:`\eta = e + A z` and the posterior of :math:`z` is
approximated by the Gaussian at its mode with the precision :math:`P + A^\top \Lambda A`; for a Gaussian response that is exact.
Scales vary as the evidence :math:`\log p(y, z, \theta) - \frac12 \log\det(P + A^\top \Lambda A)` is curved in them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular

from bayesdeep.core.errors import FitError

from .network_coordinates import Parts
from .network_curvature import Functions
from .network_evidence import Slope, prior_precision

NEWTON = 50
SETTLED = 1e-9
"""Expected gain in the log density below which a mode is found."""
STEP = 0.05
"""Of the differences that give the curvature of the evidence in the scales."""
WIDEST = 1.0
"""Largest standard deviation of a scale on its unconstrained scale; where the evidence hardly depends on it."""


@dataclass(frozen=True)
class Mode:
    """The mode ``x`` ``(dim,)`` of the linear weights, the lower factor of their precision, and the log evidence."""

    x: np.ndarray
    factor: np.ndarray
    evidence: float

    def draw(self, z: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """Return a draw ``(dim,)`` for standard normal ``z`` ``(linear,)``."""
        found = self.x.copy()
        found[linear] += solve_triangular(self.factor, z, lower=True, trans="T")
        return found


def mode_at(slope_of: Slope, functions: Functions, parts: Parts, x: np.ndarray, steps: int = NEWTON) -> Mode:
    """Return the mode of the linear weights with all else as in ``x``, by at most so many of Newton's steps.

    Raises
    ------
    FitError
        Where the log density is not finite there.
    """
    rng, linear = np.random.default_rng(0), parts.linear
    columns = functions.jacobian(x, linear)[1]
    value, slope = slope_of(x)
    if not np.isfinite(value):
        raise FitError("laplace: the log density is not finite; lower learning_rate")
    factor = np.zeros((0, 0))
    for _ in range(steps):
        information = functions.weight * functions.information(x, parts.directions)[1]
        precision, _ = prior_precision(functions, x, linear, rng)
        factor = cholesky(np.diag(precision) + (columns.T * information) @ columns, lower=True)
        step = cho_solve((factor, True), slope[linear])
        if slope[linear] @ step < SETTLED:
            break
        share = 1.0
        while share > 1e-6:
            tried = x.copy()
            tried[linear] += share * step
            new, new_slope = slope_of(tried)
            if np.isfinite(new) and new >= value - 1e-9 * abs(value):
                break
            share /= 2
        else:
            break
        x, value, slope = tried, new, new_slope
    dim = linear.size
    half = np.log(np.diag(factor)).sum()
    return Mode(x, factor, float(value - half + 0.5 * dim * np.log(2 * np.pi)))


def scale_covariance(slope_of: Slope, functions: Functions, parts: Parts, x: np.ndarray) -> np.ndarray:
    """Return the covariance ``(outer, outer)`` of the scales that may vary, from the evidence's curvature about ``x``."""
    outer = parts.outer

    def evidence(moves: np.ndarray) -> float:
        other = x.copy()
        other[outer] += moves
        return mode_at(slope_of, functions, parts, other).evidence

    count = outer.size
    if count == 0:
        return np.zeros((0, 0))
    unit, here = STEP * np.eye(count), evidence(np.zeros(count))
    up, down = (np.array([evidence(sign * u) for u in unit]) for sign in (1, -1))
    curved = np.diag((up + down - 2 * here) / STEP**2)
    for i in range(count):
        for j in range(i):
            both = evidence(unit[i] + unit[j]) + evidence(-unit[i] - unit[j])
            curved[i, j] = curved[j, i] = (both - up[i] - up[j] - down[i] - down[j] + 2 * here) / (2 * STEP**2)
    values, vectors = np.linalg.eigh(-curved)
    return (vectors / np.maximum(values, 1 / WIDEST**2)) @ vectors.T


def draw(
    slope_of: Slope, functions: Functions, parts: Parts, x: np.ndarray, size: int, distinct: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws ``(size, dim)`` of the scales that may vary and of the linear weights given them, and the modes' evidence.

    Parameters
    ----------
    slope_of, functions, parts
        Of the model.
    x
        The trained point.
    size, distinct
        Number of draws, and of different scales among them.
    rng
        Where they come from.
    """
    try:
        root = np.linalg.cholesky(scale_covariance(slope_of, functions, parts, x)) if parts.outer.size else np.zeros((0, 0))
        found, evidence = np.empty((size, x.size)), []
        for share in np.array_split(np.arange(size), min(size, distinct if parts.outer.size else 1)):
            at = x.copy()
            at[parts.outer] += root @ rng.standard_normal(parts.outer.size)
            mode = mode_at(slope_of, functions, parts, at)
            evidence.append(mode.evidence)
            for k in share:
                found[k] = mode.draw(rng.standard_normal(parts.linear.size), parts.linear)
    except LinAlgError as error:
        raise FitError("laplace: the precision of the last layer has no factor; use method='mclmc' or 'nuts'") from error
    return rng.permutation(found), np.array(evidence)
