"""Maximum likelihood and REML: other software's numbers, dense algebra, boundaries, and what has no estimate."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize

import bayesdeep as bd

CASES = json.loads((Path(__file__).parents[1] / "reference" / "likelihood_estimates.json").read_text())
SOURCE = CASES.pop("source")


def fitted(formula: str, data: Any, method: str = "ml", *, family: str = "gaussian", options: Any = None, **more: Any) -> Any:
    return bd.Model(formula, data, family=family, **more).fit(method, progress=False, seed=1, **(options or {}))


def grouped(seed: int, groups: int = 12, rows: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=groups * rows)
    y = 1.0 + 0.5 * x + rng.normal(size=groups)[g] + rng.normal(size=len(g))
    return pd.DataFrame({"x": x, "g": [f"g{i:02}" for i in g], "y": y, "w": rng.integers(1, 4, len(g))})


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_other_software(name):
    case = CASES[name]
    fit = fitted(case["formula"], bd.load_dataset(case["data"]), case["method"], family=case["family"], options=case["options"])
    table, attrs = fit.summary(), fit.idata.attrs
    assert list(table.columns) == ["estimate", "se"]
    assert attrs["method"] == case["method"]
    assert not attrs["exact"]
    for label, (value, error) in case["coef"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, rel=5e-4, abs=2.5e-4 * error), label
        if not case.get("expected information"):
            assert table.loc[label, "se"] == pytest.approx(error, rel=1e-2), label
    for label, value in case["hyper"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, rel=1e-3, abs=1e-3 if "corr" in label else 0), label
    for label, value in case["modes"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, rel=1e-3, abs=2e-4), label
    assert attrs["df"] == case["df"]
    if case["loglik"] is not None:
        assert attrs["log_likelihood"] == pytest.approx(case["loglik"], abs=1e-4)
        assert attrs["aic"] == pytest.approx(case["aic"], abs=2e-4)
    assert attrs["status"] == "ok"
    assert attrs["advice"] == []


def test_quadrature_is_the_integral():
    data = bd.load_dataset("cbpp")
    fit = fitted("prop(incidence, size) ~ period + (1 | herd)", data, family="binomial", options={"nodes": 25})
    table = fit.summary()["estimate"]
    shift = np.array([0.0, *(table[f"period[{k}]"] for k in (2, 3, 4))])[data["period"].astype(int) - 1]
    eta, sd, total = table["Intercept"] + shift, table["1|herd_sigma"], 0.0
    for herd in data["herd"].unique():
        own = (data["herd"] == herd).to_numpy()
        k, n = data["incidence"][own].to_numpy(), data["size"][own].to_numpy()

        def density(u, k=k, n=n, own=own):
            return np.exp(stats.binom.logpmf(k, n, 1 / (1 + np.exp(-eta[own] - u))).sum() + stats.norm.logpdf(u, 0, sd))

        total += np.log(quad(density, -6 * sd, 6 * sd, epsabs=0, epsrel=1e-10, limit=200)[0])
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(total, abs=1e-6)


def dense(data: pd.DataFrame, covariance: Any, columns: np.ndarray, restricted: bool, weights: Any = 1.0) -> Any:
    """Return the largest log likelihood over sds, and these, from the dense normal distribution."""
    y = data["y"].to_numpy()

    def value(log_sds: np.ndarray) -> float:
        v = covariance(np.exp(log_sds))
        precision = columns.T @ np.linalg.solve(v, columns)
        left = y - columns @ np.linalg.solve(precision, columns.T @ np.linalg.solve(v, y))
        found = -0.5 * (len(y) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + left @ np.linalg.solve(v, left))
        if restricted:
            found += 0.5 * columns.shape[1] * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(precision)[1]
        return -found

    best = minimize(value, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxfev": 4000})
    return -best.fun, np.exp(best.x)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_likelihoods_have_all_constants(method):
    data = grouped(3)
    groups = np.equal.outer(data["g"].to_numpy(), np.unique(data["g"])).astype(float)
    columns = np.column_stack([np.ones(len(data)), data["x"]])
    value, (own, between) = dense(
        data, lambda sds: sds[0] ** 2 * np.eye(len(data)) + sds[1] ** 2 * groups @ groups.T, columns, method == "reml"
    )
    fit = fitted("y ~ x + (1 | g)", data, method)
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(value, abs=1e-7)
    table = fit.summary()["estimate"]
    assert table["sigma"] == pytest.approx(own, rel=1e-5)
    assert table["1|g_sigma"] == pytest.approx(between, rel=1e-5)


def test_known_standard_errors():
    data = grouped(4).assign(se=lambda d: 0.5 + 0.1 * d["w"])
    groups = np.equal.outer(data["g"].to_numpy(), np.unique(data["g"])).astype(float)
    columns = np.column_stack([np.ones(len(data)), data["x"]])
    v = np.diag(data["se"] ** 2)
    value, (_, between) = dense(data, lambda sds: v + sds[1] ** 2 * groups @ groups.T, columns, False)
    fit = fitted("y ~ x + (1 | g)", data, sigma=bd.known("se"))
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(value, abs=1e-7)
    assert fit.summary().loc["1|g_sigma", "estimate"] == pytest.approx(between, rel=1e-4)
    assert fit.idata.attrs["df"] == 3


@pytest.mark.parametrize(("family", "formula"), [("gaussian", "weighted(y, w) ~ x"), ("poisson", "weighted(c, w) ~ x + (1 | g)")])
def test_a_weight_is_a_number_of_rows(family, formula):
    data = grouped(5).assign(c=lambda d: np.exp(d["y"] / 2).astype(int))
    again = data.loc[data.index.repeat(data["w"])].reset_index(drop=True)
    weighed = fitted(formula, data, family=family)
    repeated = fitted(formula.replace("weighted(y, w)", "y").replace("weighted(c, w)", "c"), again, family=family)
    assert weighed.idata.attrs["log_likelihood"] == pytest.approx(repeated.idata.attrs["log_likelihood"], abs=1e-6)
    np.testing.assert_allclose(weighed.summary(), repeated.summary(), rtol=1e-4, atol=1e-6)


def test_linear_model():
    data = grouped(6)
    columns = np.column_stack([np.ones(len(data)), data["x"]])
    beta, squares = np.linalg.lstsq(columns, data["y"])[:2]
    sigma = np.sqrt(squares[0] / len(data))
    fit = fitted("y ~ x", data)
    table = fit.summary()
    np.testing.assert_allclose(table["estimate"], [*beta, sigma], rtol=1e-9)
    errors = sigma * np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)))
    np.testing.assert_allclose(table["se"], [*errors, sigma / np.sqrt(2 * len(data))], rtol=1e-6)
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(stats.norm.logpdf(data["y"], columns @ beta, sigma).sum())
    reml = fitted("y ~ x", data, "reml").summary()
    assert reml.loc["sigma", "estimate"] == pytest.approx(np.sqrt(squares[0] / (len(data) - 2)))


def test_smooths_are_those_of_mgcv():
    # gam(y ~ s(x, k=8), method=…), mgcv 1.8-41: -gcv.ubre, sqrt(reml.scale); the data are those of tests/reference/test_mgcv.py.
    from ..reference.test_mgcv import NEW, X, Y

    data = pd.DataFrame({"x": X, "y": Y})
    ml = fitted("y ~ s(x, k=8)", data)
    assert ml.idata.attrs["log_likelihood"] == pytest.approx(-4.944805848, abs=1e-5)
    assert ml.summary().loc["sigma", "estimate"] == pytest.approx(0.1756630976, rel=1e-4)
    curve = [-0.5449465775, 0.3199935351, 0.8100885000, -0.7815224532, 1.4231500729, 0.3514274322, -1.4569068888]
    np.testing.assert_allclose(ml.predict({"x": NEW}, kind="linear")["mean"], curve, atol=2e-4)
    reml = fitted("y ~ s(x, k=8)", data, "reml")
    assert reml.summary().loc["sigma", "estimate"] == pytest.approx(0.1828633415, rel=1e-5)


def test_a_spread_of_0_is_0():
    data = grouped(7)
    data["y"] -= data.groupby("g")["y"].transform("mean")
    for method in ("ml", "reml"):
        fit = fitted("y ~ x + (1 | g)", data, method)
        table = fit.summary()
        assert table.loc["1|g_sigma", "estimate"] == 0.0
        assert np.isnan(table.loc["1|g_sigma", "se"])
        assert (table.loc["1|g[g00]":"1|g[g11]", "estimate"] == 0.0).all()
        assert "'1|g_sigma' is estimated to be 0" in fit.idata.attrs["advice"][0]
        without = fitted("y ~ x", data, method)
        assert fit.idata.attrs["log_likelihood"] == pytest.approx(without.idata.attrs["log_likelihood"], abs=1e-8)
        np.testing.assert_allclose(table.loc[["Intercept", "x", "sigma"]], without.summary(), rtol=1e-6)


def test_a_correlation_of_1_is_1():
    rng = np.random.default_rng(0)
    x = rng.normal(size=120)
    rng.normal(size=120), rng.integers(1, 4, 120)
    g = np.repeat(np.arange(12), 10)
    effects = rng.normal(size=12)[g]
    y = 1 + 0.5 * x + effects * (1 + 0.8 * x) + 0.5 * rng.normal(size=120)
    data = pd.DataFrame({"x": x, "y": y, "g": [f"g{i}" for i in g]})
    fit = fitted("y ~ x + (1 + x | g)", data)
    assert fit.summary().loc["g_corr[1, x]", "estimate"] == pytest.approx(1.0, abs=1e-12)
    # lme4 1.1-31: lmer(y ~ x + (1 + x | g), REML = FALSE) with rhoend = 1e-11, which says that the fit is singular.
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(-111.51535, abs=1e-5)
    np.testing.assert_allclose(fit.summary().loc[["1|g_sigma", "x|g_sigma"], "estimate"], [1.1429279992, 0.9997870093], rtol=1e-5)
    assert "-1 or 1" in fit.idata.attrs["advice"][0]
    assert np.isfinite(fit.predict({"x": [0.0], "g": ["new"]}, new_groups="sample")).all(axis=None)


@pytest.mark.parametrize("formula", ["b ~ x", "b ~ x + (1 | g)"])
def test_separation_is_said(formula):
    fit = fitted(formula, grouped(9).assign(b=lambda d: (d["x"] > 0.1).astype(int)), family="bernoulli")
    assert fit.idata.attrs["status"] == "doubtful"
    assert any("flat: along" in sentence and "'x'" in sentence for sentence in fit.idata.attrs["advice"])
    assert np.isnan(fit.summary().loc["x", "se"])


def test_an_effect_for_each_row_is_said():
    data = grouped(10).assign(row=lambda d: [f"r{i}" for i in range(len(d))])
    fit = fitted("y ~ x + (1 | row)", data)
    assert fit.idata.attrs["status"] == "doubtful"
    assert "flat" in fit.idata.attrs["advice"][0]


@pytest.mark.filterwarnings("ignore:.*combinations of one another:UserWarning")
@pytest.mark.parametrize(
    ("method", "formula", "family", "options", "said"),
    [
        ("ml", "y ~ x + z", "gaussian", {}, "column 'z' is a combination of others"),
        ("ml", "z ~ x", "gaussian", {}, "meets every response"),
        ("reml", "c ~ x", "poisson", {}, "'reml' does not apply: the response is poisson"),
        ("ml", "c ~ x + (1 + x | g)", "poisson", {"nodes": 5}, "one grouping factor with one effect a group"),
        ("ml", "c ~ x + (1 | g) + (1 | w)", "poisson", {"nodes": 5}, "one grouping factor with one effect a group"),
        ("ml", "c ~ x", "poisson", {"nodes": 0}, "nodes must be at least 1"),
    ],
)
def test_what_has_no_estimate_is_refused(method, formula, family, options, said):
    data = grouped(11).assign(z=lambda d: 2 * d["x"] + 1, c=lambda d: d["w"], w=lambda d: [f"w{i}" for i in d["w"]])
    with pytest.raises(bd.FitError, match=said):
        fitted(formula, data, method, family=family, options=options)


@pytest.mark.parametrize("method", ["ml"])
def test_a_formula_of_the_noise(method):
    data = grouped(15)
    groups = np.equal.outer(data["g"].to_numpy(), np.unique(data["g"])).astype(float)
    columns = np.column_stack([np.ones(len(data)), data["x"]])
    noise = np.diag(1.0 / data["w"])
    value, (own, between) = dense(data, lambda sds: sds[0] ** 2 * noise + sds[1] ** 2 * groups @ groups.T, columns, False)
    data["half"] = np.log(1.0 / data["w"]) / 2
    fit = fitted("y ~ x + (1 | g)", data, method, sigma="~ 1 + offset(half)")
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(value, abs=1e-6)
    table = fit.summary()["estimate"]
    assert np.exp(table["sigma_Intercept"]) == pytest.approx(own, rel=1e-4)
    assert table["1|g_sigma"] == pytest.approx(between, rel=1e-4)
    with pytest.raises(bd.FitError, match="integrated out of one alone"):
        fitted("y ~ x + (1 | g)", data, method, sigma="~ (1 | g)")


def test_ordered_levels():
    rng = np.random.default_rng(16)
    x = rng.normal(size=300)
    levels = np.digitize(0.8 * x + rng.logistic(size=300), [-1.0, 0.5, 2.0])
    data = pd.DataFrame({"x": x, "y": levels + 1})

    def value(p: np.ndarray) -> float:
        cuts = np.concatenate([[-np.inf], np.cumsum([p[0], np.exp(p[1]), np.exp(p[2])]), [np.inf]])
        below = stats.logistic.cdf(cuts - p[3] * x[:, None])
        return -np.log(np.diff(below, axis=1)[np.arange(300), levels]).sum()

    best = minimize(value, [-1.0, 0.4, 0.4, 0.5], method="BFGS", options={"gtol": 1e-8})
    fit = fitted("y ~ x", data, family="cumulative")
    table = fit.summary()
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(-best.fun, abs=1e-7)
    cuts = np.cumsum([best.x[0], np.exp(best.x[1]), np.exp(best.x[2])])
    np.testing.assert_allclose(table["estimate"], [best.x[3], *cuts], atol=2e-4)
    assert table.loc["x", "se"] == pytest.approx(np.sqrt(best.hess_inv[3, 3]), rel=0.05)


def test_a_fit_without_a_highest_point_in_the_family():
    # Counts that vary less than Poisson counts: the shape of a negative binomial runs off.
    data = pd.DataFrame({"c": [3, 4, 3, 5, 4, 4, 3, 5, 4, 3] * 5})
    fit = fitted("c ~ 1", data, family="negative_binomial")
    assert fit.idata.attrs["status"] == "doubtful"
    assert "'alpha'" in fit.idata.attrs["advice"][0]
    assert np.isnan(fit.summary().loc["alpha", "se"])
    assert np.exp(fit.summary().loc["Intercept", "estimate"]) == pytest.approx(data["c"].mean(), rel=1e-3)


def test_folds_refit():
    data = grouped(18, groups=3, rows=8)
    formula = "y ~ x + (1 | g)"
    folds = fitted(formula, data).kfold(3, by="g", seed=1, progress=False)
    parts = [(data[data["g"] != g], data[data["g"] == g]) for g in data["g"].unique()]
    scores = [fitted(formula, rest).log_score(out, new_groups="sample", pointwise=True).sum() for rest, out in parts]
    # Effects of a group that is left out are drawn.
    assert folds.elpd == pytest.approx(sum(scores), rel=0.02)


@pytest.mark.integration
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_comparisons(family):
    data = grouped(17, groups=6, rows=8).assign(c=lambda d: np.exp(d["y"] / 2).astype(int))
    name = "y" if family == "gaussian" else "c"
    fits = {k: fitted(f"{name} ~ {k} + (1 | g)", data, family=family) for k in ("x", "1")}
    table = bd.compare(fits, seed=1).table
    assert set(table.index) == {"x", "1"}
    assert np.isfinite(table["elpd"]).all()
    assert not table["exact"].any()


def test_priors_have_no_say_and_that_is_said():
    data = grouped(12)
    plain = fitted("y ~ x + (1 | g)", data)
    given = fitted("y ~ x + (1 | g)", data, priors={"x": "Laplace(5, 0.01)", "1|g_sigma": "HalfNormal(0.001)"})
    np.testing.assert_array_equal(plain.summary(), given.summary())
    assert given.idata.attrs["advice"] == ["ml uses no priors: those given for 'x', '1|g_sigma' have no say."]


def test_what_follows_from_an_estimate(tmp_path):
    data = grouped(13)
    fit = fitted("y ~ x + (1 + x | g)", data)
    loaded = bd.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.summary(), fit.summary())
    assert loaded.idata.attrs["aic"] == fit.idata.attrs["aic"]
    table = fit.summary(var_names=["x", "sigma"], round_to=2)
    assert list(table.index) == ["x", "sigma"]
    with pytest.raises(bd.FitError, match="estimates and standard errors"):
        fit.summary(stat_focus="median")
    slope = fit.summary().loc["x", "estimate"]
    assert fit.slopes(at="means", variables=["x"])["estimate"].iloc[0] == pytest.approx(slope, abs=0.3)
    with pytest.raises(bd.FitError, match="kfold"):
        fit.loo()
    assert fit.diagnose().verdict == "caution"


def test_scales_do_not_matter():
    data = grouped(14)
    one = fitted("y ~ x + (1 + x | g)", data).summary()
    other = fitted("y ~ x + (1 + x | g)", data.assign(y=1e4 * data["y"], x=1e-3 * data["x"])).summary()
    for label, by in {"Intercept": 1e4, "x": 1e7, "sigma": 1e4, "1|g_sigma": 1e4, "x|g_sigma": 1e7, "g_corr[1, x]": 1.0}.items():
        np.testing.assert_allclose(other.loc[label], by * one.loc[label], rtol=2e-3)
