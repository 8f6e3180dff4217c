"""The mode of a target and the curvature there."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.draws import Progress, Target
from bayesdeep.core.errors import FitError

from ._own_units import unit_of
from ._starts import safe_start

HUGE = 1e100
MAX_KINK_COORDINATES, MIN_KINK_SLOPE = 20, 0.01
"""Coordinates up to which, and slope from which, a point that was taken for a mode is looked at for a kink."""
PRECISE = {"maxls": 50, "ftol": 1e-13, "gtol": 1e-6}


@dataclass(frozen=True)
class Mode:
    """The best point ``x`` ``(dim,)`` found, its log density and largest slope, and what led to it from where."""

    x: np.ndarray
    lp: float
    slope: float
    converged: bool
    interrupted: bool
    agreeing: int
    begin: np.ndarray


def find_mode(
    target: Target,
    starts: int,
    max_iterations: int,
    rng: np.random.Generator,
    progress: Progress,
    method: str,
    reach: float | None = None,
) -> Mode:
    """Climb from several starting points by L-BFGS and return the highest point reached.

    ``reach`` is how far transformed coordinates may go from there, which are logarithms and log odds; None for any distance.

    An interrupt ends the search; the best point visited is returned.
    """
    from scipy.optimize import OptimizeResult, minimize

    visited = OptimizeResult(fun=HUGE, x=np.zeros(target.dim), success=False)
    # In each coordinate's own unit: tolerances of slopes and first steps would else depend on the units of the data.
    unit = unit_of(target)

    def downhill(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        x = scaled * unit
        value, gradient = target.logp_dlogp(x)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return HUGE, np.zeros_like(x)  # the line search then shortens its step
        if -value < visited.fun:
            visited.fun, visited.x = -value, x.copy()
        return -value, -gradient * unit

    found, begins, interrupted = [], [], False
    for i in range(starts):
        try:
            start = safe_start(target, rng, method)
            begins.append(start)
            bounds = _bounds(target, start, reach)
            # `maxls` above the default: hierarchical densities are steep near small standard deviations.
            options = {"maxiter": max_iterations, **PRECISE}
            bounds = None if bounds is None else bounds / unit[:, None]
            found.append(minimize(downhill, start / unit, jac=True, method="L-BFGS-B", bounds=bounds, options=options))
            found[-1].x = found[-1].x * unit
            found[-1].begin = start
        except KeyboardInterrupt:
            interrupted = True
            break
        progress.update(i + 1, starts, f"log density {-found[-1].fun:.4g}")
    if interrupted and begins:
        visited.begin = begins[-1]
        found += [visited]
    found = [r for r in found if np.isfinite(r.fun) and r.fun < HUGE]
    if not found:
        raise FitError(f"{method}: no starting point led to a finite log density; use narrower priors")
    best = min(found, key=lambda r: r.fun)
    value, gradient = target.logp_dlogp(best.x)
    slope = float(np.abs(gradient * unit).max(initial=0.0))
    near = sum(abs(r.fun - best.fun) < 1e-3 * (1 + abs(best.fun)) for r in found)
    settled = bool(best.success) or slope < 1e-3 * (1 + abs(value))
    return Mode(np.asarray(best.x), float(value), slope, settled, interrupted, near, np.asarray(best.begin))


def across_kinks(target: Target, mode: Mode) -> Mode:
    """Return a higher point beside a mode at which the density is not smooth, as that of medians and quantiles is at each row.

    Slopes do not lead along a kink, so it is looked for without them (Nelder and Mead 1965), in few dimensions.
    """
    from scipy.optimize import minimize

    if mode.interrupted or target.dim > MAX_KINK_COORDINATES or mode.slope < MIN_KINK_SLOPE:
        return mode
    unit = unit_of(target)

    def depth(part: np.ndarray) -> float:
        value = target.logp_dlogp(mode.x + unit * part)[0]
        return HUGE if np.isnan(value) else -value

    best = np.zeros(target.dim)
    for size in (0.05, 0.01, 0.002):
        corners = np.vstack([best, best + size * np.eye(target.dim)])
        options = {"initial_simplex": corners, "maxfev": 400 * target.dim, "xatol": 1e-8, "fatol": 1e-10}
        found = minimize(depth, best, method="Nelder-Mead", options=options)
        best = found.x
    if not -found.fun > mode.lp:
        return mode
    x = mode.x + unit * best
    value, gradient = target.logp_dlogp(x)
    return replace(mode, x=x, lp=float(value), slope=float(np.abs(gradient * unit).max()))


def _bounds(target: Target, start: np.ndarray, reach: float | None) -> Any:
    constrained = getattr(target, "constrained", None)
    if reach is None or constrained is None:
        return None
    far = np.where(constrained, reach, np.inf)
    return np.stack([start - far, start + far], axis=1)


def curvature(target: Target, x: np.ndarray) -> np.ndarray:
    """Return minus the Hessian ``(dim, dim)`` at ``x`` by central differences of the gradient, made symmetric."""
    precision, unit = np.empty((target.dim, target.dim)), unit_of(target)
    for i in range(target.dim):
        step = 1e-5 * (unit[i] + abs(x[i]))  # about the cube root of the machine precision
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        precision[i] = -(target.logp_dlogp(up)[1] - target.logp_dlogp(down)[1]) / (up[i] - down[i])
    return 0.5 * (precision + precision.T)
