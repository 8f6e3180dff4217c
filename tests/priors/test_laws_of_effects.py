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


def clustered(seed: int, groups: int, each: int, prefix: str) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    effect = rng.choice([-2.0, 0.0, 2.0], groups, p=[0.4, 0.25, 0.35])
    g, x = np.repeat(np.arange(groups), each), rng.normal(size=groups * each)
    y = 0.3 + 0.5 * x + effect[g] + rng.normal(0, 0.7, len(g))
    return pd.DataFrame({"g": [f"{prefix}{i:03d}" for i in g], "x": x, "y": y}), effect


def test_clusters_of_effects_without_any_are_refused():
    fit = bd.Model("y ~ x + (1 | g)", rows()).fit(seed=1, draws=50)
    with pytest.raises(bd.FitError, match="DirichletProcess"):
        fit.clusters()


@pytest.mark.slow
def test_groups_in_three_clusters_are_found_and_new_ones_better_predicted():
    data, effect = clustered(0, 40, 6, "g")
    new, _ = clustered(9, 400, 1, "new")
    model = bd.Model("y ~ x + (1 | g)", data, priors={"1|g": "DirichletProcess(alpha=1, K=10)"})
    fit, normal = model.fit(seed=1), bd.Model("y ~ x + (1 | g)", data).fit(seed=1)
    assert fit.diagnose().verdict == "trust"
    # Rows of 400 groups never seen: 37 with a standard error of 9 when this was written.
    gain = np.subtract(*(f.log_score(new, pointwise=True, new_groups="sample") for f in (fit, normal)))
    assert gain.sum() > 2 * gain.std() * np.sqrt(len(gain))
    with pytest.raises(bd.FitError, match="no law with clusters"):
        fit.clusters("x")
    for loss in ("vi", "binder"):
        found = fit.clusters(loss=loss)
        assert found.number["lower"] <= 3 <= found.number["upper"]
        assert found.probabilities.sum() == pytest.approx(1.0)
        together = found.together.to_numpy()
        np.testing.assert_allclose(together, together.T, atol=1e-12)
        same = effect[:, None] == effect
        assert together[same].mean() > 0.8 > 0.2 > together[~same].mean()
        majority = pd.DataFrame({"c": found.partition.to_numpy(), "u": effect}).groupby("c")["u"].agg(lambda u: u.mode()[0])
        assert (found.partition.map(majority).to_numpy() == effect).mean() > 0.9


@pytest.mark.slow
def test_where_groups_are_no_clusters_nothing_is_lost():
    data = bd.load_dataset("sleepstudy")
    folds = {}
    for name, priors in (("normal", {}), ("clusters", {"1|subject": "DirichletProcess(alpha=1, K=10)"})):
        fit = bd.Model("reaction ~ days + (1 | subject)", data, priors=priors).fit(method="nuts", seed=1)
        folds[name] = fit.kfold(6, by="subject", seed=1, progress=False).elpd_i.to_numpy()
    by_group = pd.Series(folds["clusters"] - folds["normal"]).groupby(data["subject"].to_numpy()).sum()
    assert by_group.sum() > -2 * by_group.std() * np.sqrt(len(by_group))
