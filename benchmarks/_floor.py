"""What the machine must do whatever the method: read the data, take a gradient, factorise by group.

Of the model ``y ~ x + (1 + x | g)`` in NumPy and the standard library's clock; the best of several repeats.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

REPEATS = 5


def best(work: Callable[[], Any]) -> float:
    """Return the least seconds of several calls."""
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def floor(frame: Any) -> dict[str, float]:
    """Return seconds of one pass, one gradient, and one factorisation.

    ``pass``: every number of the data is read once. ``reduce``: cross products by group, all that a Gaussian model
    needs of the data. ``gradient``: of the joint log density given effects. ``factorisation``: one 2 x 2 Cholesky
    factor a group, and the system of the population coefficients.
    """
    y, x = frame["y"].to_numpy(dtype=float), frame["x"].to_numpy(dtype=float)
    codes = frame["g"].cat.codes.to_numpy().astype(np.int64)
    groups = len(frame["g"].cat.categories)

    def read() -> float:
        return float(y.sum() + x.sum() + codes.sum())

    def total(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(codes, weights, groups)

    def reduce() -> tuple[np.ndarray, ...]:
        return total(), total(x), total(x * x), total(y), total(x * y), total(y * y)

    u = np.random.default_rng(1).normal(size=(groups, 2))

    def gradient() -> tuple[np.ndarray, ...]:
        rest = y - u[codes, 0] - u[codes, 1] * x
        return total(rest), total(rest * x), rest @ rest

    n, sx, sxx, sy, sxy, _ = reduce()

    def factorise() -> np.ndarray:
        a, b, c = n + 4.0, sx, sxx + 9.0
        l1 = np.sqrt(a)
        l21 = b / l1
        l2 = np.sqrt(c - l21**2)
        h = np.stack([n / l1, (sx - l21 * n / l1) / l2, sx / l1, (sxx - l21 * sx / l1) / l2, sy / l1, sxy / l2])
        return np.linalg.cholesky(h[:2] @ h[:2].T + np.eye(2))

    return {
        "pass": best(read),
        "reduce": best(reduce),
        "gradient": best(gradient),
        "factorisation": best(factorise),
    }
