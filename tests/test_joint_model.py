"""Several responses: the door, what it refuses, and what its fits say."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

import bayesdeep as bd
from bayesdeep.collapse.eligibility import terms_reason
from bayesdeep.core.errors import DataError, FitError, FormulaError, PriorError
from bayesdeep.graph.joint_graph import build_joint
from bayesdeep.results.draw_arrays import flat_posterior


def frame(rows: int = 200, groups: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g, x = rng.integers(groups, size=rows), rng.normal(size=rows)
    u = rng.multivariate_normal([0, 0], [[1, 0.35], [0.35, 0.25]], size=groups)
    e = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=rows)
    made = pd.DataFrame(
        {"x": x, "g": [f"g{i:02}" for i in g], "y1": 1 + x + u[g, 0] + e[:, 0], "y2": 2 - x + u[g, 1] + e[:, 1]}
    )
    return made.assign(k=rng.poisson(np.exp(0.2 + 0.3 * x + u[g, 1])))


TWO = ["y1 ~ x + (1 |p| g)", "y2 ~ x + (1 |p| g)"]


@pytest.fixture(scope="module")
def fitted() -> Any:
    return bd.Model(TWO, frame(), residual_correlation=True).fit(seed=1, progress=False)


def test_finds_what_rows_were_made_with(fitted: Any) -> None:
    table = fitted.summary(ci_prob=0.99)
    truth = {"y1_x": 1, "y2_x": -1, "y1_sigma": 1, "residual_corr[y1, y2]": 0.6, "g_corr[y1_1, y2_1]": 0.7}
    for name, value in truth.items():
        assert table.loc[name].iloc[2] < value < table.loc[name].iloc[3], name
    assert fitted.idata.attrs["method"] == "collapsed"
    assert fitted.diagnose().verdict == "trust"


def test_a_response_alone_has_its_marginal_posterior(fitted: Any) -> None:
    one = fitted["y2"]
    assert np.array_equal(one.idata["posterior"]["x"], fitted.idata["posterior"]["y2_x"])
    alone = one.predict(frame().head(4), kind="mean")
    both = fitted.predict(frame().head(4), kind="mean")
    assert np.allclose(both["y2"], alone)
    assert one.diagnose().verdict == "trust"


def test_rows_of_draws_are_correlated_like_residuals(fitted: Any) -> None:
    row = frame().head(1)
    drawn, mean = fitted.draws(row, seed=3), fitted.draws(row, kind="mean")
    left = np.stack([(drawn[name] - mean[name]).to_numpy().ravel() for name in ("y1", "y2")])
    expected = float(fitted.idata["posterior"]["residual_corr"].mean())
    assert np.corrcoef(left)[0, 1] == pytest.approx(expected, abs=4 / np.sqrt(left.shape[1]))


def test_likelihood_is_that_of_the_bivariate_normal_distribution(fitted: Any) -> None:
    data, posterior = frame(), flat_posterior(fitted.idata["posterior"].to_dataset(), fitted["y1"].spec)
    row, g = data.iloc[7], sorted(data["g"].unique()).index(data["g"].iloc[7])
    means = np.stack(
        [
            posterior[f"{y}_Intercept"] + row["x"] * posterior[f"{y}_x"] + posterior[f"{y}_1|g"][:, g]
            for y in ("y1", "y2")
        ]
    )
    sds, corr = np.stack([posterior["y1_sigma"], posterior["y2_sigma"]]), posterior["residual_corr"][:, 0]
    densities = []
    for k in range(0, means.shape[1], 40):
        c = corr[k] * sds[0, k] * sds[1, k]
        covariance = [[sds[0, k] ** 2, c], [c, sds[1, k] ** 2]]
        densities.append(multivariate_normal(means[:, k], covariance).logpdf([row["y1"], row["y2"]]))
    from bayesdeep.results.joint_predictions import joint_log_likelihood

    assert joint_log_likelihood(fitted._made)[::40, 7] == pytest.approx(np.array(densities), rel=1e-9)


def test_rows_are_left_out_whole(fitted: Any) -> None:
    with_both, apart = fitted.loo().elpd, sum(fitted.loo(response=name).elpd for name in fitted)
    gain = 200 * -0.5 * np.log(1 - 0.6**2)  # what one normal response says of the other
    assert with_both - apart == pytest.approx(gain, rel=0.35)


def test_one_response_of_rows_left_out_whole_has_the_weights_of_the_row(fitted: Any) -> None:
    from bayesdeep.results.joint_predictions import log_likelihoods

    whole, each = log_likelihoods(fitted._made)
    found = fitted.loo(response="y2")
    row = int(np.argmin(found.numbers("pareto_k")))  # where the tail is light its smoothing hardly matters
    weights = np.exp(whole[:, row].min() - whole[:, row])
    by_hand = np.log((weights * np.exp(each["y2"][:, row])).sum() / weights.sum())
    assert float(found.numbers("elpd_i")[row]) == pytest.approx(by_hand, abs=0.01)
    assert found.n_data_points == 200


def test_what_would_leave_out_a_response_that_others_tell_of_is_refused(fitted: Any) -> None:
    with pytest.raises(FitError, match="residuals of y1, y2 are correlated"):
        fitted["y1"].loo()
    with pytest.raises(FitError, match="one response of a model of y1, y2"):
        fitted["y1"].kfold(progress=False)
    with pytest.raises(FitError, match="no response 'y3'"):
        fitted.loo(response="y3")


def test_fits_of_several_responses_are_compared(fitted: Any) -> None:
    apart = bd.Model(TWO, frame()).fit(seed=1, draws=250, progress=False)
    found = bd.compare({"apart": apart, "together": fitted})
    table = found.table
    assert list(table.index) == ["together", "apart"]
    assert table.loc["together", "elpd"] == pytest.approx(fitted.loo().elpd)
    assert table.loc["apart", "elpd"] == pytest.approx(table.loc["apart", ["elpd_y1", "elpd_y2"]].sum(), abs=2)
    assert not table.drop(columns="warning").isna().to_numpy().any()
    held = bd.compare({"apart": apart, "together": fitted}, data=frame(20))
    assert held.table.loc["apart", "log_score"] == pytest.approx(apart.log_score(frame(20)))
    for wrong, words in (
        ({"a": apart, "b": fitted["y1"]}, "beside fits of several responses"),
        ({"a": apart, "b": "ridge"}, "beside fits of several responses"),
        ({"a": apart, "b": apart}, "the same fit"),
    ):
        with pytest.raises(FitError, match=words):
            bd.compare(wrong)
    with pytest.raises(FitError, match="groups left out"):
        bd.compare({"apart": apart, "together": fitted}, target="groups", by="g")
    with pytest.raises(FitError, match="compare one response"):
        found.errors()
    moved = bd.Model(TWO, frame().assign(y1=lambda d: d["y1"] + 1)).fit(seed=1, draws=100, progress=False)
    with pytest.raises(FitError, match="different values of 'y1'"):
        bd.compare({"a": apart, "b": moved})


@pytest.mark.integration
def test_a_report_has_what_is_of_all_and_each_responses_sections(fitted: Any, tmp_path: Path) -> None:
    path = fitted.report(tmp_path / "a.md", extra={"question": "Do they go together?"})
    text = path.read_text(encoding="utf-8").replace("\\", "")
    assert "could not be written" not in text
    head, rest = text.split("y1: Question and answer", 1)
    for words in ("Do they go together?", "y2 ~ x + (1 |p| g)", "residual_corr[y1, y2]", "whole rows", "LKJ(2)"):
        assert words in head, words
    assert f"{fitted.loo(response='y2').elpd:.1f}".lstrip("-") in head
    for words in ("y2: Effects", "what a row's others tell of it", "rows have one likelihood for all"):
        assert words in rest, words
    assert text.count("bd.Model(") == 1
    made = text[text.index("bd.Model(") :].split("\n", 1)[0]
    again = eval(made, {"bd": bd, "data": frame()})
    assert np.array_equal(again.idata["posterior"]["y1_x"], fitted.idata["posterior"]["y1_x"])
    assert bd.report(fitted, tmp_path / "b.html").stat().st_size > 50_000


def test_what_is_for_one_response_says_so(fitted: Any) -> None:
    for ask in (bd.explain, bd.plot.forest):
        with pytest.raises(FitError, match="a fit of several responses; give the fit of one"):
            ask(fitted)
    with pytest.raises(AttributeError, match="ask one response's"):
        fitted.budget()


def test_density_of_the_graph_has_each_response_once() -> None:
    model = bd.Model(["y1 ~ 1", "k ~ 1"], frame(), family=["gaussian", "poisson"])
    rows = model._rows
    graph = build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False)
    from scipy.stats import poisson

    free = {v.name for v in graph.model.free_RVs}
    assert free == {"y1_Intercept", "y1_sigma", "k_Intercept"}
    at = {"y1_Intercept": 0.5, "y1_sigma_log__": np.log(1.5), "k_Intercept": 0.2}
    logp = graph.model.compile_logp(vars=graph.model.observed_RVs)
    data = frame()
    expected = norm(0.5, 1.5).logpdf(data["y1"]).sum() + poisson(np.exp(0.2)).logpmf(data["k"]).sum()
    assert float(logp(at)) == pytest.approx(expected)


def test_missing_responses_leave_rows_their_other_responses() -> None:
    data = frame(80, 6)
    data.loc[:29, "y2"] = np.nan
    model = bd.Model(TWO, data, missing="model", residual_correlation=True)
    assert (model.rows, model._rows.each[1].rows) == (80, 50)
    fit = model.fit(seed=1, draws=250, progress=False)
    table = fit.predict()
    assert np.isnan(table["y2"]["mean"].iloc[:30]).all()
    assert np.isfinite(fit.predict(data)["y2"]["mean"]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a row of 6 groups may be one that k-hat is large for
        assert np.isfinite(fit.loo().elpd)


def test_saved_fits_say_the_same(fitted: Any, tmp_path: Path) -> None:
    fitted.save(tmp_path / "fit.nc")
    loaded = bd.load(tmp_path / "fit.nc")
    data = frame().head(9)
    assert loaded.log_score(data) == pytest.approx(fitted.log_score(data), rel=1e-12)
    assert loaded["y1"].predict(data).equals(fitted["y1"].predict(data))


def test_mvbind_is_a_formula_for_each() -> None:
    model = bd.Model("mvbind(y1, y2) ~ x", frame())
    assert [one.formulas["mu"] for one in model.spec.responses] == ["y1 ~ x", "y2 ~ x"]


def test_effects_of_new_groups_are_drawn_together(fitted: Any) -> None:
    new = pd.DataFrame({"x": [0.0], "g": ["new"]})
    drawn, posterior = fitted.draws(new, kind="mean", new_groups="sample", seed=4), fitted.idata["posterior"]
    effects = np.stack([(drawn[y][..., 0] - posterior[f"{y}_Intercept"]).to_numpy().ravel() for y in ("y1", "y2")])
    sds = np.stack([posterior[f"{y}_1|g_sigma"].to_numpy().ravel() for y in ("y1", "y2")])
    left, count = effects / sds, effects.shape[1]
    expected = float(posterior["g_corr"].mean())
    assert left.std(axis=1) == pytest.approx([1, 1], abs=4 / np.sqrt(2 * count))
    assert np.corrcoef(left)[0, 1] == pytest.approx(expected, abs=4 / np.sqrt(count))
    sd = fitted["y1"].predict(new, new_groups="sample")["sd"].iloc[0]
    assert drawn["y1"].std() ** 2 + (posterior["y1_sigma"] ** 2).mean() == pytest.approx(sd**2, rel=0.1)
    with pytest.raises(FitError, match="new"):
        fitted.draws(new, new_groups="raise")


def test_what_is_independent_is_drawn_independently() -> None:
    fit = bd.Model(["y1 ~ x + (1 | g)", "y2 ~ x + (1 | g)"], frame()).fit(seed=1, draws=500, progress=False)
    row = frame().head(1)
    drawn, mean = fit.draws(row, seed=3), fit.draws(row, kind="mean")
    left = np.stack([(drawn[name] - mean[name]).to_numpy().ravel() for name in ("y1", "y2")])
    assert abs(np.corrcoef(left)[0, 1]) < 4 / np.sqrt(left.shape[1])
    new = fit.draws(row.assign(g="new"), kind="mean", new_groups="sample", seed=3)
    assert abs(np.corrcoef([new[name].to_numpy().ravel() for name in new])[0, 1]) < 5 / np.sqrt(left.shape[1])


@pytest.mark.parametrize(
    ("formulas", "options", "error", "words"),
    [
        (["y1 ~ x"], {}, FormulaError, "several responses"),
        (["y1 ~ x", "y1 ~ 1"], {}, FormulaError, "response 'y1'"),
        (["y1 ~ .", "y2 ~ x"], {}, FormulaError, "all other columns"),
        (["y1 ~ x + (1 |p| g)", "y2 ~ x"], {}, FormulaError, "stands in no other term"),
        (["y1 ~ (1 |p| g)", "y2 ~ (1 |p| x)"], {}, FormulaError, "the same groups"),
        (["y1 ~ (1 |p| g) + (0 + x |q| g)", "y2 ~ (1 |p| g) + (0 + x |q| g)"], {}, FormulaError, "one name"),
        (
            ["y1 ~ x", "k ~ x"],
            {"family": ["gaussian", "poisson"], "residual_correlation": True},
            FormulaError,
            "k is poisson",
        ),
        (["y1 ~ x", "y2 ~ x"], {"family": ["gaussian"]}, FormulaError, "one each"),
        (["y1 ~ x", "y2 ~ x"], {"priors": {"y1_z": "Normal(0, 1)"}}, PriorError, "'z'"),
        (["y1 ~ x", "y2 ~ x"], {"priors": {"x": "Normal(0, 1)"}}, PriorError, "y1_x"),
        (["y1 ~ x", "y2 ~ x"], {"missing": "modle"}, DataError, "model"),
        (["y1 ~ x", "y2 ~ x"], {"sigma": {"y3": "~ x"}}, FormulaError, "no response"),
        ("mvbind(y1) ~ x", {}, FormulaError, "two responses"),
        (["y1 ~ y2", "y2 ~ y1"], {}, FormulaError, "predictors of each other"),
        (["y1 ~ x", "y2 ~ y1"], {"sigma": {"y1": "~ y2"}}, FormulaError, "y1 and y2 are predictors of each other"),
        (["y1 ~ x + y2", "y2 ~ x"], {"residual_correlation": True}, FormulaError, "an instrument"),
        (["y1 ~ x", "y2 ~ x"], {"residual_correlation": "no"}, FitError, "True or False"),
    ],
)
def test_refuses(formulas: Any, options: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        bd.Model(formulas, frame(40, 4), **options)


def test_missing_responses_are_never_taken_for_numbers() -> None:
    data = frame(40, 4)
    data.loc[:6, "y1"] = np.nan
    with pytest.raises(DataError, match=r'7 of 40 rows have missing values: y1 7; pass missing="drop" .* missing="model"'):
        bd.Model(["y1 ~ x", "y2 ~ x"], data)


def test_a_column_without_a_formula_of_its_own_is_not_filled() -> None:
    data = frame(40, 4)
    data.loc[:6, "x"] = np.nan
    for options in ({}, {"missing": "drop"}):
        with pytest.raises(FormulaError, match=r'7 missing values, .* as in bd.Model\(\["y1 ~ mi\(x\)", "x ~ …"\]'):
            bd.Model("y1 ~ mi(x)", data, **options)
    with pytest.raises(DataError, match="missing='model' is of several responses"):
        bd.Model("y1 ~ x", data, missing="model")
    with pytest.raises(FormulaError, match="main parameter"):
        bd.Model(["y1 ~ 1", "x ~ 1"], data, missing="model", sigma={"y1": "~ mi(x)"})


def test_an_instrument_tells_a_slope_from_a_correlation() -> None:
    bd.Model(["y1 ~ y2", "y2 ~ x"], frame(40, 4), residual_correlation=True)


def test_refuses_responses_that_are_one() -> None:
    data = frame(40, 4).assign(y3=lambda d: d["y1"] - 2 * d["y2"] + 5)
    with pytest.raises(DataError, match="'y1' and 'y2' and 'y3' are linear combinations of each other"):
        bd.Model(["y1 ~ x", "y2 ~ 1", "y3 ~ 1"], data, residual_correlation=True)


def test_refuses_more_correlations_than_rows_can_tell() -> None:
    with pytest.raises(DataError, match="rows"):
        bd.Model(["y1 ~ 1", "y2 ~ 1"], frame(200).head(2), residual_correlation=True)


def test_one_response_has_correlated_effects_on_its_parameters() -> None:
    model = bd.Model("y1 ~ x + (1 |p| g)", frame(), sigma="~ 1 + (1 |p| g)")
    assert str(model.spec.prior("g_corr").prior) == "LKJ(2)"
    assert model.pymc.named_vars_to_dims["g_corr"] == ("g_pair",)
    assert model.pymc.coords["g_pair"] == ("1, sigma_1",)
    assert "correlates effects" in (terms_reason(model.spec) or "")
    with pytest.raises(FormulaError, match="stands in no other term"):
        bd.Model("y1 ~ x + (1 |p| g)", frame())


@pytest.mark.integration
def test_chains_on_everything_say_the_same(fitted: Any) -> None:
    other = bd.Model(TWO, frame(), residual_correlation=True).fit("nuts", seed=2, progress=False)
    ours, theirs = fitted.summary(), other.summary()
    names = [name for name in ours.index if "|g[" not in name]
    error = np.hypot(ours.loc[names, "mcse_mean"], theirs.loc[names, "mcse_mean"])
    assert (np.abs(ours.loc[names, "mean"] - theirs.loc[names, "mean"]) < 4.5 * error).all()


@pytest.mark.integration
def test_families_go_together() -> None:
    fit = bd.Model(["y1 ~ x + (1 |p| g)", "k ~ x + (1 |p| g)"], frame(400, 30), family=["gaussian", "poisson"]).fit(
        seed=1, progress=False
    )
    table = fit.summary(ci_prob=0.99)
    assert table.loc["g_corr[y1_1, k_1]"].iloc[2] < 0.7 < table.loc["g_corr[y1_1, k_1]"].iloc[3]
    assert set(fit["k"].predict(frame().head(3)).columns) == {"mean", "sd", "lower", "upper"}
    assert fit.diagnose().verdict != "do not trust"


def test_heavy_tails_together_are_the_multivariate_t_distribution() -> None:
    from scipy.stats import multivariate_t

    data = frame(30, 3)
    model = bd.Model(["y1 ~ 1", "y2 ~ 1"], data, family="student_t", residual_correlation=True)
    rows = model._rows
    graph = build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False)
    assert {"y1_nu", "y2_nu"} <= set(graph.reported)
    assert [v.name for v in graph.model.free_RVs if "nu" in v.name] == ["y1_nu"]
    point = {name: value + 0.1 for name, value in graph.model.initial_point().items()}
    (density,) = graph.model.potentials
    names = ("y1_Intercept", "y2_Intercept", "y1_sigma", "y2_sigma", "y1_nu", "residual_corr")
    outputs = [density, *(graph.model[name] for name in names)]
    found = graph.model.compile_fn(graph.model.replace_rvs_by_values(outputs))(point)
    value, one, two, s1, s2, nu, corr = found
    covariance = np.array([[s1**2, s1 * s2 * corr[0]], [s1 * s2 * corr[0], s2**2]])
    expected = multivariate_t([one, two], covariance, nu).logpdf(data[["y1", "y2"]]).sum()
    assert float(value) == pytest.approx(float(expected), rel=1e-9)


def holes(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    z = rng.normal(size=rows)
    x = 0.5 + 0.8 * z + rng.normal(size=rows)
    y = 1 + 2 * x - z + rng.normal(size=rows)
    return pd.DataFrame({"x": np.where(rng.random(rows) < 1 / (1 + np.exp(1 - y)), np.nan, x), "y": y, "z": z})


@pytest.mark.integration
def test_missing_predictors_are_parameters_with_the_law_of_their_own_formula() -> None:
    data = holes()
    model = bd.Model(["y ~ mi(x) + z", "x ~ z"], data, missing="model")
    rows = model._rows
    graph = build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False, whole=rows.whole)
    gone = data["x"].isna().to_numpy()
    assert rows.each[1].rows == (~gone).sum()
    rng = np.random.default_rng(1)
    point = {
        name: value + 0.1 * rng.normal(size=np.shape(value)) for name, value in graph.model.initial_point().items()
    }
    names = ["y_Intercept", "y_mi(x)", "y_z", "y_sigma", "x_Intercept", "x_z", "x_sigma", "y_mi(x)_missing"]
    priors = [graph.model.logp(vars=[v], sum=True) for v in graph.model.free_RVs]
    outputs = [
        graph.model.logp(),
        sum(priors),
        *graph.model.replace_rvs_by_values([graph.model[name] for name in names]),
    ]
    total, prior, a, b, c, s, m, slope, t, latent = graph.model.compile_fn(outputs)(point)
    x = data["x"].to_numpy().copy()
    x[gone] = latent
    expected = norm(a + b * x + c * data["z"], s).logpdf(data["y"]).sum()
    expected += norm(m + slope * data["z"], t).logpdf(x)[~gone].sum()
    assert float(total - prior) == pytest.approx(float(expected), rel=1e-9)
    standard = point["x_missing"]
    assert latent == pytest.approx((m + slope * data["z"].to_numpy()[gone]) + t * standard)


@pytest.mark.parametrize(
    ("formulas", "options", "error", "words"),
    [
        (["y ~ mi(x)", "z ~ 1"], {"missing": "model"}, FormulaError, "no formula has 'x'"),
        (["y ~ x", "x ~ z"], {"missing": "model"}, DataError, r"write mi\(x\)"),
        (["y ~ mi(x)", "x ~ z"], {}, DataError, "missing='model'"),
        (["y ~ mi(x)", "x ~ mi(y)"], {"missing": "model"}, FormulaError, "depend on each other"),
        (["y ~ mi(x)", "x ~ z"], {"missing": "model", "residual_correlation": True}, FormulaError, "which of the two"),
        (["y ~ mi(x) + x", "x ~ z"], {"missing": "model"}, FormulaError, "by itself"),
    ],
)  # fmt: skip
def test_refuses_holes_that_nothing_fills(formulas: Any, options: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        bd.Model(formulas, holes(), **options)


@pytest.mark.integration
def test_holes_that_depend_on_the_response_do_not_bias() -> None:
    data = holes(400)
    fit = bd.Model(["y ~ mi(x) + z", "x ~ z"], data, missing="model").fit(seed=1, progress=False)
    table = fit.summary(ci_prob=0.99)
    for name, truth in {"y_mi(x)": 2.0, "y_z": -1.0, "y_Intercept": 1.0, "x_Intercept": 0.5, "x_z": 0.8}.items():
        assert table.loc[name].iloc[2] < truth < table.loc[name].iloc[3], name
    assert not any("missing" in name for name in table.index)
    values = fit["y"].idata["posterior"]["mi(x)_missing"].mean(("chain", "draw")).to_numpy()
    assert fit["y"].predict(kind="mean")["mean"].to_numpy().shape == (400,)
    assert len(values) == data["x"].isna().sum()
