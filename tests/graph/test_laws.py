"""Laws of the graph, checked without sampling: its density, its pointwise terms and its prior draws."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import PriorError
from bayesdeep.core.registry import PRIORS
from bayesdeep.graph.evaluate import array_mode, forward_draws, row_function


def data(rows: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "x": rng.normal(3, 2, rows),
            "z": rng.normal(size=rows),
            "a": rng.choice(list("uvw"), rows),
            "g": rng.choice(list("pqrs"), rows),
            "y": rng.normal(size=rows),
            "k": rng.poisson(2, rows),
            "w": rng.uniform(0.2, 3, rows),
        }
    )


def graph_of(model: bd.Model) -> Any:
    return model._graph


def prior_draws(model: bd.Model, draws: int, *names: str, seed: int = 1) -> list[np.ndarray]:
    """Return prior draws ``(draw, …)`` of posterior names."""
    found = forward_draws(graph_of(model), names, draws, {}, seed)
    return [found[name] for name in names]


QUICK = {"mode": array_mode(), "on_unused_input": "ignore"}
"""Python's linker: these functions are called a few times, and compiling them would take minutes."""


def log_density(model: Any, point: dict[str, np.ndarray]) -> float:
    return float(model.compile_logp(**QUICK)(point))


# Density


def test_density_is_the_sum_of_priors_jacobians_and_pointwise_terms():
    d = data()
    priors = {
        "Intercept": "Normal(1, 2)",
        "x": "StudentT(4, 0, 1.5)",
        "1|g_sigma": "HalfNormal(0.7)",
        "sigma": "Gamma(2, 3)",
    }
    model = bd.Model("y ~ x + (1 | g)", d, priors=priors).pymc
    rng = np.random.default_rng(0)
    z, b, at_mean = rng.normal(size=4), 0.3, -0.4
    scale, sigma = 0.5, 1.2
    point = {
        "Intercept_at_means": np.array(at_mean),
        "x": np.array(b),
        "1|g_sigma_log__": np.log(scale),
        "1|g_z": z,
        "sigma_log__": np.log(sigma),
    }
    assert set(point) == {v.name for v in model.value_vars}
    eta = at_mean + b * (d.x - d.x.mean()) + scale * z[d.g.map(dict(zip("pqrs", range(4), strict=True)))]
    expected = (
        stats.norm(1, 2).logpdf(at_mean)
        + stats.t(4, 0, 1.5).logpdf(b)
        + stats.norm.logpdf(z).sum()
        + stats.halfnorm(scale=0.7).logpdf(scale)
        + np.log(scale)
        + stats.gamma(2, scale=1 / 3).logpdf(sigma)
        + np.log(sigma)
        + stats.norm(eta, sigma).logpdf(d.y).sum()
    )
    assert log_density(model, point) == pytest.approx(expected, rel=1e-10)


MODELS = {
    "gaussian": ("y ~ x * a + (1 + x | g)", {}),
    "sigma": ("y ~ x + (1 | g)", {"sigma": "~ z + (1 | g)"}),
    "weighted": ("weighted(y, w) ~ x", {}),
    "poisson": ("k ~ x + offset(log(w)) + (z || g)", {"family": "poisson"}),
    "nested": ("y ~ poly(x, 2) + z", {"priors": {"population": "Normal(0, HalfNormal(1))"}}),
    "horseshoe": ("y ~ x + z + a", {"priors": {"population": "Horseshoe()"}}),
    "uncentred": ("y ~ x", {"priors": {"Intercept_raw": "Cauchy(0, 2)"}}),
}


@pytest.mark.few(3)
@pytest.mark.parametrize("name", list(MODELS))
def test_density_minus_prior_is_the_sum_of_pointwise_terms(name):
    formula, options = MODELS[name]
    model = bd.Model(formula, data(), **options)
    graph, pymc = graph_of(model), model.pymc
    response = model.spec.response.name
    free = [v for v in pymc.basic_RVs if v.name != response]
    prior = pymc.compile_logp(vars=free, **QUICK)
    everything = pymc.compile_logp(**QUICK)
    pointwise = pymc.compile_fn(pymc.replace_rvs_by_values([graph.response.pointwise])[0], inputs=pymc.value_vars, **QUICK)
    rng = np.random.default_rng(5)
    for _ in range(3):
        point = {k: v + rng.normal(size=np.shape(v)) * 0.5 for k, v in pymc.initial_point().items()}
        rows = pointwise(point)
        assert rows.shape == (24,)
        assert everything(point) == pytest.approx(prior(point) + rows.sum(), rel=1e-9)


def test_pointwise_terms_of_results_are_scipys():
    d = data()
    model = bd.Model("y ~ x + (1 | g)", d, sigma="~ z")
    draws = model.prior_predictive(7, seed=3)["prior"].to_dataset().isel(chain=0)
    graph = graph_of(model)
    function = row_function(graph, ["pointwise", "linear", "mean"])
    found, linear, mean = function({k: draws[k].values for k in function._given})
    group = draws["1|g"].sel(g=d.g.to_list()).values
    eta = draws.Intercept.values[:, None] + draws.x.values[:, None] * d.x.values + group
    sigma = np.exp(draws.sigma_Intercept.values[:, None] + draws.sigma_z.values[:, None] * d.z.values)
    np.testing.assert_allclose(linear, eta, rtol=1e-10)
    np.testing.assert_allclose(mean, eta, rtol=1e-10)
    np.testing.assert_allclose(found, stats.norm(eta, sigma).logpdf(d.y.values), rtol=1e-9)


def test_pointwise_poisson_with_offset_is_scipys():
    d = data()
    model = bd.Model("k ~ x + offset(log(w))", d, family="poisson", priors={"x": "Normal(0, 0.2)"})
    draws = model.prior_predictive(7, seed=3)["prior"].to_dataset().isel(chain=0)
    function = row_function(graph_of(model), ["pointwise"])
    (found,) = function({k: draws[k].values for k in function._given})
    mu = d.w.values * np.exp(draws.Intercept.values[:, None] + draws.x.values[:, None] * d.x.values)
    np.testing.assert_allclose(found, stats.poisson(mu).logpmf(d.k.values), rtol=1e-8)


# Prior draws

SCIPY = {
    "Normal": ("Normal(1, 2)", stats.norm(1, 2)),
    "StudentT": ("StudentT(3, 1, 2)", stats.t(3, 1, 2)),
    "Cauchy": ("Cauchy(1, 2)", stats.cauchy(1, 2)),
    "Laplace": ("Laplace(1, 2)", stats.laplace(1, 2)),
    "Logistic": ("Logistic(1, 2)", stats.logistic(1, 2)),
    "Uniform": ("Uniform(-1, 3)", stats.uniform(-1, 4)),
    "TruncatedNormal": ("TruncatedNormal(1, 2, 0, 4)", stats.truncnorm(-0.5, 1.5, 1, 2)),
    "HalfNormal": ("HalfNormal(2)", stats.halfnorm(scale=2)),
    "HalfStudentT": ("HalfStudentT(3, 2)", stats.gamma(1)),  # its own law is below
    "HalfCauchy": ("HalfCauchy(2)", stats.halfcauchy(scale=2)),
    "Exponential": ("Exponential(2)", stats.expon(scale=0.5)),
    "Gamma": ("Gamma(2, 3)", stats.gamma(2, scale=1 / 3)),
    "InverseGamma": ("InverseGamma(3, 2)", stats.invgamma(3, scale=2)),
    "LogNormal": ("LogNormal(0.3, 0.5)", stats.lognorm(0.5, scale=np.exp(0.3))),
    "Weibull": ("Weibull(1.5, 2)", stats.weibull_min(1.5, scale=2)),
    "Beta": ("Beta(2, 3)", stats.beta(2, 3)),
}
SPECIAL = {"Flat", "HalfFlat", "Horseshoe", "R2D2", "R2D2M2", "LKJ", "SpikeSlab", "Dirichlet", "DirichletProcess"}
"""Those with laws of their own, below, in tests/priors or, of shares, in tests/terms/test_mo.py."""


def test_every_prior_of_the_registry_has_a_law_here():
    assert set(PRIORS.names()) == set(SCIPY) | SPECIAL


def slot_for(support: str) -> tuple[str, str]:
    """Return a slot that takes a prior of this support, and the formula."""
    return ("sigma", "y ~ 1") if support in ("positive", "unit") else ("x", "y ~ x")


@pytest.mark.parametrize("name", list(SCIPY))
def test_prior_draws_follow_scipys_distribution(name):
    text, law = SCIPY[name]
    slot, formula = slot_for(PRIORS[name].support)
    model = bd.Model(formula, data(), priors={slot: text})
    (draws,) = prior_draws(model, 4000, slot, seed=4)
    if name == "HalfStudentT":
        draws, law = draws / 2, stats.t(3)
        draws = np.where(np.random.default_rng(0).random(4000) < 0.5, -draws, draws)
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3, name


@pytest.mark.parametrize("name", list(SCIPY))
def test_prior_density_is_scipys(name):
    text, law = SCIPY[name]
    slot, formula = slot_for(PRIORS[name].support)
    model = bd.Model(formula, data(), priors={slot: text}).pymc
    variable = model[slot]
    density = model.compile_logp(vars=[variable], jacobian=False, **QUICK)
    base = model.initial_point()
    value = model.rvs_to_values[variable].name
    transform = model.rvs_to_transforms[variable]
    for at in law.ppf([0.1, 0.5, 0.93]):
        free = at if transform is None else transform.forward(at, *variable.owner.inputs).eval()
        found = float(density({**base, value: np.asarray(free)}))
        expected = np.log(2) + stats.t(3).logpdf(at / 2) - np.log(2) if name == "HalfStudentT" else law.logpdf(at)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-8), name


@pytest.mark.parametrize("text", ["Flat()", "HalfFlat()"])
def test_improper_priors_cannot_be_drawn_from(text):
    slot = "sigma" if text == "HalfFlat()" else "Intercept"
    model = bd.Model("y ~ x", data(), priors={slot: text})
    with pytest.raises(PriorError, match=f"prior '{slot}'.*improper"):
        model.prior_predictive(10, seed=1)


# Nested scales and joint priors


def test_nested_scale_is_a_hyperparameter_of_the_posterior():
    model = bd.Model("y ~ x", data(), priors={"x": "Normal(1, HalfNormal(2))"})
    graph = graph_of(model)
    assert "x_sigma" in graph.reported
    assert "x_z" not in graph.reported  # the non-centred form stays inside
    x, scale = prior_draws(model, 20_000, "x", "x_sigma")
    assert stats.kstest(scale, stats.halfnorm(scale=2).cdf).pvalue > 1e-3
    assert stats.kstest((x - 1) / scale, stats.norm.cdf).pvalue > 1e-3
    assert x.mean() == pytest.approx(1, abs=0.06)
    assert x.std() == pytest.approx(2, rel=0.05)  # E sigma² = 4


def test_joined_keys_share_one_nested_scale():
    model = bd.Model("y ~ x + z + a", data(), priors={"x, z": "Laplace(0, HalfCauchy(1))"})
    graph = graph_of(model)
    assert [n for n in graph.reported if n.endswith("_b")] == ["x, z_b"]
    x, z, scale = prior_draws(model, 5000, "x", "z", "x, z_b")
    for value in (x, z):
        assert stats.kstest(value / scale, stats.laplace.cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(x, z).statistic) < 0.05
    assert stats.spearmanr(np.abs(x), np.abs(z)).statistic > 0.3  # they share their scale
    assert {p.key for p in model.spec.priors if p.name in ("x", "z")} == {"x, z"}
    assert next(p for p in model.spec.priors if p.name == "a").origin == "default"


def test_nesting_goes_on():
    model = bd.Model("y ~ x", data(), priors={"x": "StudentT(Gamma(2, 0.1), 0, HalfNormal(Exponential(1)))"})
    names = set(graph_of(model).reported)
    assert {"x", "x_nu", "x_sigma", "x_sigma_sigma"} <= names
    x, nu, sigma = prior_draws(model, 6000, "x", "x_nu", "x_sigma")
    assert stats.kstest(stats.t(nu).cdf(x / sigma), stats.uniform.cdf).pvalue > 1e-3


@pytest.mark.parametrize("text", ["Horseshoe()", "Horseshoe(0.1)", "R2D2(0.4, 5)"])
def test_block_prior_has_one_global_scale(text):
    d = data()
    model = bd.Model("y ~ x + z * a", d, sigma="~ x", priors={"population": text})
    graph = graph_of(model)
    suffix = "tau" if text.startswith("Horseshoe") else "R2"
    assert [n for n in graph.reported if n.endswith(f"_{suffix}")] == [f"population_{suffix}"]
    key = {p.name: p.key for p in model.spec.priors}
    assert {n for n, k in key.items() if k == "population"} == {"x", "z", "a", "z:a"}
    assert key["Intercept"] == "Intercept"
    assert key["sigma_x"] == "sigma_x"  # the block is over the main predictor's coefficients
    sizes = {n: graph.reported[n].tensor.eval().shape for n in ("x", "z", "a", "z:a")}
    assert sizes == {"x": (), "z": (), "a": (2,), "z:a": (2,)}
    one_lambda = [v for v in model.pymc.free_RVs if v.name in ("population_lambda", "population_weight")]
    assert [v.eval().shape for v in one_lambda] == [(6,)]


def test_horseshoe_law_by_hand():
    d = data()
    model = bd.Model("y ~ x + z", d, priors={"population": "Horseshoe(0.5, 1e6)"})
    x, z, tau = prior_draws(model, 20_000, "x", "z", "population_tau")
    unit = {p.name: p.unit for p in model.spec.priors}
    assert unit["x"] == pytest.approx(d.y.std(ddof=0) / d.x.std(ddof=0))
    assert stats.kstest(tau, stats.halfcauchy(scale=0.5).cdf).pvalue > 1e-3
    # with a slab so wide that it does nothing, beta / (unit tau) is normal times half-Cauchy
    rng = np.random.default_rng(0)
    plain = rng.normal(size=20_000) * np.abs(rng.standard_cauchy(20_000))
    for name, value in (("x", x), ("z", z)):
        assert stats.ks_2samp(value / (unit[name] * tau), plain).pvalue > 1e-3


def test_r2d2_explains_the_share_it_says():
    model = bd.Model("y ~ x + z", data(), priors={"population": "R2D2(0.4, 5)"})
    x, z, share = prior_draws(model, 20_000, "x", "z", "population_R2")
    unit = {p.name: p.unit for p in model.spec.priors}
    assert stats.kstest(share, stats.beta(2, 3).cdf).pvalue > 1e-3
    total = (x / unit["x"]) ** 2 + (z / unit["z"]) ** 2
    assert np.mean(total / share) == pytest.approx(1, abs=0.05)


# Correlations


def correlations(size: int, eta: float, draws: int) -> np.ndarray:
    """Return prior draws of correlation matrices ``(draw, size, size)``."""
    rng = np.random.default_rng(0)
    d = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("qrst")).assign(g=np.repeat(list("abc"), 10), y=0.0)
    formula = f"y ~ 1 + (1 + {' + '.join('qrst'[: size - 1])} | g)"
    model = bd.Model(formula, d, priors={"g_corr": f"LKJ({eta})"})
    (pairs,) = prior_draws(model, draws, "g_corr", seed=9)
    assert pairs.shape == (draws, size * (size - 1) // 2)
    matrix = np.tile(np.eye(size), (draws, 1, 1))
    lower = np.array([(i, j) for i in range(1, size) for j in range(i)])
    matrix[:, lower[:, 0], lower[:, 1]] = matrix[:, lower[:, 1], lower[:, 0]] = pairs
    return matrix


def log_lkj_constant(size: int, eta: float) -> float:
    """Return the log of the integral of ``|R|^(eta - 1)`` over correlation matrices (Lewandowski et al. 2009)."""
    from scipy.special import betaln

    return sum(
        (2 * eta - 2 + size - k) * (size - k) * np.log(2)
        + (size - k) * betaln(eta + (size - k - 1) / 2, eta + (size - k - 1) / 2)
        for k in range(1, size)
    )


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("eta", [1.0, 2.5])
def test_lkj_prior_draws(size, eta):
    matrix = correlations(size, eta, 4000)
    assert np.linalg.eigvalsh(matrix).min() > 0
    shape = eta + (size - 2) / 2
    marginal = stats.beta(shape, shape, loc=-1, scale=2)
    for i in range(1, size):
        for j in range(i):
            assert stats.kstest(matrix[:, i, j], marginal.cdf).pvalue > 1e-3, (i, j)
    determinant = np.linalg.det(matrix)
    expected = np.exp(log_lkj_constant(size, eta + 1) - log_lkj_constant(size, eta))
    assert determinant.mean() == pytest.approx(expected, abs=5 * determinant.std() / np.sqrt(4000))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_lkj_density_is_a_power_of_the_determinant(size):
    rng = np.random.default_rng(0)
    d = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("qrst")).assign(g=np.repeat(list("abc"), 10), y=0.0)
    model = bd.Model(f"y ~ 1 + (1 + {' + '.join('qrst'[: size - 1])} | g)", d, priors={"g_corr": "LKJ(1.7)"})
    pymc, graph = model.pymc, graph_of(model)
    hidden = next(v for v in pymc.free_RVs if v.name == "g_corr_partial")
    value = pymc.rvs_to_values[hidden]
    density = pymc.compile_logp(vars=[hidden], **QUICK)
    pairs = pymc.compile_fn(pymc.replace_rvs_by_values([graph.reported["g_corr"].tensor])[0], inputs=pymc.value_vars, **QUICK)
    base, count = pymc.initial_point(), size * (size - 1) // 2

    def at(u):
        return pairs({**base, value.name: u})

    found = []
    for seed in range(3):
        u = np.random.default_rng(seed).normal(size=count)
        step = 1e-5
        slopes = np.column_stack([(at(u + step * e) - at(u - step * e)) / (2 * step) for e in np.eye(count)])
        matrix = np.eye(size)
        for k, (i, j) in enumerate(zip(*np.tril_indices(size, -1), strict=True)):
            matrix[i, j] = matrix[j, i] = at(u)[k]
        expected = 0.7 * np.linalg.slogdet(matrix)[1] + np.linalg.slogdet(slopes)[1]
        found.append(float(density({**base, value.name: u})) - expected)
    assert found == pytest.approx([-log_lkj_constant(size, 1.7)] * 3, abs=1e-6)


# Intercepts and thresholds


@pytest.mark.parametrize("text", ["Normal(2, 3)", "Cauchy(2, 3)", "Uniform(-1, 5)", "StudentT(4, 2, 1)"])
@pytest.mark.parametrize("key", ["Intercept", "Intercept_raw"])
def test_intercept_prior_is_where_its_key_says(key, text):
    d = data()
    law = {"N": stats.norm(2, 3), "C": stats.cauchy(2, 3), "U": stats.uniform(-1, 6), "S": stats.t(4, 2, 1)}[text[0]]
    model = bd.Model("y ~ x * a", d, priors={key: text, "x": "Normal(1, 2)"})
    raw, x, a, product = prior_draws(model, 4000, "Intercept", "x", "a", "x:a")
    dummies = np.column_stack([d.a == "v", d.a == "w"])
    at_means = raw + x * d.x.mean() + a @ dummies.mean(axis=0) + product @ (dummies * d[["x"]].to_numpy()).mean(axis=0)
    told = raw if key == "Intercept_raw" else at_means
    assert stats.kstest(told, law.cdf).pvalue > 1e-3


def test_thresholds_drawn_from_the_prior_are_ordered():
    d = data().assign(k=lambda d: d.k.clip(upper=3))
    for priors in ({}, {"threshold": "Normal(1, 2)"}):
        model = bd.Model("k ~ x", d, family="cumulative", priors=priors)
        tree = model.prior_predictive(2000, seed=1)
        cuts = tree["prior"]["threshold"].values[0]
        assert (np.diff(cuts, axis=-1) > 0).all()
        if priors:  # independent draws, ordered: together they are the prior itself
            assert stats.kstest(cuts.ravel(), stats.norm(1, 2).cdf).pvalue > 1e-3
        assert set(np.unique(tree["prior_predictive"]["k"])) <= {0, 1, 2, 3}


# Names inside the graph give way to names that users see

CLASHES = {
    "hidden coefficient": ("y ~ x + x_z", {"x": "Normal(0, HalfNormal(1))"}),
    "hidden effects": ("y ~ x + (1 | g) + (1 | g_z)", {}),
    "hidden intercept": ("y ~ x + Intercept_at_means", {}),
    "container": ("y ~ y_value + y_weights", {}),
    "container of a known parameter": ("y ~ sigma", {}),
}


@pytest.mark.parametrize("name", list(CLASHES))
def test_columns_may_have_names_that_the_graph_uses(name):
    formula, priors = CLASHES[name]
    d = data().assign(x_z=1.0 + np.arange(24), Intercept_at_means=np.arange(24.0), y_value=np.arange(24) % 5.0)
    d = d.assign(y_weights=np.arange(24) % 7.0, sigma=1.0 + np.arange(24), g_z=d.g)
    known = {"sigma": bd.known("sigma")} if name.endswith("parameter") else {}
    model = bd.Model(formula, d, priors=priors, **known)
    assert np.isfinite(log_density(model.pymc, model.pymc.initial_point()))
    tree = model.prior_predictive(5, seed=1)
    assert np.isfinite(tree["prior_predictive"]["y"].values).all()


def test_hyperparameter_with_the_name_of_a_column_is_refused():
    d = data().assign(x_sigma=1.0 + np.arange(24))
    with pytest.raises(bd.FormulaError, match="two quantities of the model would be called 'x_sigma'"):
        bd.Model("y ~ x + x_sigma", d, priors={"x": "Normal(0, HalfNormal(1))"})
    d = data().assign(g_sigma=data().g)
    with pytest.raises(bd.FormulaError, match=r"would be called '1\|g_sigma'"):
        bd.Model("y ~ (1 | g) + (1 | g_sigma)", d)
