"""The highest point of a smooth function of a few numbers, of which many values are worked out at once.

Newton's method with derivatives by central differences, in coordinates that are whitened by the curvature as it goes; a step is
one of several that are tried side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
"""From points ``(batch, dim)`` to values ``(batch,)``."""

MOST_STEPS = 60
STEP = 1e-2
"""Of differences, in units in which the curvature is 1: their error is then its square."""
ENOUGH = 1e-6
"""What a step must promise in log likelihood for another to follow: half the square of a distance in standard errors. Each step
squares the distance, about."""
LONGEST = 3.0
"""Largest move of a coordinate in one step."""
LEAST_CURVATURE = 1e-6
"""Share of a direction's unit below which it counts as flat."""
UNEVEN = 0.5
"""How far the curvature may be from 1 in the units in which differences were taken last."""
WIDEST = 5.0
"""Largest entry of a direction along which differences are taken, whatever the curvature says."""
SHARES = np.array([1.0, 0.5, 2.0, 0.1])
"""Of Newton's step, that are tried."""
DAMPED = np.array([0.03, 0.3, 3.0, 30.0])
"""Added to the curvature, in units of the largest, for shorter steps that turn towards the slope."""


@dataclass(frozen=True)
class Peak:
    """Where a search ended.

    Attributes
    ----------
    x
        The point ``(dim,)``.
    before, value
        The point that the last step was made from, which is so short that nobody looked where it led, and the function there.
    curvature
        The negative second derivatives ``(dim, dim)``.
    settled
        Whether no step promised more.
    """

    x: np.ndarray
    before: np.ndarray
    value: float
    curvature: np.ndarray
    settled: bool


def inverse(curvature: np.ndarray) -> np.ndarray | None:
    """Return the inverse of a positive definite matrix, None of others."""
    scale = np.sqrt(np.abs(np.diagonal(curvature)))
    if not len(curvature):
        return np.zeros((0, 0))
    if not (scale > 0).all() or not np.isfinite(curvature).all():
        return None
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    if values[0] <= LEAST_CURVATURE:
        return None
    return (vectors / values) @ vectors.T / np.outer(scale, scale)


def climb(
    function: Function,
    start: np.ndarray,
    unit: np.ndarray,
    *,
    dear: bool = False,
    enough: float = ENOUGH,
    moved: Callable[[np.ndarray], None] | None = None,
) -> Peak:
    """Return the peak above ``start`` ``(dim,)``.

    Parameters
    ----------
    unit
        ``(dim, dim)``: columns are directions, about a standard error long each.
    dear
        Whether points cost more than calls: mixed derivatives are then taken from one side, and derivatives at a point only once
        it is known to be the next.
    enough
        What another step must promise to be made.
    moved
        Told of every point that is moved to.
    """
    x, dim = start, len(start)
    if dim == 0:
        return Peak(x, x, float(function(x[None])[0]), np.zeros((0, 0)), True)
    shifts = _shifts(dim, symmetric=not dear)

    def around_x(unit: np.ndarray) -> Local:
        return _differences(function(x + shifts @ unit.T), dim, symmetric=not dear)

    local = around_x(unit)
    settled, again, move = False, False, np.zeros(dim)
    for _ in range(MOST_STEPS):
        values, vectors = np.linalg.eigh(local.second)
        size = np.maximum(np.abs(values), LEAST_CURVATURE * max(1.0, float(np.abs(values).max())))
        along = vectors.T @ local.slope
        promised = 0.5 * float((along**2 / size).sum())
        last = promised < enough and bool((values < 0).all())
        move = unit @ (vectors @ (along / size))
        move *= _within(move)
        narrower = unit @ (vectors / np.sqrt(np.clip(size, 1e-2, 1e8)))
        narrower *= np.minimum(1.0, WIDEST / np.abs(narrower).max(axis=0))
        if last and (again or bool((np.abs(values + 1.0) < UNEVEN).all())):
            settled = True
            break
        if last:
            # Differences in other units than the curvature's have a larger error.
            local, unit, again, move = around_x(narrower), narrower, True, np.zeros(dim)
            continue
        damped = (along / (size + DAMPED[:, None] * size.max())) @ vectors.T @ unit.T
        tried = x + np.concatenate([SHARES[:, None] * move, damped * _within(damped)[:, None]])
        around = tried[:0] if dear else tried[0] + shifts @ narrower.T
        heights = function(np.concatenate([tried, around]))
        heights = np.where(np.isfinite(heights), heights, -np.inf)
        at = int(np.argmax(heights[: len(tried)]))
        if not heights[at] > local.value:
            settled = promised < 1e2 * enough
            move = np.zeros(dim)
            break
        x, unit = tried[at], narrower
        if moved is not None:
            moved(x)
        straight = at == 0 and not dear
        local = _differences(heights[len(tried) :], dim, symmetric=True) if straight else around_x(unit)
        move = np.zeros(dim)
    back = np.linalg.pinv(unit)
    return Peak(x + move, x, local.value, back.T @ -local.second @ back, settled)


def _within(moves: np.ndarray) -> Any:
    """Return what keeps moves ``(…, dim)`` within the longest ``(…,)``."""
    return np.minimum(1.0, LONGEST / np.maximum(np.abs(moves).max(axis=-1), 1e-300))


@dataclass(frozen=True)
class Local:
    """A function about a point: value, first ``(dim,)`` and second derivatives ``(dim, dim)`` along some directions."""

    value: float
    slope: np.ndarray
    second: np.ndarray


def _shifts(dim: int, *, symmetric: bool) -> np.ndarray:
    """Return the places of which differences are taken ``(place, dim)``."""
    own = np.eye(dim)
    mixed = np.array([own[i] + own[j] for i in range(dim) for j in range(i)]).reshape(-1, dim)
    return STEP * np.concatenate([np.zeros((1, dim)), own, -own, mixed, *([-mixed] if symmetric else [])])


def _differences(f: np.ndarray, dim: int, *, symmetric: bool) -> Local:
    """Return the derivatives from values at the places of :func:`_shifts`."""
    middle, up, down, cross = f[0], f[1 : dim + 1], f[dim + 1 : 2 * dim + 1], f[2 * dim + 1 :]
    slope = (up - down) / (2 * STEP)
    second = np.diag((up - 2 * middle + down) / STEP**2)
    i, j = np.tril_indices(dim, -1)
    ahead = cross[: len(i)] - up[i] - up[j] + middle
    behind = cross[len(i) :] - down[i] - down[j] + middle if symmetric else ahead
    second[i, j] = second[j, i] = (ahead + behind) / (2 * STEP**2)
    if not np.isfinite(slope).all() or not np.isfinite(second).all():
        return Local(float(middle), np.where(np.isfinite(slope), slope, 0.0), -np.eye(dim))
    return Local(float(middle), slope, second)
