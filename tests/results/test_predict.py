"""Predictions: the training rows and copies of them agree, new groups come from their distribution, nothing is lost.

Most fits here hold draws from the prior: what is asked of draws does not depend on how they were made.
"""

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

import bayesdeep as bd
from bayesdeep.core.records import Response
from bayesdeep.fit import Fit
from bayesdeep.results import prediction_blocks as predict_module

ROWS = 30


def data(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(21)
    d = pd.DataFrame(
        {
            "x": rng.normal(4, 2, rows),
            "z": rng.uniform(0.5, 3, rows),
            "a": rng.choice(list("uvw"), rows),
            "g": rng.choice(["p", "q", "r", "s"], rows),
            "h": rng.choice(["i", "j"], rows),
            "n": rng.integers(3, 9, rows),
            "y": rng.normal(size=rows),
        },
        index=[f"row {i}" for i in rng.permutation(rows)],
    )
    return d.assign(k=rng.binomial(d.n, 0.4), e=rng.poisson(d.z), b=rng.choice(["no", "yes"], rows))


def prior_fit(model: bd.Model, draws: int = 200, chains: int = 2) -> Fit:
    """Return a fit whose posterior is the prior."""
    tree = model.prior_predictive(draws * chains, seed=5)
    flat = tree["prior"].to_dataset()
    posterior = xr.Dataset(
        {k: (v.dims, v.values.reshape(chains, draws, *v.shape[2:])) for k, v in flat.data_vars.items()},
        coords={**{k: v for k, v in flat.coords.items() if k not in ("chain", "draw")}},
    ).assign_coords(chain=np.arange(chains), draw=np.arange(draws))
    found = xr.DataTree.from_dict(
        {"posterior": posterior} | {k: tree[k].to_dataset() for k in ("observed_data", "constant_data")}
    )
    found.attrs.update(seed=7, method="prior", exact=True, seconds_total=0.0, spec=model.spec.to_json())
    return Fit(model.spec, model.__dict__["_rows"], found)


FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("y ~ x + z", {}),
    "polynomial": ("y ~ poly(x, 3) + bs(z, df=4)", {}),
    "scaled": ("y ~ scale(x) * center(z) + I(x**2) + log(z)", {}),
    "categories": ("y ~ C(n) + a * x", {}),
    "no intercept": ("y ~ 0 + a + x:a", {}),
    "groups": ("y ~ x + (1 + x | g) + (1 | h/a)", {}),
    "transforms in groups": ("y ~ x + (poly(x, 2) | g) + (a || h)", {}),
    "distributional": ("y ~ x + (1 | g)", {"sigma": "~ scale(z) + (1 | h)"}),
    "known": ("y ~ x", {"sigma": bd.known("z")}),
    "offset": ("e ~ a + offset(log(z)) + (1 | g)", {"family": "poisson", "priors": {"1|g_sigma": "HalfNormal(0.3)"}}),
    "binomial": ("prop(k, n) ~ x + (1 | g)", {"family": "binomial"}),
    "bernoulli": ("b ~ scale(x) + (1 | g)", {"family": "bernoulli"}),
    "truncated": ("truncated(z, lb=0.4, ub=3.2) ~ x", {}),
    "weighted": ("weighted(y, n) ~ x", {}),
}


@pytest.mark.few(4)
@pytest.mark.parametrize("name", list(FORMULAS))
def test_training_rows_and_a_copy_of_them_agree(name):
    formula, options = FORMULAS[name]
    d = data()
    fit = prior_fit(bd.Model(formula, d, **options), draws=40)
    for kind in ("linear", "mean", "response"):
        own, copied = fit.predict(kind=kind), fit.predict(d.copy(), kind=kind)
        pd.testing.assert_frame_equal(own, copied)
        assert own.index.equals(d.index)
        assert list(own.columns) == ["mean", "sd", "lower", "upper"]
        assert np.isfinite(own.to_numpy()).all()
    some = d.iloc[[7, 3, 3]]
    pd.testing.assert_frame_equal(fit.predict(some, kind="mean"), fit.predict(kind="mean").iloc[[7, 3, 3]])
    assert fit.log_score(d) == pytest.approx(fit.log_score(), rel=1e-12)


def test_rows_mean_what_they_mean_alone():
    # a term that learned from the new rows (poly, scale) would answer differently for one row than for all
    d = data()
    fit = prior_fit(bd.Model("y ~ poly(x, 2) + bs(z, df=4) + scale(x):a + (scale(z) | g)", d), draws=30)
    together = fit.draws(d, kind="linear").values
    for i in (0, 5, 11):
        np.testing.assert_allclose(fit.draws(d.iloc[[i]], kind="linear").values[..., 0], together[..., i], rtol=1e-9)


def test_draws_are_labelled():
    d = data()
    fit = prior_fit(bd.Model("y ~ x", d), draws=10, chains=3)
    found = fit.draws(d.head(4))
    assert found.dims == ("chain", "draw", "obs")
    assert found.shape == (3, 10, 4)
    assert found.name == "y"
    eta = fit.posterior.Intercept + fit.posterior.x * xr.DataArray(d.x.values[:4], dims="obs")
    np.testing.assert_allclose(fit.draws(d.head(4), kind="linear").values, eta.values, rtol=1e-12)


@pytest.mark.parametrize("family", ["cumulative", "categorical"])
def test_levels_of_a_response_are_probabilities(family):
    d = data().assign(a=lambda d: pd.Categorical(d.a, list("uvw"), ordered=True))
    fit = prior_fit(bd.Model("a ~ x + (1 | g)", d, family), draws=30)
    found = fit.predict(d.drop(columns="a"))
    assert list(found.columns) == ["u", "v", "w", "mode"]
    np.testing.assert_allclose(found[["u", "v", "w"]].sum(axis=1), 1, rtol=1e-9)
    draws = fit.draws(kind="mean")
    assert draws.dims == ("chain", "draw", "obs", "a_level")
    assert draws["a_level"].values.tolist() == ["u", "v", "w"]
    assert found.index.equals(d.index)


def test_probability_of_success_has_its_column():
    fit = prior_fit(bd.Model("b ~ x", data(), "bernoulli"), draws=30)
    assert list(fit.predict().columns) == ["mean", "sd", "lower", "upper"]
    assert fit.predict(kind="mean")["mean"].between(0, 1).all()


# New groups


@pytest.fixture(scope="module")
def grouped() -> Fit:
    priors = {
        "g_corr": "LKJ(1)",
        "1|g_sigma": "HalfNormal(1)",
        "x|g_sigma": "HalfNormal(1)",
        "Intercept": "Normal(0, 1)",
    }
    return prior_fit(bd.Model("y ~ x + (1 + x | g)", data(), priors=priors), draws=4000)


def test_sampled_groups_have_the_fitted_distribution(grouped):
    new = data().head(3).assign(g=["new", "new", "other"], x=[0.0, 1.0, 0.0])
    eta = grouped.draws(new, kind="linear", new_groups="sample")
    p = grouped.posterior
    base = p.Intercept.values
    intercept = eta.values[..., 0] - base
    other = eta.values[..., 2] - base
    slope = eta.values[..., 1] - eta.values[..., 0] - p.x.values
    z1, z2 = intercept / p["1|g_sigma"].values, slope / p["x|g_sigma"].values
    for z in (z1, z2, other / p["1|g_sigma"].values):
        assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3
    # rows of one new group share its effects, and two new groups do not
    assert abs(np.corrcoef(intercept.ravel(), other.ravel())[0, 1]) < 0.05
    rho = p["g_corr"].values[..., 0]
    white = (z2 - rho * z1) / np.sqrt(1 - rho**2)
    assert abs(np.corrcoef(white.ravel(), z1.ravel())[0, 1]) < 0.05
    assert white.var() == pytest.approx(1, rel=0.08)
    assert np.mean(intercept**2) == pytest.approx(float(np.mean(p["1|g_sigma"].values ** 2)), rel=0.1)


def test_average_group_has_no_effect(grouped):
    new = data().head(2).assign(g="new")
    eta = grouped.draws(new, kind="linear", new_groups="average").values
    p = grouped.posterior
    np.testing.assert_allclose(eta, (p.Intercept + p.x * xr.DataArray(new.x.values, dims="obs")).values, rtol=1e-10)


@pytest.mark.parametrize("text", ["Normal(5, 2)", "StudentT(Gamma(2, 0.1), 5, HalfNormal(1))", "Laplace(5, 0.3)"])
def test_average_group_is_at_the_location_of_its_prior(text):
    fit = prior_fit(bd.Model("y ~ 0 + x + (1 | g)", data(), priors={"1|g": text}), draws=200)
    new = data().head(1).assign(g="new", x=0.0)
    np.testing.assert_allclose(fit.draws(new, kind="linear", new_groups="average").values, 5.0)
    sampled = fit.draws(new, kind="linear", new_groups="sample").values
    assert sampled.std() > 0.1
    assert np.median(sampled) == pytest.approx(5, abs=0.6)


def test_raise_names_the_groups(grouped):
    with pytest.raises(bd.FitError, match=r"'g' has 1 groups the model was not fitted to: new"):
        grouped.predict(data().head(1).assign(g="new"), new_groups="raise")
    known = data().head(3)
    assert len(grouped.predict(known, new_groups="raise")) == 3


def test_known_rows_do_not_notice_new_groups(grouped):
    d = data().head(4)
    mixed = d.assign(g=["p", "new", d.g.iloc[2], "other"])
    found = grouped.draws(mixed, kind="linear", new_groups="sample").values
    alone = grouped.draws(d.iloc[[2]], kind="linear").values
    np.testing.assert_allclose(found[..., [2]], alone)


def test_new_combination_of_known_groups():
    d = data()
    d = d[~((d.g == "p") & (d.h == "i"))]
    fit = prior_fit(bd.Model("y ~ 1 + (1 | g/h)", d, priors={"1|g:h_sigma": "HalfNormal(1)"}), draws=2000)
    new = d.head(1).assign(g="p", h="i")
    eta = fit.draws(new, kind="linear", new_groups="sample").values[..., 0]
    p = fit.posterior
    z = (eta - p.Intercept - p["1|g"].sel(g="p").values) / p["1|g:h_sigma"]
    assert stats.kstest(z.values.ravel(), stats.norm.cdf).pvalue > 1e-3


def test_new_group_with_the_label_of_a_column():
    # the population term's only column and the new group have one label
    d = data().assign(h=np.tile(["i", "j"], ROWS // 2))
    fit = prior_fit(bd.Model("y ~ h + (h | g)", d), draws=30)
    for new_groups in ("sample", "average"):
        found = fit.draws(d.head(3).assign(g="j"), kind="linear", new_groups=new_groups)
        assert found.shape == (2, 30, 3)
    average = fit.draws(d.head(1).assign(g="j", h="j"), kind="linear", new_groups="average").values[..., 0]
    np.testing.assert_allclose(average, fit.posterior.Intercept + fit.posterior.h.values[..., 0])


@pytest.mark.parametrize("formula", ["a ~ x + (1 + x | g)", "a ~ x + (h | g)"])
def test_new_groups_of_a_response_with_levels(formula):
    d = data()
    fit = prior_fit(bd.Model(formula, d, "categorical"), draws=30)
    found = fit.predict(d.head(4).assign(g=["v", "w", "p", "v"]), new_groups="sample")
    np.testing.assert_allclose(found[["u", "v", "w"]].sum(axis=1), 1, rtol=1e-9)
    assert (found.iloc[0, :3] != found.iloc[1, :3]).any()


# Edges


def test_response_may_be_absent_and_other_columns_may_not():
    d = data()
    fit = prior_fit(bd.Model("y ~ x + (1 | g)", d), draws=20)
    pd.testing.assert_frame_equal(fit.predict(d.drop(columns="y")), fit.predict(d))
    with pytest.raises(bd.DataError, match="no column 'x'"):
        fit.predict(d.drop(columns="x"))
    with pytest.raises(bd.DataError, match="no column 'y'"):
        fit.log_score(d.drop(columns="y"))
    with pytest.raises(bd.DataError, match="missing values: x 1"):
        fit.predict(d.assign(x=[np.nan, *d.x[1:]]))


def test_unseen_category_is_an_error_that_names_it():
    d = data()
    fit = prior_fit(bd.Model("y ~ a + x", d), draws=20)
    with pytest.raises(bd.DataError, match=r"column 'a' has level 'zz' that the model was not fitted to"):
        fit.predict(d.assign(a=["zz", *d.a[1:]]))


def test_categories_may_come_in_another_order():
    d = data()
    fit = prior_fit(bd.Model("y ~ a + (1 | g)", d), draws=20)
    other = d.assign(a=pd.Categorical(d.a, ["w", "v", "u"]), g=pd.Categorical(d.g, ["s", "r", "q", "p"]))
    pd.testing.assert_frame_equal(fit.predict(other, kind="mean"), fit.predict(kind="mean"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "log_likelihood"}, "unknown kind 'log_likelihood'"),
        ({"kind": "means"}, "did you mean 'mean'"),
        ({"interval": 90}, "interval is 90"),
        ({"interval": 0}, "interval is 0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    fit = prior_fit(bd.Model("y ~ x", data()), draws=5)
    with pytest.raises(bd.FitError, match=message):
        fit.predict(**options)


def test_unknown_way_with_new_groups_is_refused_even_without_new_groups(grouped):
    with pytest.raises(bd.FitError, match="did you mean 'sample'"):
        grouped.predict(new_groups="samples")


def test_intervals_are_nested_and_seeds_repeat():
    fit = prior_fit(bd.Model("y ~ x", data()), draws=100)
    tables = [fit.predict(interval=p) for p in (0.5, 0.8, 0.95)]
    for inner, outer in pairwise(tables):
        assert (outer.lower < inner.lower).all()
        assert (outer.upper > inner.upper).all()
        np.testing.assert_array_equal(inner["mean"], outer["mean"])
    assert not np.allclose(fit.predict(seed=1), fit.predict(seed=2))
    pd.testing.assert_frame_equal(fit.predict(seed=1), fit.predict(seed=1))


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["groups", "offset", "distributional"])
def test_block_size_does_not_matter(name, monkeypatch):
    formula, options = FORMULAS[name]
    d = data().assign(g=lambda d: d.g.where(d.index != "row 3", "new"))
    fit = prior_fit(bd.Model(formula, data(), **options), draws=20)
    whole = {kind: fit.predict(d, kind=kind, new_groups="sample") for kind in ("mean", "linear")}
    score = fit.log_score(pointwise=True)
    monkeypatch.setattr(predict_module, "BLOCK", 3 * 40)
    for kind, table in whole.items():
        pd.testing.assert_frame_equal(fit.predict(d, kind=kind, new_groups="sample"), table)
    np.testing.assert_allclose(fit.log_score(pointwise=True), score)
    assert np.isfinite(fit.predict(d, new_groups="sample").to_numpy()).all()


def test_log_score_by_hand():
    d = data()
    fit = prior_fit(bd.Model("y ~ x + (1 | g)", d), draws=50)
    new = data().assign(y=lambda d: d.y + 1).iloc[:6]
    p = fit.posterior.stack(s=("chain", "draw"))
    eta = p.Intercept.values + np.outer(new.x, p.x.values) + p["1|g"].sel(g=new.g.to_list()).values
    log = stats.norm(eta, p.sigma.values).logpdf(new.y.values[:, None])
    expected = logsumexp(log, axis=1) - np.log(100)
    np.testing.assert_allclose(fit.log_score(new, pointwise=True), expected, rtol=1e-10)
    assert fit.log_score(new) == pytest.approx(expected.mean())


def test_index_of_other_data_frames():
    fit = prior_fit(bd.Model("y ~ x", data()), draws=10)
    assert fit.predict({"x": [1.0, 2.0]}).index.tolist() == [0, 1]
    dated = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.date_range("2024-01-01", periods=2))
    assert fit.predict(dated).index.equals(dated.index)
    double = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    assert fit.predict(double).index.equals(double.index)
    polars = pytest.importorskip("polars")
    assert len(fit.predict(polars.DataFrame({"x": [1.0, 2.0, 3.0]}))) == 3


SAVED = """
import sys, json
import pandas as pd
import bayesdeep as bd
fit = bd.load(sys.argv[1])
new = pd.read_json(sys.argv[2])
print(json.dumps([fit.predict(new, new_groups="sample").to_numpy().tolist(), fit.predict().to_numpy().tolist(), fit.log_score()]))
"""


@pytest.mark.integration
def test_saved_fit_predicts_the_same_in_a_fresh_process(tmp_path):
    d = data()
    model = bd.Model("y ~ poly(x, 2) + a + I(z / 10) + (scale(z) | g/h)", d, sigma="~ x")
    fit = prior_fit(model, draws=20)
    new = d.head(5).assign(g=["p", "new", "q", "r", "other"]).reset_index(drop=True)
    path = fit.save(tmp_path / "fit.nc")
    new.to_json(tmp_path / "new.json")
    new = pd.read_json(tmp_path / "new.json")
    made = subprocess.run(
        [sys.executable, "-c", SAVED, str(path), str(tmp_path / "new.json")], capture_output=True, text=True, check=True
    )
    predicted, own, score = json.loads(made.stdout.splitlines()[-1])
    np.testing.assert_array_equal(predicted, fit.predict(new, new_groups="sample").to_numpy())
    np.testing.assert_array_equal(own, fit.predict().to_numpy())
    assert score == fit.log_score()


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["binomial", "truncated", "known", "bernoulli"])
def test_loaded_fit_has_the_same_rows(name, tmp_path):
    formula, options = FORMULAS[name]
    fit = prior_fit(bd.Model(formula, data(), **options), draws=20)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    assert again.spec == fit.spec
    np.testing.assert_array_equal(again.predict().to_numpy(), fit.predict().to_numpy())
    assert again.log_score() == fit.log_score()
    assert isinstance(again.rows.response, Response)


@pytest.mark.few(1)
@pytest.mark.parametrize("what", ["pointwise", "predictive", "mean", "linear"])
def test_a_model_without_predictors_is_asked_about_a_block_at_a_time(monkeypatch, what):
    """Nothing of such a model but the response says how many rows there are."""
    from bayesdeep.results import prediction_blocks

    data = {"y": np.array([1, 2, 3, 2, 5, 1, 2])}
    draws = {"Intercept": np.full(50, 0.7)}
    for left in ("y", "truncated(y, 1, 6)"):
        model = bd.Model(f"{left} ~ 1", data, family="poisson")
        asked = (model.spec, draws, model._rows, what, "sample", 1)
        whole = np.concatenate([v for *_, v in prediction_blocks.blocks(*asked)], axis=1)
        monkeypatch.setattr(prediction_blocks, "BLOCK", 100)
        parts = list(prediction_blocks.blocks(*asked))
        monkeypatch.undo()
        assert [stop - start for start, stop, _ in parts] == [v.shape[1] for *_, v in parts] == [2, 2, 2, 1]
        if what != "predictive":
            np.testing.assert_allclose(np.concatenate([v for *_, v in parts], axis=1), whole)
