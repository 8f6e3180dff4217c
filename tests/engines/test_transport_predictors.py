"""The moving map where several parameters have formulas, and where a response has thresholds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, roots_hermitenorm

import bayesdeep as bd
from bayesdeep.core.errors import FitError

NODES, WEIGHTS = roots_hermitenorm(31)


def in_groups(log_rows: Callable[[np.ndarray, int], np.ndarray], centre: np.ndarray, sd: np.ndarray, groups: int) -> np.ndarray:
    """Return the log likelihood with each group's effect, normal with ``sd``, integrated out by quadrature."""
    total = np.zeros(np.broadcast_shapes(centre.shape, sd.shape))
    for group in range(groups):
        inside = log_rows(centre[..., None] + sd[..., None] * NODES, group)
        high = inside.max(axis=-1, keepdims=True)
        total = total + high[..., 0] + np.log((np.exp(inside - high) * WEIGHTS).sum(axis=-1))
    return total


def moments(log_p: np.ndarray, **values: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return mean and sd of values on a grid with this log density."""
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    means = {name: float((p * v).sum()) for name, v in values.items()}
    return {name: (m, float(np.sqrt((p * (values[name] - m) ** 2).sum()))) for name, m in means.items()}


def compare(fit: Any, known: dict[str, tuple[float, float]]) -> None:
    table = fit.summary()
    assert fit.idata.attrs["status"] == "ok"
    for name, (mean, sd) in known.items():
        error = 4.5 * table.loc[name, "mcse_mean"]
        assert error < 0.15 * sd
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=error), name
        assert table.loc[name, "sd"] == pytest.approx(sd, abs=4.5 * table.loc[name, "mcse_sd"]), name


def test_each_part_of_a_hurdle_has_the_posterior_it_would_have_alone() -> None:
    """Zeros say nothing of the counts above zero, nor these of the zeros: each parameter's posterior is known by quadrature."""
    counts = [np.array(c) for c in ([0, 1, 0, 2], [2, 4, 3, 0], [0, 0, 0, 1], [7, 3, 0, 5], [0, 2, 2, 0])]
    frame = pd.DataFrame({"y": np.concatenate(counts), "g": np.repeat(list("abcde"), 4)})
    priors = {"Intercept": "Normal(0, 2)", "hu_Intercept": "Normal(0.5, 1)"}
    priors |= {"1|g_sigma": "HalfNormal(1)", "hu_1|g_sigma": "HalfNormal(2)"}
    model = bd.Model("y ~ 1 + (1 | g)", frame, family="hurdle_poisson", hu="~ 1 + (1 | g)", priors=priors)
    fit = model.fit("transport", seed=1, draws=2000, progress=False)
    b, t = np.meshgrid(np.linspace(-4, 4, 241), np.linspace(1e-3, 6.0, 300), indexing="ij")

    def above(eta: np.ndarray, group: int) -> np.ndarray:
        some = counts[group][counts[group] > 0]
        return some.sum() * eta - len(some) * (np.exp(eta) + np.log(-np.expm1(-np.exp(eta))))

    def zero(eta: np.ndarray, group: int) -> np.ndarray:
        none = (counts[group] == 0).sum()
        return none * eta - len(counts[group]) * np.logaddexp(0.0, eta)

    log_mu = in_groups(above, b, t, 5) + stats.norm(0, 2).logpdf(b) + stats.halfnorm(0, 1).logpdf(t)
    log_hu = in_groups(zero, b, t, 5) + stats.norm(0.5, 1).logpdf(b) + stats.halfnorm(0, 2).logpdf(t)
    known = moments(log_mu, **{"Intercept": b, "1|g_sigma": t}) | moments(log_hu, **{"hu_Intercept": b, "hu_1|g_sigma": t})
    compare(fit, known)


@pytest.mark.few(1)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_thresholds_have_the_posterior_that_is_known(link: str) -> None:
    """Two thresholds with a prior of their own, and an sd between groups, on a grid."""
    levels = [np.array(v) for v in ([0, 1, 1], [2, 2, 1], [0, 0, 0], [1, 2, 2])]
    frame = pd.DataFrame({"y": pd.Categorical(np.concatenate(levels), ordered=True), "g": np.repeat(list("abcd"), 3)})
    priors = {"threshold": "Normal(0.3, 1.5)", "1|g_sigma": "HalfNormal(1)"}
    model = bd.Model("y ~ 1 + (1 | g)", frame, family="cumulative", link=link, priors=priors)
    fit = model.fit("transport", seed=2, draws=2000, progress=False)
    first, step, t = np.meshgrid(np.linspace(-5, 4, 46), np.linspace(0.02, 7, 50), np.linspace(1e-3, 4, 40), indexing="ij")
    second, below = first + step, expit if link == "logit" else stats.norm.cdf

    def rows(eta: np.ndarray, group: int) -> np.ndarray:
        low, high = below(first[..., None] - eta), below(second[..., None] - eta)
        by_level = np.log(np.maximum([low, high - low, 1.0 - high], 1e-300))
        return sum(by_level[k] for k in levels[group])

    log_p = in_groups(rows, np.zeros_like(t), t, 4) + stats.halfnorm(0, 1).logpdf(t)
    log_p += stats.norm(0.3, 1.5).logpdf(first) + stats.norm(0.3, 1.5).logpdf(second)
    known = moments(log_p, **{"threshold[0]": first, "threshold[1]": second, "1|g_sigma": t})
    compare(fit, known)


@pytest.mark.parametrize("method", ["transport", "laplace_marginal"])
@pytest.mark.parametrize("intercept", ["Intercept", "Intercept_raw"])
def test_priors_that_are_not_normal_are_those_that_were_given(method: str, intercept: str) -> None:
    """Narrow ones beside few answers, on coefficients of a column that is not centred, on a grid."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=40) + 1.0
    yes = rng.random(40) < expit(0.5 + 0.8 * x)
    frame = pd.DataFrame({"x": x, "y": yes})
    priors = {"x": "Laplace(0, 0.3)", intercept: "StudentT(3, -1, 0.5)"}
    fit = bd.Model("y ~ x", frame, family="bernoulli", priors=priors).fit(method, seed=1, draws=1500, progress=False)
    a, b = np.meshgrid(np.linspace(-5, 5, 401), np.linspace(-3, 4, 401), indexing="ij")
    eta = a[..., None] + b[..., None] * x
    log_p = (yes * eta - np.logaddexp(0.0, eta)).sum(axis=-1) + stats.laplace(0, 0.3).logpdf(b)
    log_p += stats.t(3, -1, 0.5).logpdf(a + b * x.mean() if intercept == "Intercept" else a)
    compare(fit, moments(log_p, Intercept=a, x=b))


def data(rows: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    x, g = rng.normal(size=rows), rng.integers(0, 12, rows)
    u, v = rng.normal(0, 0.7, 12)[g], rng.normal(0, 0.7, 12)[g]
    count = rng.poisson(np.exp(0.8 + 0.4 * x + u)) * (rng.random(rows) > expit(-1 + 0.5 * x + v))
    latent = 0.8 * x + u + rng.logistic(size=rows)
    size = 1 + 0.5 * x + u + rng.normal(size=rows) * np.exp(0.3 * v)
    level = pd.Categorical(np.digitize(latent, [-1, 0.2, 1.5]), ordered=True)
    return pd.DataFrame({"x": x + 2.0, "g": [f"g{i}" for i in g], "count": count, "size": size, "level": level})


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "zeros with a predictor": ("count ~ x + (1 | g)", {"family": "zero_inflated_poisson", "zi": "~ x + (1 | g)"}),
    "an sd with a predictor": ("size ~ x + (1 + x | g)", {"sigma": "~ x + (1 | g)"}),
    "dispersion with a predictor": ("count ~ x + (1 | g)", {"family": "negative_binomial", "alpha": "~ x"}),
    "ordered levels": ("level ~ x + (1 | g)", {"family": "cumulative"}),
    "ordered levels, own prior": ("level ~ x + (1 | g)", {"family": "cumulative", "priors": {"threshold": "Normal(1, 2)"}}),
    "a link that is not written down": ("level ~ x + (1 | g)", {"family": "cumulative", "link": "cloglog"}),
}


@pytest.mark.few(0, more=3)
@pytest.mark.parametrize("name", MODELS)
def test_it_agrees_with_nuts(name: str) -> None:
    formula, options = MODELS[name]
    model = bd.Model(formula, data(), **options)
    mine = model.fit("transport", seed=1, progress=False)
    theirs = model.fit("nuts", seed=2, draws=1500, progress=False).summary()
    ours = mine.summary()
    assert list(ours.index) == list(theirs.index)
    error = np.hypot(ours["mcse_mean"], theirs["mcse_mean"])
    assert (np.abs(ours["mean"] - theirs["mean"]) < 5 * error).all()
    spread = np.hypot(ours["mcse_sd"], theirs["mcse_sd"])
    assert (np.abs(ours["sd"] - theirs["sd"]) < 5 * spread).all()
    assert ours["ess_bulk"].min() > 400
    assert mine.idata.attrs["status"] == "ok"


@pytest.mark.few(2)
@pytest.mark.parametrize("name", [name for name in MODELS if "not written" not in name])
def test_auto_takes_it(name: str) -> None:
    formula, options = MODELS[name]
    model = bd.Model(formula, data(), **options)
    assert model.fit(seed=1, draws=200, progress=False).idata.attrs["method"] == "transport"


def test_laplace_has_no_curvature_between_predictors() -> None:
    formula, options = MODELS["zeros with a predictor"]
    with pytest.raises(FitError, match="zi has a formula of its own"):
        bd.Model(formula, data(), **options).fit("laplace_marginal", seed=1, progress=False)
