"""Standard errors of everything that a point estimate shows, from a few displacements of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bayesdeep.core.draws import Draws, Spread

NUMBERS = 2_000_000
"""Numbers that are held at once, about."""


def standard_errors(
    draws: Draws, spread: Spread, named: Callable[[Draws], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return the standard errors of a point estimate by name, each ``(1, …)`` as what ``named`` makes of its draw."""
    count = spread.positions.shape[1]
    size = 1 + sum(value[0, 0].size for value in spread.coefficients)
    step = max(1, NUMBERS // size)
    total: dict[str, np.ndarray] = {}
    for i in range(0, count, step):
        part = slice(i, i + step)
        moved = replace(draws, positions=spread.positions[:, part], coefficients=tuple(v[:, part] for v in spread.coefficients))
        for name, values in named(moved).items():
            up, down = values.reshape(2, -1, *values.shape[1:])
            with np.errstate(invalid="ignore"):
                own = (((up - down) / (2.0 * spread.step)) ** 2).sum(axis=0, keepdims=True)
            total[name] = total[name] + own if name in total else own
    if not total:
        return {name: np.zeros_like(values, dtype=np.float64) for name, values in named(draws).items()}
    return {name: np.sqrt(value) for name, value in total.items()}
