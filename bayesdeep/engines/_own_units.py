"""A target in each coordinate's own unit, so that an engine's tolerances and first steps do not depend on the data's units."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws, Progress, Target

Run = Callable[[Any, Any, int, Progress], Draws]


def unit_of(target: Target) -> np.ndarray:
    """Return the natural scale of each coordinate ``(dim,)``."""
    unit = np.asarray(getattr(target, "jitter", np.ones(target.dim)), dtype=np.float64)
    return np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)


class InUnits:
    """A target whose coordinates are divided by their units; its density is still that of the model's own coordinates."""

    def __init__(self, target: Target) -> None:
        self._target, self.unit = target, unit_of(target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    @property
    def jitter(self) -> np.ndarray:
        """Return how far starting points lie from the model's own at the most ``(dim,)``."""
        return np.ones_like(self.unit)

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its slope ``(dim,)`` at ``x`` units ``(dim,)``."""
        value, slope = self._target.logp_dlogp(x * self.unit)
        return value, slope * self.unit

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return a starting point in units ``(dim,)``."""
        return self._target.initial(rng) / self.unit


def in_units(run: Run) -> Run:
    """Return an engine's ``run`` that works in the coordinates' own units, and draws in the model's coordinates."""

    @wraps(run)
    def with_units(settings: Any, target: Target, seed: int, progress: Progress) -> Draws:
        scaled = InUnits(target)
        draws = run(settings, scaled, seed, progress)
        return replace(draws, positions=draws.positions * scaled.unit)

    return with_units
