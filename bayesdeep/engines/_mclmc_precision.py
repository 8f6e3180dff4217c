"""Which precision microcanonical chains compute in, and how much of the log density is rounding error.

Single precision takes half the time. It is enough where what it gets wrong, a different amount at each point, is small beside
the differences of energy a Metropolis test judges by; that is measured, not assumed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

from ._train_program import cast, precision

ENOUGH = 0.02
"""Standard deviation of the rounding error up to which single precision is chosen."""
TOO_MUCH = 0.1
"""Standard deviation of the rounding error in the draws from which the user is told."""
NEARBY, POINTS = 0.05, 8
"""How far from a starting point, in units of the coordinates, and at how many points rounding is measured."""

Density = Callable[[np.ndarray], float]


def density_in(target: BatchTarget, density: Callable[..., Any], kind: str) -> Density:
    """Return the compiled log density of ``(dim,)`` in ``"float32"`` or ``"float64"``, as a function that returns a float."""
    import jax

    arrays = cast(target.arrays, kind)
    with precision(kind):
        code = jax.jit(density).lower(target.start.astype(kind), *arrays).compile()
        held = jax.device_put(arrays)

    def value(x: np.ndarray) -> float:
        with jax.enable_x64(kind == "float64"):
            return float(code(x.astype(kind), *held))

    return value


def rounding(single: Density, double: Density, points: Sequence[np.ndarray]) -> float:
    """Return the sd over points of what single precision gets wrong; infinite where it has no value."""
    wrong = np.array([single(x) - double(x) for x in points])
    return float(wrong.std()) if np.isfinite(wrong).all() else float("inf")


def chosen(wanted: str, target: BatchTarget, single: Density | None, double: Density | None, x: np.ndarray) -> str:
    """Return the precision to compute in: the one wanted, or for ``"auto"`` the cheapest that is enough about ``x``."""
    if wanted != "auto" or single is None or double is None:
        return wanted
    rng = np.random.default_rng(0)
    points = [x + NEARBY * target.jitter * rng.standard_normal(target.dim) for _ in range(POINTS)]
    return "float32" if rounding(single, double, points) < ENOUGH else "float64"
