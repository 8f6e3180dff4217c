"""Simulated rows with an intercept and a slope by group."""

from typing import Any

import numpy as np

INTERCEPT, SLOPE, SDS, CORRELATION, NOISE = 1.0, 0.5, (0.5, 0.3), -0.4, 1.0


def varying_slope(rows: int, groups: int, family: str = "gaussian", seed: int = 1) -> Any:
    """Return a data frame of ``y``, ``x`` and ``g``; groups are numbers written as text."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    covariance = CORRELATION * SDS[0] * SDS[1]
    matrix = [[SDS[0] ** 2, covariance], [covariance, SDS[1] ** 2]]
    effects = rng.multivariate_normal([0.0, 0.0], matrix, size=groups)
    codes, x = rng.integers(0, groups, size=rows), rng.normal(size=rows)
    eta = INTERCEPT + effects[codes, 0] + (SLOPE + effects[codes, 1]) * x
    y = eta + NOISE * rng.normal(size=rows) if family == "gaussian" else (rng.random(rows) < 1 / (1 + np.exp(-eta))) * 1
    labels = pd.Categorical.from_codes(codes, [f"{i}" for i in range(groups)])
    return pd.DataFrame({"y": y, "x": x, "g": labels})


def priors(family: str = "gaussian") -> dict[str, str]:
    """Return the priors of the model ``y ~ x + (1 + x | g)``."""
    found = {
        "Intercept": "Normal(0, 2.5)",
        "x": "Normal(0, 2.5)",
        "1|g_sigma": "HalfStudentT(3, 1)",
        "x|g_sigma": "HalfStudentT(3, 1)",
        "g_corr": "LKJ(2)",
    }
    return {**found, "sigma": "HalfStudentT(4, 1)"} if family == "gaussian" else found
