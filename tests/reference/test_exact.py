"""Posteriors that are known exactly, in closed form or by quadrature, from formula text to named draws.

A mean agrees when it is within a tenth of a posterior standard deviation, and within five Monte Carlo standard
errors; a standard deviation when it is within 10 %, and within five of its own. Nothing on the reference side uses
the package.
"""

import math
from collections.abc import Callable
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln, logsumexp

import bayesdeep as bd

MEAN_RULE, SD_RULE, ERRORS = 0.1, 0.1, 5.0


def fitted(model: bd.Model, draws: int = 1000, **options: Any) -> bd.Fit:
    return model.fit("nuts", draws=draws, tune=700, chains=4, seed=20, progress=False, **options)


def agree(fit: bd.Fit, name: str, mean: float, sd: float, **labels: Any) -> None:
    """Check mean and sd of one scalar of the posterior."""
    values = fit.posterior[name].sel(**labels) if labels else fit.posterior[name]
    assert values.dims == ("chain", "draw"), values.dims
    found, spread = float(values.mean()), float(values.std())
    dataset = values.reset_coords(drop=True).to_dataset(name="v")
    of_mean, of_sd = (float(az.mcse(dataset, method=how)["v"]) for how in ("mean", "sd"))
    shown = f"{name} {labels or ''}: mean {found:.4f} against {mean:.4f}, sd {spread:.4f} against {sd:.4f}"
    print(shown)
    assert abs(found - mean) < min(MEAN_RULE * sd, ERRORS * of_mean), f"{shown}, mcse {of_mean:.4f}"
    assert abs(spread - sd) < min(SD_RULE * sd, max(ERRORS * of_sd, 0.01 * sd)), f"{shown}, mcse {of_sd:.4f}"


def normal_posterior(
    columns: np.ndarray, y: np.ndarray, sigma: Any, mean: Any, sd: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the coefficients of ``columns`` with independent normal priors."""
    precision = np.broadcast_to(1.0 / np.square(sigma), y.shape)
    prior = np.diag(1.0 / np.square(np.asarray(sd, dtype=float)))
    covariance = np.linalg.inv(prior + (columns.T * precision) @ columns)
    return covariance @ (prior @ np.asarray(mean, dtype=float) + columns.T @ (precision * y)), covariance


def moments(weights: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return mean and sd of ``values`` under weights that need not sum to 1."""
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def on_grid(log_density: Callable[..., np.ndarray], *axes: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return normalised weights on a grid of equal steps, with a check that nothing lies at its edges."""
    grid = np.meshgrid(*axes, indexing="ij")
    log = log_density(*grid)
    weights = np.exp(log - logsumexp(log))
    for axis in range(weights.ndim):
        edge = np.take(weights, [0, -1], axis=axis).sum()
        assert edge < 1e-4, f"the reference grid is too narrow along axis {axis}: {edge:.2g}"
    return weights, grid


# Linear regression with known sigma


def distant_data(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    d = pd.DataFrame({"x": rng.normal(50, 3, rows), "w": rng.normal(-200, 0.5, rows), "se": rng.uniform(0.5, 4, rows)})
    d["y"] = 4 + 0.3 * d.x - 1.1 * d.w + rng.normal(size=rows) * 2
    return d


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("Intercept", "se"),
        ("Intercept_raw", 2.0),
        pytest.param("Intercept", 2.0, marks=pytest.mark.slow),
        pytest.param("Intercept_raw", "se", marks=pytest.mark.slow),
    ],
)
def test_linear_regression_with_known_sigma(key, given):
    d = distant_data()
    centre = 250.0 if key == "Intercept" else 230.0
    priors = {key: f"Normal({centre}, 5)", "x": "Normal(0.5, 0.2)", "w": "Normal(0, 1)"}
    fit = fitted(bd.Model("y ~ x + w", d, priors=priors, sigma=bd.known(given)))
    means = np.array([d.x.mean(), d.w.mean()]) if key == "Intercept" else np.zeros(2)
    columns = np.column_stack([np.ones(len(d)), d[["x", "w"]].to_numpy() - means])
    sigma = d.se.to_numpy() if given == "se" else given
    mean, covariance = normal_posterior(columns, d.y.to_numpy(), sigma, [centre, 0.5, 0], [5, 0.2, 1])
    back = np.eye(3)
    back[0, 1:] = -means
    mean, sd = back @ mean, np.sqrt(np.diag(back @ covariance @ back.T))
    for name, m, s in zip(["Intercept", "x", "w"], mean, sd, strict=True):
        agree(fit, name, m, s)
    assert "sigma" not in fit.posterior
    assert "sigma" in fit.idata["constant_data"] or given == 2.0


@pytest.mark.slow
@pytest.mark.parametrize("key", ["Intercept", "Intercept_raw"])
def test_means_of_dummies_and_products_count(key):
    rng = np.random.default_rng(3)
    d = pd.DataFrame({"x": rng.normal(20, 1, 60), "a": rng.choice(list("uvw"), 60, p=[0.6, 0.3, 0.1])})
    d["y"] = 2 + 0.2 * d.x + (d.a == "v") + rng.normal(size=60)
    terms = {"x": "Normal(0, 1)", "a": "Normal(0, 1)", "x:a": "Normal(0, 0.5)"}
    fit = fitted(bd.Model("y ~ x * a", d, priors={key: "Normal(3, 0.5)", **terms}, sigma=bd.known(1)))
    v, w = (d.a == "v").to_numpy(float), (d.a == "w").to_numpy(float)
    plain = np.column_stack([d.x, v, w, d.x * v, d.x * w])
    means = plain.mean(axis=0) if key == "Intercept" else np.zeros(5)
    columns = np.column_stack([np.ones(60), plain - means])
    mean, covariance = normal_posterior(columns, d.y.to_numpy(), 1.0, [3, 0, 0, 0, 0, 0], [0.5, 1, 1, 1, 0.5, 0.5])
    back = np.eye(6)
    back[0, 1:] = -means
    mean, sd = back @ mean, np.sqrt(np.diag(back @ covariance @ back.T))
    agree(fit, "Intercept", mean[0], sd[0])
    agree(fit, "x", mean[1], sd[1])
    for i, level in enumerate("vw"):
        agree(fit, "a", mean[2 + i], sd[2 + i], a_level=level)
        agree(fit, "x:a", mean[4 + i], sd[4 + i], **{"x:a_level": level})


# Groups with fixed scales


def grouped_data(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    d = pd.DataFrame(
        {"a": rng.choice(list("abcd"), rows), "b": rng.choice(list("uvw"), rows), "x": rng.normal(size=rows)}
    )
    d["y"] = 1 + d.x + d.a.map(dict(zip("abcd", rng.normal(size=4) * 2, strict=True))) + rng.normal(size=rows)
    return d


def indicators(labels: pd.Series) -> tuple[list[str], np.ndarray]:
    levels = sorted(set(labels))
    return levels, np.column_stack([labels == level for level in levels]).astype(float)


@pytest.mark.parametrize("nested", [pytest.param(False, marks=pytest.mark.slow), True])
def test_two_factors_with_fixed_scales(nested):
    d = grouped_data()
    second = "a:b" if nested else "b"
    formula = "y ~ x + (1 | a/b)" if nested else "y ~ x + (1 | a) + (1 | b)"
    priors = {
        "Intercept_raw": "Normal(0, 3)",
        "x": "Normal(0, 1)",
        "1|a": "Normal(0, 2)",
        f"1|{second}": "Normal(0, 0.5)",
    }
    fit = fitted(bd.Model(formula, d, priors=priors, sigma=bd.known(1.5)))
    first_levels, first = indicators(d.a)
    second_levels, inner = indicators(d.a + ":" + d.b if nested else d.b)
    columns = np.column_stack([np.ones(len(d)), d.x, first, inner])
    sds = [3, 1] + [2] * len(first_levels) + [0.5] * len(second_levels)
    mean, covariance = normal_posterior(columns, d.y.to_numpy(), 1.5, np.zeros(len(sds)), sds)
    sd = np.sqrt(np.diag(covariance))
    agree(fit, "Intercept", mean[0], sd[0])
    agree(fit, "x", mean[1], sd[1])
    for i, level in enumerate(first_levels, start=2):
        agree(fit, "1|a", mean[i], sd[i], a=level)
    for i, level in enumerate(second_levels, start=2 + len(first_levels)):
        agree(fit, f"1|{second}", mean[i], sd[i], **{second: level})


def test_location_of_group_effects_is_honoured():
    d = grouped_data()
    priors = {"x": "Normal(0, 1)", "1|a": "Normal(5, 2)"}
    fit = fitted(bd.Model("y ~ 0 + x + (1 | a)", d, priors=priors, sigma=bd.known(3.0)))
    levels, first = indicators(d.a)
    mean, covariance = normal_posterior(
        np.column_stack([d.x, first]), d.y.to_numpy(), 3.0, [0, 5, 5, 5, 5], [1, 2, 2, 2, 2]
    )
    assert "1|a_sigma" not in fit.posterior
    for i, level in enumerate(levels, start=1):
        agree(fit, "1|a", mean[i], np.sqrt(covariance[i, i]), a=level)


SCHOOLS = pd.DataFrame(
    {
        "school": list("ABCDEFGH"),
        "y": [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0],
        "se": [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0],
    }
)


@pytest.mark.parametrize(
    ("text", "density"),
    [
        ("HalfCauchy(5)", stats.halfcauchy(scale=5).pdf),
        pytest.param("Uniform(0, 50)", stats.uniform(0, 50).pdf, marks=pytest.mark.slow),
        pytest.param("InverseGamma(2, 10)", stats.invgamma(2, scale=10).pdf, marks=pytest.mark.slow),
    ],
)
def test_eight_schools(text, density):
    y, se = SCHOOLS.y.to_numpy(), SCHOOLS.se.to_numpy()
    # tau from 0 to 3000 in steps that grow, so that a Cauchy tail is inside
    u = np.linspace(1e-4, 1, 20001)
    tau = 3000 * u**4
    total = se**2 + tau[:, None] ** 2
    precision = 1 / 20**2 + (1 / total).sum(axis=1)
    centre = (5 / 20**2 + (y / total).sum(axis=1)) / precision
    log = -0.5 * (np.log(total) + (y - centre[:, None]) ** 2 / total).sum(axis=1)
    log += -0.5 * np.log(precision) - 0.5 * ((centre - 5) / 20) ** 2 + np.log(np.maximum(density(tau), 1e-300))
    weights = np.exp(log - log.max()) * u**3
    weights /= weights.sum()
    shrink = tau[:, None] ** 2 / total  # effect given mu: shrink (y - mu), variance shrink se²
    mean_mu, var_mu = weights @ centre, weights @ (1 / precision + centre**2)
    first = shrink * (y - centre[:, None])
    second = first**2 + shrink**2 / precision[:, None] + shrink * se**2
    effects, squares = weights @ first, weights @ second
    priors = {"Intercept": "Normal(5, 20)", "1|school_sigma": text}
    fit = fitted(
        bd.Model("y ~ 1 + (1 | school)", SCHOOLS, sigma=bd.known("se"), priors=priors), draws=2500, target_accept=0.95
    )
    agree(fit, "Intercept", mean_mu, np.sqrt(var_mu - mean_mu**2))
    agree(fit, "1|school_sigma", *moments(weights, tau))
    for j, school in enumerate(SCHOOLS.school):
        agree(fit, "1|school", effects[j], np.sqrt(squares[j] - effects[j] ** 2), school=school)


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [True, False])
def test_varying_slopes_by_quadrature_over_the_scales(correlated):
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 6)
    d = pd.DataFrame({"g": [f"g{i:02}" for i in g], "x": rng.normal(1, 1, 72)})
    effects = rng.multivariate_normal([0, 0], [[1.0, 0.4], [0.4, 0.5]], size=12)
    d["y"] = 2 + 0.5 * d.x + effects[g, 0] + effects[g, 1] * d.x + rng.normal(size=72)
    priors = {"Intercept_raw": "Normal(0, 5)", "x": "Normal(0, 1)", "1|g_sigma": "HalfNormal(1)"}
    priors |= {"x|g_sigma": "Exponential(2)"} | ({"g_corr": "LKJ(2)"} if correlated else {})
    bar = "|" if correlated else "||"
    fit = fitted(bd.Model(f"y ~ x + (1 + x {bar} g)", d, sigma=bd.known(1.0), priors=priors), draws=2000)

    plain = np.column_stack([np.ones(72), d.x])
    base = np.eye(72) + plain @ np.diag([25.0, 1.0]) @ plain.T
    same = (g[:, None] == g).astype(float)
    x = d.x.to_numpy()
    parts = [same, same * (x[:, None] + x), same * x[:, None] * x]
    first, second = np.linspace(0.01, 3.2, 40), np.linspace(0.01, 2.4, 40)
    rho = np.linspace(-0.99, 0.99, 34) if correlated else np.zeros(1)
    s, t, r = (v.ravel() for v in np.meshgrid(first, second, rho, indexing="ij"))
    log, means, seconds = np.empty(s.size), np.empty((s.size, 2)), np.empty((s.size, 2))
    y = d.y.to_numpy()
    for i in range(s.size):
        covariance = base + s[i] ** 2 * parts[0] + r[i] * s[i] * t[i] * parts[1] + t[i] ** 2 * parts[2]
        factor = np.linalg.cholesky(covariance)
        white = np.linalg.solve(factor, np.column_stack([y, plain @ np.diag([25.0, 1.0])]))
        log[i] = -np.log(np.diag(factor)).sum() - 0.5 * white[:, 0] @ white[:, 0]
        means[i] = white[:, 1:].T @ white[:, 0]
        seconds[i] = means[i] ** 2 + np.array([25.0, 1.0]) - (white[:, 1:] ** 2).sum(axis=0)
    log += stats.halfnorm.logpdf(s) - 2 * t + (np.log1p(-(r**2)) if correlated else 0.0)
    weights = np.exp(log - logsumexp(log))
    for k, name in enumerate(["Intercept", "x"]):
        m = weights @ means[:, k]
        agree(fit, name, m, np.sqrt(weights @ seconds[:, k] - m**2))
    agree(fit, "1|g_sigma", *moments(weights, s))
    agree(fit, "x|g_sigma", *moments(weights, t))
    if correlated:
        agree(fit, "g_corr", *moments(weights, r), g_pair="1, x")
    else:
        assert "g_corr" not in fit.posterior


# One or two parameters, other responses

SMALL = pd.DataFrame({"count": [2, 0, 3, 1, 1, 4, 2, 0], "hit": [1, 0, 1, 1, 0, 1, 1, 1]})
LOG_LIKELIHOOD = {
    "poisson": lambda eta: SMALL["count"].sum() * eta - len(SMALL) * np.exp(eta),
    "bernoulli": lambda eta: SMALL["hit"].sum() * eta - len(SMALL) * np.logaddexp(0, eta),
}
LOCATION_PRIORS = {
    "Normal(1, 0.5)": stats.norm(1, 0.5).logpdf,
    "StudentT(3, -1, 0.4)": stats.t(3, -1, 0.4).logpdf,
    "Cauchy(-1, 0.3)": stats.cauchy(-1, 0.3).logpdf,
    "Laplace(0, 0.3)": stats.laplace(0, 0.3).logpdf,
    "Logistic(0, 0.2)": stats.logistic(0, 0.2).logpdf,
    "Flat()": np.zeros_like,
    "Uniform(-0.5, 1)": stats.uniform(-0.5, 1.5).logpdf,
    "TruncatedNormal(0, 1, lower=0.2)": stats.truncnorm(0.2, np.inf).logpdf,
}
DEFAULT_PAIRS = [("poisson", "StudentT(3, -1, 0.4)"), ("bernoulli", "Cauchy(-1, 0.3)")]


@pytest.mark.parametrize(
    ("family", "text"),
    [
        pytest.param(f, t, marks=[] if (f, t) in DEFAULT_PAIRS else pytest.mark.slow)
        for f in LOG_LIKELIHOOD
        for t in LOCATION_PRIORS
    ],
)
def test_intercept_alone(family, text):
    eta = np.linspace(-12, 20, 200_001)
    with np.errstate(divide="ignore"):
        log = LOG_LIKELIHOOD[family](eta) + LOCATION_PRIORS[text](eta)
    weights = np.exp(log - logsumexp(log))
    assert weights[[0, -1]].max() < 1e-8
    response = {"poisson": "count", "bernoulli": "hit"}[family]
    fit = fitted(bd.Model(f"{response} ~ 1", SMALL, family, priors={"Intercept": text}), draws=1500)
    agree(fit, "Intercept", *moments(weights, eta))


def hit_data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    d = pd.DataFrame({"x": rng.normal(5, 1, 40), "n": rng.integers(1, 6, 40)})
    p = 1 / (1 + np.exp(-(d.x - 5.5)))
    return d.assign(hit=rng.binomial(1, p), k=rng.binomial(d.n, p))


@pytest.mark.parametrize("key", ["Intercept_raw", pytest.param("Intercept", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["bernoulli", pytest.param("binomial", marks=pytest.mark.slow)])
def test_logistic_regression(kind, key):
    d = hit_data()
    centre = d.x.mean()
    k, n = (d.hit, 1) if kind == "bernoulli" else (d.k, d.n)
    left = "hit" if kind == "bernoulli" else "prop(k, n)"
    at_zero = key == "Intercept_raw"

    def log_density(at_mean, slope):
        eta = at_mean[..., None] + slope[..., None] * (d.x.to_numpy() - centre)
        log = (np.asarray(k) * eta - np.asarray(n) * np.logaddexp(0, eta)).sum(axis=-1)
        at_prior = at_mean - slope * centre if at_zero else at_mean
        prior = stats.norm(-4, 1) if at_zero else stats.cauchy(1, 0.5)
        return log + prior.logpdf(at_prior) + stats.cauchy(0, 0.5).logpdf(slope)

    weights, (a, b) = on_grid(log_density, np.linspace(-6, 5, 401), np.linspace(-3, 6, 401))
    priors = {key: "Normal(-4, 1)" if at_zero else "Cauchy(1, 0.5)", "x": "Cauchy(0, 0.5)"}
    fit = fitted(bd.Model(f"{left} ~ x", d, kind, priors=priors), draws=1500)
    agree(fit, "x", *moments(weights, b))
    agree(fit, "Intercept", *moments(weights, a - centre * b))


# Unknown residual scale


def test_flat_priors_give_the_t_posterior():
    rng = np.random.default_rng(6)
    d = pd.DataFrame({"x": rng.normal(10, 2, 15)})
    d["y"] = 3 - d.x + rng.normal(size=15) * 2
    fit = fitted(bd.Model("y ~ x", d, priors={"Intercept": "Flat()", "x": "Flat()", "sigma": "HalfFlat()"}), draws=2000)
    columns = np.column_stack([np.ones(15), d.x])
    inverse = np.linalg.inv(columns.T @ columns)
    least = inverse @ columns.T @ d.y.to_numpy()
    rest = float(((d.y - columns @ least) ** 2).sum())
    nu = 15 - 2 - 1  # a flat prior on sigma costs one degree of freedom
    for i, name in enumerate(["Intercept", "x"]):
        agree(fit, name, least[i], np.sqrt(rest / nu * inverse[i, i] * nu / (nu - 2)))
    mean = np.sqrt(rest / 2) * math.exp(math.lgamma((nu - 1) / 2) - math.lgamma(nu / 2))
    agree(fit, "sigma", mean, np.sqrt(rest / (nu - 2) - mean**2))


SCALE_PRIORS = {
    "Exponential(3)": stats.expon(scale=1 / 3),
    "Gamma(2, 4)": stats.gamma(2, scale=1 / 4),
    "InverseGamma(3, 2)": stats.invgamma(3, scale=2),
    "HalfCauchy(0.3)": stats.halfcauchy(scale=0.3),
    "HalfNormal(0.4)": stats.halfnorm(scale=0.4),
    "HalfStudentT(4, 0.3)": stats.t(4, 0, 0.3),
    "Uniform(0.2, 1.3)": stats.uniform(0.2, 1.1),
    "LogNormal(-1, 0.4)": stats.lognorm(0.4, scale=np.exp(-1)),
    "Weibull(2, 0.5)": stats.weibull_min(2, scale=0.5),
    "TruncatedNormal(0.2, 0.5, lower=0)": stats.truncnorm(-0.4, np.inf, 0.2, 0.5),
}


@pytest.mark.parametrize(
    "text", [pytest.param(t, marks=[] if t.startswith("InverseGamma") else pytest.mark.slow) for t in SCALE_PRIORS]
)
def test_priors_of_the_residual_sd(text):
    y = np.array([0.3, 2.9, -1.2, 1.6, 0.4, 2.2])
    rest = float(((y - y.mean()) ** 2).sum())
    sigma = np.linspace(0.01, 12, 200_001)
    with np.errstate(divide="ignore"):
        log = -5 * np.log(sigma) - rest / 2 / sigma**2 + SCALE_PRIORS[text].logpdf(sigma)
    weights = np.exp(log - logsumexp(log))
    fit = fitted(bd.Model("y ~ 1", {"y": y}, priors={"Intercept": "Flat", "sigma": text}), draws=2000)
    agree(fit, "sigma", *moments(weights, sigma))
    agree(fit, "Intercept", y.mean(), np.sqrt(weights @ sigma**2 / 6))


# Counts with overdispersion, and ordered levels


@pytest.mark.slow
def test_negative_binomial():
    y = np.array([0, 3, 1, 9, 2, 0, 5, 1, 14, 2, 0, 4])

    def log_density(eta, alpha):
        mu, a = np.exp(eta)[..., None], alpha[..., None]
        log = gammaln(y + a) - gammaln(a) - gammaln(y + 1) + a * np.log(a / (a + mu)) + y * np.log(mu / (a + mu))
        return log.sum(axis=-1) + stats.norm(1, 1).logpdf(eta) + stats.gamma(2, scale=1).logpdf(alpha)

    weights, (eta, alpha) = on_grid(log_density, np.linspace(-2, 5, 401), np.linspace(1e-3, 12, 601))
    priors = {"Intercept": "Normal(1, 1)", "alpha": "Gamma(2, 1)"}
    fit = fitted(bd.Model("y ~ 1", {"y": y}, "negative_binomial", priors=priors), draws=1500)
    agree(fit, "Intercept", *moments(weights, eta))
    agree(fit, "alpha", *moments(weights, alpha))


@pytest.mark.slow
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_ordered_levels_with_a_prior_on_the_raw_thresholds(link):
    rng = np.random.default_rng(8)
    d = pd.DataFrame({"x": rng.normal(3, 1, 50)})
    d["y"] = np.digitize(0.8 * d.x + rng.logistic(size=50), [1.5, 3.5])
    law = stats.logistic if link == "logit" else stats.norm
    x, y, centre = d.x.to_numpy(), d.y.to_numpy(), d.x.mean()

    def log_density(first, second, slope):  # thresholds minus the predictor at the mean
        total = np.where(first < second, 0.0, -np.inf)
        for xi, yi in zip(x, y, strict=True):
            move = slope * (xi - centre)
            upper = law.cdf(second - move) if yi == 1 else law.cdf(first - move)
            p = (upper, upper - law.cdf(first - move), law.sf(second - move))[yi]
            total = total + np.log(np.maximum(p, 1e-300))
        raw = stats.norm(1, 1).logpdf(first + slope * centre) + stats.norm(1, 1).logpdf(second + slope * centre)
        return total + raw + stats.norm(0, 1).logpdf(slope)

    axes = np.linspace(-4, 2, 91), np.linspace(-2, 4, 91), np.linspace(-1.5, 2.5, 81)
    weights, (first, second, slope) = on_grid(log_density, *axes)
    priors = {"threshold": "Normal(1, 1)", "x": "Normal(0, 1)"}
    fit = fitted(bd.Model("y ~ x", d, "cumulative", link=link, priors=priors), draws=1500)
    agree(fit, "x", *moments(weights, slope))
    for k, cut in enumerate([first, second]):
        agree(fit, "threshold", *moments(weights, cut + slope * centre), y_threshold=k)
