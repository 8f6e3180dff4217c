"""Which coordinates of a network's model are what: found by trying, so that no term has to say."""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.errors import FitError

from .network_curvature import Functions

WEIGHTS = ("weight", "intercept", "coefficient", "effect")
"""Roles of what is trained for given scales."""
ALIKE = 1e-7
"""Relative difference below which two results are taken for the same."""
DIRECTIONS = 8


@dataclass(frozen=True, eq=False)
class Parts:
    """Positions of the coordinates in the vector.

    Attributes
    ----------
    weights
        All that the predictor is made of, given the scales.
    linear
        Those of them in which it is linear, all together: last layers, intercepts, coefficients, group effects.
    scales
        Scales, standard deviations and the family's parameters.
    outer
        Those scales that can vary while hidden layers stay as they are.
    directions
        Directions along which the predictor is linear and all rows move, ``(direction, dim)``.
    """

    weights: np.ndarray
    linear: np.ndarray
    scales: np.ndarray
    outer: np.ndarray
    directions: np.ndarray

    @property
    def hidden(self) -> np.ndarray:
        """Return the weights in which the predictor is not linear."""
        return np.setdiff1d(self.weights, self.linear)


def parts_of(target: BatchTarget, functions: Functions, rng: np.random.Generator) -> Parts:
    """Return what the coordinates are.

    Raises
    ------
    FitError
        For a response with several predictors, or where some weights act on something else than the main one.
    """
    roles = target.roles.astype(str)
    weights = np.flatnonzero(np.isin(roles, WEIGHTS))
    scales = np.setdiff1d(np.arange(target.dim), weights)
    x = target.start + 0.5 * target.jitter * rng.uniform(-1.0, 1.0, target.dim)
    all_rows = functions.all_rows(x)

    def predictor(at: np.ndarray) -> np.ndarray:
        found: np.ndarray = functions.predictor(at, all_rows)
        return found

    if predictor(x).ndim != 1:
        raise FitError("laplace: the response has several predictors, and this method knows one; use method='nuts' or 'mclmc'")
    _check_one_predictor(target, functions, x, weights)
    linear = _linear(target, x, weights, predictor, rng)
    if linear.size == 0:
        raise FitError("laplace: the predictor is linear in no weight; use method='nuts' or 'mclmc'")
    columns = functions.jacobian(x, linear)[1]
    inner = [k for k in scales.tolist() if roles[k] == "scale" and not _is_outer(functions, x, k, linear, columns)]
    return Parts(weights, linear, scales, np.setdiff1d(scales, inner), _directions(columns, roles, linear, target.dim, rng))


def _check_one_predictor(target: BatchTarget, functions: Functions, x: np.ndarray, weights: np.ndarray) -> None:
    _, columns = functions.jacobian(x, weights)
    silent = weights[~columns.any(axis=0)]
    for k in silent:
        direction = np.zeros((1, target.dim))
        direction[0, k] = 1.0
        if functions.along(x, direction, functions.all_rows(x))[0].any():
            raise FitError(
                f"laplace: '{target.names[k]}' acts on another parameter than the main one, and this method knows one predictor; "
                "use method='nuts' or 'mclmc'"
            )


def _linear(target: BatchTarget, x: np.ndarray, weights: np.ndarray, predictor: object, rng: np.random.Generator) -> np.ndarray:
    """Return the largest set of blocks, last ones first, in which the predictor is linear together."""
    assert callable(predictor)
    base, found = predictor(x), np.zeros(target.dim, dtype=bool)
    for block in reversed(list(target.blocks.values())):
        tried = found.copy()
        tried[block.ravel()] = True
        if not np.isin(block.ravel(), weights).all():
            continue
        away = np.where(tried, 3.0 * target.jitter * rng.standard_normal(target.dim), 0.0)
        up, down = predictor(x + away), predictor(x - away)
        if np.abs(up + down - 2 * base).max() <= ALIKE * max(np.abs(up).max(), np.abs(base).max(), 1e-12):
            found = tried
    return np.flatnonzero(found)


def _is_outer(functions: Functions, x: np.ndarray, k: int, linear: np.ndarray, before: np.ndarray) -> bool:
    """Return whether a scale only stretches the columns of the linear weights, ``before`` ``(obs, weight)``."""
    other = x.copy()
    other[k] += 0.5
    _, after = functions.jacobian(other, linear)
    stretch = (before * after).sum(axis=0) / np.maximum((before**2).sum(axis=0), 1e-300)
    return bool(np.abs(after - stretch * before).max() <= ALIKE * max(np.abs(after).max(), 1e-300))


def _directions(
    columns: np.ndarray, roles: np.ndarray, linear: np.ndarray, dim: int, rng: np.random.Generator
) -> np.ndarray:
    for at in np.flatnonzero(roles[linear] == "intercept"):
        if (np.abs(columns[:, at]) > ALIKE).all():
            direction = np.zeros((1, dim))
            direction[0, linear[at]] = 1.0
            return direction
    found = np.zeros((DIRECTIONS, dim))
    found[:, linear] = rng.standard_normal((DIRECTIONS, linear.size))
    return found
