"""The mode of a density of a handful of hyperparameters, and the curvature there, from values alone."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .unexplored import UnexploredError

Density = Callable[[np.ndarray], np.ndarray]
"""Log density of points ``(batch, dim)``, ``(batch,)``; minus infinity where there is none."""

GRADIENT_STEP, CURVATURE_STEP = 1e-4, 2e-2

LARGEST_STEP = 2.0
"""Standard deviations that one step of Newton's method is trusted for."""

FARTHEST, DEEPEST = 20.0, 14.0
"""Coordinates (log scales, inverse hyperbolic tangents) so far above and below the likely one have no mode worth the name.

Sums of squares know a residual to the square root of the machine precision: noise of less than a millionth of the response can
hardly be told from none, and a mode found there is made of rounding."""

LOWER_TAIL_STEPS, MIN_DECREASE = 5, -0.05
"""Steps of a log scale below its mode that are looked at, and what the log density must lose in one of them at the least."""

IMPROPER = (
    "the posterior of {} has no maximum within reach. It goes to 0 where the predictors reproduce "
    "the response exactly (a response that does not vary, more coefficients under flat priors than rows), and "
    "beyond all bounds under an improper prior with few groups, or with a column far from 0 that varies by group: "
    "centre the column, use a proper prior, or leave the term out"
)


def find_mode(
    density: Density,
    start: np.ndarray,
    names: tuple[str, ...] = (),
    near: float = 0.0,
    farthest: float | np.ndarray = FARTHEST,
) -> np.ndarray:
    """Return where the log density is largest, from gradients by central differences; ``names`` are for messages.

    The search ends when a step gains less than ``near``; ``farthest`` is how far above the start it may end, for all or
    ``(dim,)``.

    Raises
    ------
    FitError
        Where the density has no maximum within reach: the posterior may be improper.
    """
    from scipy.optimize import minimize

    dim = len(start)
    shifts = np.concatenate([np.zeros((1, dim)), GRADIENT_STEP * np.eye(dim), -GRADIENT_STEP * np.eye(dim)])

    def value_and_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        found = density(x + shifts)
        if not np.isfinite(found[0]):
            return 1e300, np.zeros(dim)
        up, down = found[1 : dim + 1], found[dim + 1 :]
        # At the edge of a bounded prior only one side has a density.
        high, low = np.where(np.isfinite(up), up, found[0]), np.where(np.isfinite(down), down, found[0])
        sides = np.isfinite(up).astype(float) + np.isfinite(down)
        return -float(found[0]), -(high - low) / (GRADIENT_STEP * np.maximum(sides, 1.0))

    last = np.inf

    def enough(intermediate_result: Any) -> None:
        nonlocal last
        if last - intermediate_result.fun < near:
            raise StopIteration
        last = intermediate_result.fun

    options = {"gtol": 1e-3, "maxiter": 200}
    result = minimize(value_and_slope, start, jac=True, method="BFGS", options=options, callback=enough)
    if np.abs(result.jac).max() > 1.0 and result.nit < 2:
        # The first step left the region where the density is finite; a search without gradients goes to its edge.
        result = minimize(lambda x: value_and_slope(x)[0], start, method="Nelder-Mead", options={"maxiter": 400 * dim})
    mode = np.asarray(result.x)
    lost = ~((mode - start < farthest) & (mode - start > -DEEPEST))
    if not np.isfinite(result.fun) or result.fun >= 1e300 or lost.any():
        which = ", ".join(f"'{n}'" for n, out in zip(names, lost, strict=False) if out) or "the scales"
        raise UnexploredError(IMPROPER.format(which))
    return mode


def refuse_what_does_not_fall_off(
    density: Density, mode: np.ndarray, start: np.ndarray, scales: np.ndarray, names: tuple[str, ...]
) -> None:
    r"""Raise where the log density of a log scale does not fall off below what the search called its mode.

    With noise :math:`s` and :math:`r` more rows than coefficients that reproduce the response, the density of :math:`\log s` goes
    like :math:`s^{1 - r}`: a straight line on logs, on which a search ends anywhere.

    Parameters
    ----------
    density
        The log density by log scales.
    mode, start
        Where the search ended and began, ``(dim,)``.
    scales
        Which coordinates to look at, ``(dim,)``.
    names
        Theirs, for the message.
    """
    for k in np.flatnonzero(scales):
        steps = np.arange(LOWER_TAIL_STEPS + 1)
        points = np.repeat(mode[None], len(steps), axis=0)
        points[:, k] -= steps
        points = points[points[:, k] > start[k] - DEEPEST]
        with np.errstate(invalid="ignore"):  # Beyond a prior's bounds the density is 0, from point to point.
            endless = len(points) > 1 and (np.diff(density(points)) > MIN_DECREASE).all()
        if endless:
            raise UnexploredError(IMPROPER.format(f"'{names[k]}'"))


def curvature(density: Density, mode: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor ``(dim, dim)`` of the inverse negative Hessian at the mode.

    Directions in which the density does not fall off get a standard deviation of 2.
    """
    return _derivatives(density, mode)[1]


def newton(density: Density, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mode by one step of Newton's method from near it, and the curvature's factor; search where that is far."""
    slope, factor = _derivatives(density, near)
    step = factor.T @ slope
    if step @ step > LARGEST_STEP**2:
        mode = find_mode(density, near)
        return mode, curvature(density, mode)
    return near + factor @ step, factor


def _derivatives(density: Density, mode: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient ``(dim,)`` and the curvature's factor, from the same points."""
    dim, h = len(mode), CURVATURE_STEP
    steps, places = [np.zeros(dim)], {}
    for i in range(dim):
        for j in range(i + 1):
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)) if i != j else ((1, 0), (-1, 0)):
                step = np.zeros(dim)
                step[i] += a * h
                step[j] += b * h
                places[i, j, a, b] = len(steps)
                steps.append(step)
    found = density(mode + np.array(steps))
    # Beyond the edge of a bounded prior: as if it fell off steeply.
    found = np.where(np.isfinite(found), found, found[0] - 1.0)
    slope, hessian = np.empty(dim), np.empty((dim, dim))
    for i in range(dim):
        for j in range(i + 1):
            if i == j:
                slope[i] = (found[places[i, i, 1, 0]] - found[places[i, i, -1, 0]]) / (2 * h)
                value = (found[places[i, i, 1, 0]] + found[places[i, i, -1, 0]] - 2 * found[0]) / h**2
            else:
                signs = sum(a * b * found[places[i, j, a, b]] for a in (1, -1) for b in (1, -1))
                value = signs / (4 * h**2)
            hessian[i, j] = hessian[j, i] = value
    values, vectors = np.linalg.eigh(-hessian)
    values = np.maximum(values, 0.25)
    return slope, np.linalg.cholesky(vectors / values @ vectors.T)
