"""Coefficients beside a network keep their meaning, and networks by group find what differs: by simulation."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

pytestmark = pytest.mark.slow
SETS = 50
NUTS = {"method": "nuts", "chains": 2, "draws": 150, "progress": False}


def linear_and_smooth(seed: int) -> tuple[pd.DataFrame, float]:
    """Return 150 rows and the best linear coefficient of x: that of the true function, by least squares on these rows."""
    rng = np.random.default_rng(1000 + seed)
    x = rng.normal(size=150)
    z = 0.5 * x + rng.normal(size=150)
    truth = 1 + 0.7 * x + np.sin(1.5 * z) + 0.6 * x * np.tanh(z)
    slope = float(np.polyfit(x, truth, 1)[0])
    return pd.DataFrame({"x": x, "z": z, "y": truth + 0.5 * rng.normal(size=150)}), slope


def intervals(orthogonal: bool) -> tuple[float, float, float]:
    """Return the share of 90 % intervals that hold the coefficient, their mean width, and the mean error."""
    inside, width, error = [], [], []
    for seed in range(SETS):
        d, slope = linear_and_smooth(seed)
        model = bd.Model(f"y ~ x + net(x, z, hidden=[6], orthogonal={orthogonal})", d)
        draws = model.fit(**NUTS, tune=200, seed=seed).posterior["x"].values.ravel()
        low, high = np.quantile(draws, [0.05, 0.95])
        inside.append(low < slope < high)
        width.append(high - low)
        error.append(draws.mean() - slope)
    return float(np.mean(inside)), float(np.mean(width)), float(np.mean(error))


def test_coverage_of_a_coefficient_beside_a_network():
    covered, width, error = intervals(True)
    _, loose, off = intervals(False)
    assert 0.9 - 3 * np.sqrt(0.9 * 0.1 / SETS) < covered
    assert width < 0.2
    assert abs(error) < 3 * 0.05 / np.sqrt(SETS)
    # Without it the network takes over part of the linear effect, and the coefficient says little.
    assert loose > 5 * width
    assert abs(off) > 5 * abs(error)


def by_group(seed: int, differ: float, groups: int = 12, each: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows and others: sines whose height and phase vary by group where they differ, and levels that do."""
    rng = np.random.default_rng(seed)
    level, phase = rng.normal(0, 0.5, groups), differ * rng.normal(0, 0.8, groups)
    height = 1 + differ * rng.normal(0, 0.4, groups)

    def rows() -> pd.DataFrame:
        g, x = np.repeat(np.arange(groups), each), rng.uniform(-2, 2, groups * each)
        mean = level[g] + height[g] * np.sin(1.5 * x + phase[g])
        return pd.DataFrame({"x": x, "g": [f"g{k}" for k in g], "y": mean + 0.3 * rng.normal(size=len(x))})

    return rows(), rows()


VARYING = {
    "last": "y ~ (net(x, hidden=[6]) | g)",
    "groups": "y ~ (net(x, hidden=[6], orthogonal='groups') | g)",
    "weights": "y ~ (net(x, hidden=[6], pool='weights') | g)",
}


@cache
def scored(formula: str, differ: float, seed: int) -> tuple[np.ndarray, bd.Fit]:
    train, test = by_group(seed, differ)
    fit = bd.Model(formula, train).fit(**NUTS, tune=250, seed=seed)
    return fit.log_score(test, pointwise=True), fit


@pytest.mark.parametrize("kind", list(VARYING))
def test_networks_by_group_win_where_groups_differ_in_shape(kind):
    common, _ = scored("y ~ (1 | g) + net(x, hidden=[6])", 1.0, 1)
    own, fit = scored(VARYING[kind], 1.0, 1)
    gain = own - common
    assert gain.mean() > 0.3
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))
    assert float(fit.posterior["net(x)|g_sigma"].mean()) > 0.3


@pytest.mark.parametrize("kind", list(VARYING))
def test_they_shrink_to_one_function_where_groups_do_not(kind):
    common, _ = scored("y ~ (1 | g) + net(x, hidden=[6])", 0.0, 1)
    own, fit = scored(VARYING[kind], 0.0, 1)
    assert abs((own - common).mean()) < 0.04
    assert float(fit.posterior["net(x)|g_sigma"].mean()) < 0.3
    if kind == "weights":
        assert float(fit.posterior["net(x)_hidden|g_sigma"].mean()) < 0.1
