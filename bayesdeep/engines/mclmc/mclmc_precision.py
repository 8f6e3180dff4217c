"""Which precision microcanonical chains compute in, and how much of the log density is rounding error.

Single precision takes half the time. It is enough where what it gets wrong, a different amount at each point, is small beside
the differences of energy a Metropolis test judges by; that is measured, not assumed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

from .._training.train_program import precision

ENOUGH = 0.02
"""Standard deviation of the rounding error up to which single precision is chosen."""
TOO_MUCH = 0.1
"""Standard deviation of the rounding error in the draws from which the user is told."""
NEARBY, POINTS = 0.05, 8
"""How far from a starting point, in units of the coordinates, and at how many points rounding is measured."""

Density = Callable[[np.ndarray], float]


def exact_density(target: BatchTarget, density: Callable[..., Any]) -> Density:
    """Return the log density of ``(dim,)`` compiled in double precision."""
    import jax

    with precision("float64"):
        arrays = jax.device_put(target.arrays)
        program: Any = jax.jit(density)
        code = program.lower(target.start, *arrays).compile()

    def value(x: np.ndarray) -> float:
        with jax.enable_x64(True):
            return float(code(x, *arrays))

    return value


def rounding(single: Density, double: Density, points: Sequence[np.ndarray]) -> float:
    """Return the sd over points of what single precision gets wrong; infinite where it has no value."""
    wrong = np.array([single(x) - double(x) for x in points])
    return float(wrong.std()) if np.isfinite(wrong).all() else float("inf")


def nearby(target: BatchTarget, x: np.ndarray) -> list[np.ndarray]:
    """Return points about ``x`` ``(dim,)`` at which to measure rounding before there are draws."""
    rng = np.random.default_rng(0)
    return [x + NEARBY * target.jitter * rng.standard_normal(target.dim) for _ in range(POINTS)]
