"""Sensitivity to the prior: its densities against SciPy's, and verdicts where the answer is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.diagnostics.prior_sensitivity import LIMIT, log_prior, prior_sensitivity


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x = rng.normal(2, 1, 60)
    return pd.DataFrame({"y": 1 + 0.5 * x + rng.normal(0, 1, 60), "x": x, "g": [*"abcdef"] * 10})


def test_densities_are_those_of_scipy(made_up: Any, data: pd.DataFrame) -> None:
    priors = {"Intercept": "Normal(1, 3)", "x": "StudentT(4, 0, 2)", "1|g_sigma": "Exponential(2)", "g_corr": "LKJ(3)"}
    fit = made_up(bd.Model("y ~ x + (1 + x | g)", data, priors={**priors, "sigma": "HalfNormal(2)"}))
    found, p = log_prior(fit), fit.posterior
    at_means = p["Intercept"] + data["x"].mean() * p["x"]
    assert found["Intercept"].values == pytest.approx(stats.norm(1, 3).logpdf(at_means))
    assert found["x"].values == pytest.approx(stats.t(4, 0, 2).logpdf(p["x"]))
    assert found["1|g_sigma"].values == pytest.approx(stats.expon(scale=0.5).logpdf(p["1|g_sigma"]))
    assert found["sigma"].values == pytest.approx(stats.halfnorm(scale=2).logpdf(p["sigma"]))
    r = p["g_corr"].values[..., 0]
    assert found["g_corr"].values == pytest.approx(2 * np.log(1 - r**2))
    assert "1|g" not in found


def test_raw_intercept_and_levels(made_up: Any, data: pd.DataFrame) -> None:
    fit = made_up(bd.Model("y ~ x + g", data, priors={"Intercept_raw": "Normal(1, 3)", "g": "Normal(0, 2)"}))
    found, p = log_prior(fit), fit.posterior
    assert found["Intercept"].values == pytest.approx(stats.norm(1, 3).logpdf(p["Intercept"]))
    assert found["g"].values == pytest.approx(stats.norm(0, 2).logpdf(p["g"]).sum(axis=2))
    default = made_up(bd.Model("y ~ x + g", data, priors={"Intercept": "Normal(1, 3)"}))
    design = pd.get_dummies(data["g"], drop_first=True).mean().to_numpy()
    q = default.posterior
    at_means = q["Intercept"] + data["x"].mean() * q["x"] + (q["g"].values * design).sum(axis=2)
    assert log_prior(default)["Intercept"].values == pytest.approx(stats.norm(1, 3).logpdf(at_means))


def test_joint_and_nested_priors_are_left_out(made_up: Any, data: pd.DataFrame) -> None:
    fit = made_up(bd.Model("y ~ x", data, priors={"x": "Normal(0, HalfNormal(1))"}))
    assert set(log_prior(fit)) == {"Intercept", "sigma"}


@pytest.mark.parametrize(("prior", "strong"), [("Normal(0, 100)", False), ("Normal(0, 0.1)", True)])
def test_a_prior_that_decides_is_found(data: pd.DataFrame, prior: str, strong: bool) -> None:
    fit = bd.Model("y ~ x", data, priors={"x": prior}).fit(draws=500, chains=2, tune=300, seed=1, progress=False)
    found = prior_sensitivity(fit)
    assert (found.loc["x", "prior"] >= LIMIT) == strong
    assert bool(found.loc["x", "diagnosis"]) == strong
    assert found.attrs["left_out"] == ()


def test_points_are_refused(made_up: Any, data: pd.DataFrame) -> None:
    fit = made_up(bd.Model("y ~ x", data), draws=1, chains=1)
    with pytest.raises(bd.FitError, match="needs at least 25 draws from the posterior"):
        prior_sensitivity(fit)
