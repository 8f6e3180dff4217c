"""The highest point of a smooth function of a few numbers, of which many values are worked out at once.

Newton's method with derivatives by central differences in coordinates that are whitened by the curvature as it goes; a step is one
of several that are tried side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
"""From points ``(batch, dim)`` to values ``(batch,)``."""

MOST_STEPS = 60
STEP = 1e-2
"""Of differences, in units in which the curvature is 1: their error is then its square."""
ENOUGH = 1e-9
"""What another step must promise in log likelihood to be made: half the square of a distance in standard errors."""
LONGEST = 3.0
"""Largest move of a coordinate in one step."""
LEAST_CURVATURE = 1e-6
"""Share of a direction's unit below which it counts as flat."""
SHARES = np.array([1.0, 0.5, 2.0, 0.2, 0.05, 0.005])


@dataclass(frozen=True)
class Peak:
    """Where a search ended.

    Attributes
    ----------
    x, value
        The point ``(dim,)`` and the function there.
    curvature
        The negative second derivatives ``(dim, dim)``.
    settled
        Whether no step promised more.
    """

    x: np.ndarray
    value: float
    curvature: np.ndarray
    settled: bool

    def covariance(self) -> np.ndarray | None:
        """Return the inverse of the curvature; None where it is not that of a highest point."""
        return inverse(self.curvature)


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
    symmetric: bool = True,
    enough: float = ENOUGH,
    moved: Callable[[np.ndarray], None] | None = None,
) -> Peak:
    """Return the peak above ``start`` ``(dim,)``.

    Parameters
    ----------
    unit
        ``(dim, dim)``: columns are directions, about a standard error long each.
    symmetric
        Whether mixed second derivatives are taken from both sides, at twice the cost.
    enough
        What another step must promise to be made.
    moved
        Told of every point that is moved to.
    """
    x, dim = start, len(start)
    if dim == 0:
        return Peak(x, float(function(x[None])[0]), np.zeros((0, 0)), True)
    settled, value = False, -np.inf
    curvature = np.eye(dim)
    for _ in range(MOST_STEPS):
        value, slope, second = derivatives(function, x, unit, symmetric=symmetric)
        values, vectors = np.linalg.eigh(second)
        size = np.maximum(np.abs(values), LEAST_CURVATURE * max(1.0, float(np.abs(values).max())))
        along = vectors.T @ slope
        back = np.linalg.pinv(unit)
        curvature = back.T @ -second @ back
        promised = 0.5 * float((along**2 / size).sum())
        move = unit @ (vectors @ (along / size))
        move *= min(1.0, LONGEST / max(float(np.abs(move).max()), 1e-300))
        best = False
        if promised >= enough or not (values < 0).all():
            tried = x + SHARES[:, None] * move
            heights = function(tried)
            heights = np.where(np.isfinite(heights), heights, -np.inf)
            at = int(np.argmax(heights))
            if heights[at] > value:
                x, value, best = tried[at], float(heights[at]), True
        else:
            # The last step costs nothing more, and is as good as another round.
            height = float(function((x + move)[None])[0])
            if height >= value - enough:
                x, value = x + move, height
        if promised < enough or not best:
            settled = promised < 1e3 * enough
            break
        if moved is not None:
            moved(x)
        unit = unit @ (vectors / np.sqrt(np.clip(size, 1e-4, 1e8)))
    return Peak(x, value, curvature, settled)


def derivatives(
    function: Function, x: np.ndarray, unit: np.ndarray, *, symmetric: bool = True
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return value, first ``(dim,)`` and second derivatives ``(dim, dim)`` by differences along the columns of ``unit``."""
    dim, h = len(x), STEP
    own = np.eye(dim)
    pairs = [(i, j) for i in range(dim) for j in range(i)]
    mixed = np.array([own[i] + own[j] for i, j in pairs]).reshape(-1, dim)
    shifts = np.concatenate([np.zeros((1, dim)), own, -own, mixed, *([-mixed] if symmetric else [])])
    f = function(x + h * shifts @ unit.T)
    middle, up, down, cross = f[0], f[1 : dim + 1], f[dim + 1 : 2 * dim + 1], f[2 * dim + 1 :]
    slope = (up - down) / (2 * h)
    second = np.diag((up - 2 * middle + down) / h**2)
    count = len(pairs)
    for k, (i, j) in enumerate(pairs):
        ahead = cross[k] - up[i] - up[j] + middle
        behind = cross[count + k] - down[i] - down[j] + middle if symmetric else ahead
        second[i, j] = second[j, i] = (ahead + behind) / (2 * h**2)
    if not np.isfinite(slope).all() or not np.isfinite(second).all():
        slope, second = np.nan_to_num(slope, posinf=0.0, neginf=0.0), -np.eye(dim)
    return float(middle), slope, second
