"""Laws of groups' effects that are not normal: Student's t, and clusters with the weights of a Dirichlet process."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.scope import distribution
from bayesdeep.priors.DirichletProcess import belonging

WEIGHT, CENTRE, WITHIN = np.array([0.5, 0.3, 0.2]), np.array([-1.0, 0.5, 1.75]), 0.3


def rows(groups: int = 8, each: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(groups), each)
    y = rng.choice([-1.0, 1.5], groups)[g] + rng.normal(0, 0.5, len(g))
    return pd.DataFrame(
        {"g": [f"g{i}" for i in g], "h": [f"h{i % 3}" for i in g], "x": rng.normal(size=len(g)), "y": y}
    )


def clusters(model: bd.Model, draws: int = 4000) -> dict[str, np.ndarray]:
    found = model.prior_predictive(draws, seed=1)["prior"].to_dataset()
    return {str(name): value.values[0] for name, value in found.data_vars.items()}


def test_the_density_is_that_of_the_mixture():
    x = np.array([-4.0, -1.0, 0.1, 0.5, 3.0])
    given = {"weight": WEIGHT, "centre": CENTRE, "within": WITHIN, "mu": 0.4, "sigma": 2.0}
    found = pm.logp(distribution("DirichletProcess").dist(**given), x).eval(mode=array_mode())
    expected = np.log((WEIGHT * stats.norm(0.4 + 2.0 * CENTRE, 2.0 * WITHIN).pdf(x[:, None])).sum(axis=1))
    np.testing.assert_allclose(found, expected, rtol=1e-7)  # PyMC's wrapper of plain numbers has 32 bits.


def test_draws_have_the_density():
    given = {"weight": WEIGHT, "centre": CENTRE, "within": WITHIN, "mu": 0.4, "sigma": 2.0}
    draws = pm.draw(distribution("DirichletProcess").dist(**given, shape=(4000,)), 1, random_seed=1, mode=array_mode())
    cdf = lambda v: (WEIGHT * stats.norm(0.4 + 2.0 * CENTRE, 2.0 * WITHIN).cdf(np.asarray(v)[:, None])).sum(axis=1)  # noqa: E731
    assert stats.kstest(draws, cdf).pvalue > 1e-3


def test_the_mean_of_groups_is_0_and_their_sd_is_the_one_reported():
    found = clusters(bd.Model("y ~ x + (1 | g)", rows(), priors={"1|g": "DirichletProcess(alpha=1, K=5)"}), 300)
    weight, centre = found["1|g_weight"], found["1|g_centre"]
    np.testing.assert_allclose(weight.sum(axis=-1), 1.0, rtol=1e-12)
    np.testing.assert_allclose((weight * centre).sum(axis=-1) / found["1|g_sigma"], 0.0, atol=1e-12)
    variance = (weight * centre**2).sum(axis=-1) + found["1|g_within"] ** 2
    np.testing.assert_allclose(variance, found["1|g_sigma"] ** 2, rtol=1e-10)
    p = belonging(found["1|g"], weight, centre, found["1|g_within"])
    np.testing.assert_allclose((1.0 - np.prod(1.0 - p, axis=1)).sum(axis=-1), found["1|g_clusters"], rtol=1e-8)


def test_weights_are_those_of_stick_breaking():
    weight = clusters(bd.Model("y ~ (1 | g)", rows(), priors={"1|g": "DirichletProcess(alpha=2, K=4)"}))["1|g_weight"]
    expected = np.array([1 / 3, 2 / 9, 4 / 27, 8 / 27])
    np.testing.assert_allclose(weight.mean(axis=0), expected, atol=5 * weight.std(axis=0).max() / np.sqrt(len(weight)))


@pytest.mark.parametrize(
    ("formula", "key", "text", "match"),
    [
        ("y ~ (1 + x | g)", "1|g", "DirichletProcess()", "'1.g' is none"),
        ("y ~ x", "x", "DirichletProcess()", "'x' is none"),
        ("y ~ (1 | g)", "1|g", "DirichletProcess(K=2.5)", "'K' is 2.5; it is the largest number of clusters"),
        ("y ~ (1 | g)", "1|g", "DirichletProcess(K=1)", "from 2 to 50"),
        ("y ~ (1 | g)", "1|g", "DirichletProcess(alpha=0)", "'alpha' is 0; it must be positive"),
        ("y ~ (1 | g)", "1|g", "DirichletProcess(alpha=Gamma(1, 1))", "must be a number"),
        ("y ~ (1 | g) + (1 | h)", "1|g, 1|h", "DirichletProcess()", "give each of 1.g, 1.h its own"),
        ("h ~ (1 | g)", "1|g", "DirichletProcess()", "predictor for each level"),
    ],
)
def test_where_it_cannot_stand_is_said(formula, key, text, match):
    family = "categorical" if formula.startswith("h") else "gaussian"
    with pytest.raises(bd.PriorError, match=match):
        bd.Model(formula, rows(), family=family, priors={key: text})


@pytest.mark.integration
@pytest.mark.parametrize("family", ["gaussian", "bernoulli"])
def test_new_groups_are_drawn_from_the_t(family):
    data = rows(20).assign(b=lambda d: (d["y"] > 0).astype(int))
    response = "y" if family == "gaussian" else "b"
    fit = bd.Model(f"{response} ~ (1 | g)", data, family=family, priors={"1|g": "StudentT(3, 0, HalfNormal(1))"}).fit(
        method="nuts", seed=1, draws=500, tune=500
    )
    new = pd.DataFrame({"g": ["new"]})
    draws = np.asarray(fit.draws(new, kind="linear", new_groups="sample", seed=2)).ravel()
    posterior = fit.idata["posterior"].to_dataset()
    assert len(draws) == posterior["Intercept"].size
    z = (draws - posterior["Intercept"].values.ravel()) / posterior["1|g_sigma"].values.ravel()
    assert stats.kstest(z, stats.t(3).cdf).pvalue > 1e-3
    assert stats.kstest(z, stats.norm.cdf).pvalue < 0.05
