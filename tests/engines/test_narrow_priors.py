"""Scales whose priors allow little room are found there, with the numbers that quadrature gives."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(5)
GROUPS, EACH, NOISE = 8, 4, 0.5
ROWS = pd.DataFrame({"g": np.repeat(list("abcdefgh"), EACH)})
ROWS["y"] = np.repeat(RNG.normal(size=GROUPS), EACH) + NOISE * RNG.normal(size=len(ROWS))


@pytest.mark.few(1)
@pytest.mark.parametrize(("low", "high"), [(5.0, 9.0), (0.699, 0.701), (0.0, 0.3)])
def test_a_scale_within_narrow_bounds(low: float, high: float) -> None:
    priors = {"Intercept": "Flat()", "1|g_sigma": f"Uniform({low}, {high})"}
    model = bd.Model("y ~ (1 | g)", ROWS, priors=priors, sigma=bd.known(NOISE))
    draws = model.fit("collapsed", seed=1, draws=1000, chains=2, progress=False).idata.posterior["1|g_sigma"].values.ravel()
    assert low <= draws.min()
    assert draws.max() <= high
    means = ROWS.groupby("g").y.mean().to_numpy()
    at = np.linspace(low, high, 2001)[1:-1]
    variance = at**2 + NOISE**2 / EACH
    log = -0.5 * (GROUPS - 1) * np.log(variance) - 0.5 * ((means - means.mean()) ** 2).sum() / variance
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    mean = weights @ at
    sd = np.sqrt(weights @ (at - mean) ** 2)
    assert abs(draws.mean() - mean) < 0.15 * sd
    assert abs(draws.std() / sd - 1) < 0.1
