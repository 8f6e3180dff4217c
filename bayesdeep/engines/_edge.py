"""Whether a search ended at a mode or on the way to the edge of what the parameters may be.

A density need not have a highest point: of a share of excess zeros of which the rows show none it rises all the way to 0, with
a line that meets every response it grows without limit as the noise falls, and of classes that a line tells apart the likelihood
rises with the slope for ever. A search then stops wherever what it gains is too small to see, and that must be said.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.draws import Target

from ._mode import HUGE, PRECISE, Mode

MAX_ALL_COORDINATES = 1000
"""Coordinates up to which all of them are looked at; of more, those of parameters that have bounds."""
FLAT = 1e-4
"""Change of the log density that is none. A factor of e in a standard deviation changes it by more wherever one row bears on it;
far out, where degrees of freedom are millions, rounding alone changes it by 1e-5."""
LONG, SHARE = 1.0, 0.1
"""How much further a search is continued, as a share of its way, where that is this long in units of the coordinates' jitter."""


@dataclass(frozen=True)
class Edge:
    """The coordinates ``held`` that run off, and the names of these and of those that do so together."""

    held: np.ndarray
    names: tuple[str, ...]


def edge_of(target: Target, mode: Mode) -> Edge:
    """Return which coordinates of a point that a search has found could go on without the log density falling."""
    constrained = np.asarray(getattr(target, "constrained", np.zeros(target.dim, dtype=bool)))
    jitter = np.asarray(getattr(target, "jitter", np.ones(target.dim)))
    looked = np.arange(target.dim) if target.dim <= MAX_ALL_COORDINATES else np.flatnonzero(constrained)
    level = mode.lp - FLAT - 1e-13 * abs(mode.lp)
    held = np.zeros(target.dim, dtype=bool)
    for i in map(int, looked):
        # A transformed coordinate is a logarithm or log odds; others have a natural scale.
        step = 1.0 if constrained[i] else jitter[i]
        held[i] = any(_no_lower(target, mode.x, i, sign * step, level) for sign in (1.0, -1.0))
    names = [target.names[i] for i in np.flatnonzero(held)]
    onward = SHARE * (mode.x - mode.begin)
    far = np.abs(onward) / jitter
    if not names and far.max(initial=0.0) >= LONG and _value(target, mode.x + onward) >= level:
        names = [target.names[i] for i in np.flatnonzero(far >= 0.5 * far.max())]
    return Edge(held, tuple(names))


def _no_lower(target: Target, x: np.ndarray, i: int, step: float, level: float) -> bool:
    further = x.copy()
    further[i] += step
    return _value(target, further) >= level


def _value(target: Target, x: np.ndarray) -> float:
    """Return the log density; infinity where it is not a number, which it is beyond an edge alone."""
    value = target.logp_dlogp(x)[0]
    return np.inf if np.isnan(value) else float(value)


def settled_beside(target: Target, mode: Mode, edge: Edge, max_iterations: int) -> Mode:
    """Return the mode of the other coordinates, those at the edge held: their steep or level slopes can end a search early."""
    from scipy.optimize import minimize

    free = np.flatnonzero(~edge.held)
    if not edge.held.any() or not free.size:
        return mode
    whole = mode.x.copy()

    def downhill(part: np.ndarray) -> tuple[float, np.ndarray]:
        whole[free] = part
        value, gradient = target.logp_dlogp(whole)
        if not (np.isfinite(value) and np.isfinite(gradient[free]).all()):
            return HUGE, np.zeros_like(part)
        return -value, -gradient[free]

    options: dict[str, Any] = {"maxiter": max_iterations, **PRECISE}
    found = minimize(downhill, mode.x[free], jac=True, method="L-BFGS-B", options=options)
    if not found.fun < -mode.lp:
        return mode
    whole[free] = found.x
    value, gradient = target.logp_dlogp(whole)
    return replace(mode, x=whole.copy(), lp=float(value), slope=float(np.abs(gradient[free]).max()))
