"""Several imputed data sets: the draws of all are one posterior, what that is, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FitError, FormulaError

FLAT = {"Intercept": "Flat()", "x": "Flat()", "z": "Flat()"}


def tables(count: int = 8, rows: int = 120) -> list[pd.DataFrame]:
    """Return data sets in which half of ``z`` is drawn from what it is given ``x``."""
    rng = np.random.default_rng(5)
    x, group = rng.normal(size=rows), rng.integers(6, size=rows)
    z = 0.6 * x + 0.8 * rng.normal(size=rows)
    y, gone = 1 + 0.7 * x - 0.4 * z + rng.normal(size=rows), rng.random(rows) < 0.5
    found = []
    for _ in range(count):
        filled = np.where(gone, 0.6 * x + 0.8 * rng.normal(size=rows), z)
        found.append(pd.DataFrame({"y": y, "x": x, "z": filled, "g": [f"g{i}" for i in group]}))
    return found


def least_squares(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior's mean and covariance under flat priors and a residual sd of 1."""
    design = np.column_stack([np.ones(len(data)), data["x"], data["z"]])
    covariance = np.linalg.inv(design.T @ design)
    return covariance @ design.T @ data["y"].to_numpy(), covariance


@pytest.fixture(scope="module")
def known() -> Any:
    return bd.Model("y ~ x + z", tables(), priors=FLAT, sigma=bd.known(1.0)).fit("collapsed", seed=1, progress=False)


@pytest.fixture(scope="module")
def fitted() -> Any:
    return bd.Model("y ~ x + z + (1 | g)", tables(4)).fit(seed=2, draws=500, progress=False)


def test_variances_are_those_within_and_between_by_rubins_rules(known: Any) -> None:
    exact = [least_squares(data) for data in tables()]
    means = np.array([mean for mean, _ in exact])
    within = np.mean([np.diag(covariance) for _, covariance in exact], axis=0)
    total = within + means.var(axis=0)
    table = known.summary()
    for k, name in enumerate(("Intercept", "x", "z")):
        assert abs(table.loc[name, "mean"] - means.mean(axis=0)[k]) < 4 * table.loc[name, "mcse_mean"], name
        assert abs(table.loc[name, "sd"] - np.sqrt(total[k])) < 4 * table.loc[name, "mcse_sd"], name
        assert table.loc[name, "between"] == pytest.approx(means.var(axis=0)[k] / total[k], rel=0.25, abs=0.01)
    assert table.loc["z", "between"] > 0.2


def test_draws_are_the_mixture_of_the_data_sets_posteriors(known: Any) -> None:
    exact = [least_squares(data) for data in tables()]
    centres, sds = np.array([mean[2] for mean, _ in exact]), np.array([np.sqrt(c[2, 2]) for _, c in exact])
    draws, size = known.idata["posterior"]["z"].to_numpy(), known.summary().loc["z", "ess_bulk"]
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        place = brentq(lambda q, p=p: norm.cdf(q, centres, sds).mean() - p, -3, 3)
        assert abs((draws < place).mean() - p) < 4 * np.sqrt(p * (1 - p) / size), p


@pytest.mark.integration
def test_errors_of_pooled_numbers_are_those_that_repeats_have() -> None:
    data = [frame.head(20) for frame in tables(3)]
    model = bd.Model("y ~ x + z", data)
    repeats = [model.fit(seed=k, draws=50, chains=2, progress=False).summary().loc["z"] for k in range(30)]
    for error, number in (("mcse_mean", "mean"), ("mcse_sd", "sd")):
        spread = np.std([one[number] for one in repeats], ddof=1)
        # An sd of 30 is off by an eighth; estimated errors are themselves estimates.
        assert np.mean([one[error] for one in repeats]) == pytest.approx(spread, rel=0.4), error


def test_convergence_is_judged_within_data_sets(fitted: Any) -> None:
    table, each = fitted.summary(), [one.summary() for one in fitted]
    assert np.array_equal(table["r_hat"], np.max([one["r_hat"] for one in each], axis=0))
    assert table["r_hat"].max() < 1.02  # across data sets that of z is 1.1
    sizes = np.array([one["ess_bulk"] for one in each])
    assert np.allclose(table["ess_bulk"], len(each) ** 2 / (1 / sizes).sum(axis=0))
    assert list(fitted.summary(kind="stats").columns) == [*each[0].columns[:4], "between"]
    assert "between" not in fitted.summary(kind="diagnostics")
    assert fitted.summary(var_names=["z"], round_to=2).loc["z", "mean"] == round(table.loc["z", "mean"], 2)


def test_the_verdict_is_the_worst_and_says_when_data_sets_are_few(fitted: Any) -> None:
    said = fitted.diagnose()
    assert said.verdict == "caution"
    assert said.evidence["check"].iloc[-1] == "number of data sets"
    assert "Impute about" in said.advice[-1]
    same = [tables(1)[0]] * 3
    alike = bd.Model("y ~ x + z", same).fit(seed=1, progress=False)
    assert alike.diagnose().verdict == "trust"
    values = alike[1].idata["posterior"]["z"].values
    values[0] += 3  # a chain that is elsewhere, in one data set
    found = bd.imputed_fit.ImputedFit(alike._made).diagnose()  # type: ignore[attr-defined]
    assert found.verdict == "do not trust"
    assert "data set 2" in found.sentence
    assert found.evidence.set_index("check").loc["R-hat", "meaning"].startswith("data set 2: ")


def test_predictions_are_those_of_the_mixture(fitted: Any) -> None:
    new = tables(1)[0].head(5)
    each = [one.predict(new, seed=1) for one in fitted]
    mean = np.mean([one["mean"] for one in each], axis=0)
    sd = np.sqrt(np.mean([one["sd"] ** 2 + (one["mean"] - mean) ** 2 for one in each], axis=0))
    pooled = fitted.predict(new, seed=1)
    assert np.allclose(pooled["mean"], mean)
    assert np.allclose(pooled["sd"], sd)
    own = fitted.predict()
    means, sds = (np.array([one.predict()[name] for one in fitted]) for name in ("mean", "sd"))
    assert np.allclose(own["mean"], means.mean(axis=0))
    assert np.allclose(own["sd"] ** 2, (sds**2).mean(axis=0) + means.var(axis=0))
    assert fitted.draws(new).shape == (16, 500, 5)
    assert fitted.draws(kind="mean").shape == (16, 500, 120)
    score = fitted.log_score(new, pointwise=True)
    assert np.allclose(score, np.log(np.mean([np.exp(one.log_score(new, pointwise=True)) for one in fitted], axis=0)))


def test_slopes_and_contrasts_pool_each_data_sets_own(fitted: Any) -> None:
    table, each = fitted.slopes(), [one.slopes() for one in fitted]
    assert np.allclose(table["estimate"], np.mean([one["estimate"] for one in each], axis=0))
    assert np.allclose(table.set_index("term").loc["z", "sd"], fitted.idata["posterior"]["z"].to_numpy().std(), rtol=1e-6)
    assert table.attrs["draws"] == 8_000
    assert fitted.contrasts("z").loc[0, "estimate"] == pytest.approx(table.set_index("term").loc["z", "estimate"])
    assert np.allclose(fitted.slopes(data=tables(1)[0].head(9))["estimate"], table["estimate"])


def test_one_seed_makes_everything_again_and_files_keep_it(fitted: Any, tmp_path: Path) -> None:
    again = bd.Model("y ~ x + z + (1 | g)", tables(4)).fit(seed=2, draws=500, progress=False)
    pd.testing.assert_frame_equal(again.summary(), fitted.summary())
    assert not np.array_equal(fitted[0].idata["posterior"]["x"], fitted[1].idata["posterior"]["x"])
    loaded = bd.load(fitted.save(tmp_path / "fit.nc"))
    assert loaded.idata.attrs["imputations"] == len(loaded) == 4
    pd.testing.assert_frame_equal(loaded.summary(), fitted.summary())
    pd.testing.assert_frame_equal(loaded.predict(seed=3), fitted.predict(seed=3))
    pd.testing.assert_frame_equal(loaded.slopes(), fitted.slopes())
    assert str(loaded) == str(fitted)


def test_one_design_for_all_data_sets_whichever_comes_first() -> None:
    one, two = tables(2)
    one, two = one.assign(g="a"), two.assign(g=["b", "c"] * 60)
    one.loc[:20, "g"] = "c"
    there, back = bd.Model("y ~ scale(z) + g", [one, two]), bd.Model("y ~ scale(z) + g", [two, one])
    assert there.priors.equals(back.priors)
    assert {"g[b]", "g[c]"} <= set(there.fit(seed=1, draws=10, progress=False).summary().index)
    assert there.each[0].rows == there.rows == 120


def test_a_row_that_lacks_a_value_in_one_is_left_out_in_all() -> None:
    one, two = tables(2)
    one.loc[3, "z"] = two.loc[[3, 7], "z"] = np.nan
    with (
        pytest.warns(UserWarning, match="left out 1 of 120 rows that have missing values in some data sets"),
        pytest.warns(UserWarning, match="data set 1: left out 1 of 120 rows with missing values: z 1"),
        pytest.warns(UserWarning, match="data set 2: left out 2 of 120 rows with missing values: z 2"),
    ):
        model = bd.Model("y ~ z", [one, two], missing="drop")
    assert model.rows == 118
    assert list(model.fit(seed=1, draws=10, progress=False).predict().index[:6]) == [0, 1, 2, 4, 5, 6]


def test_bad_data_sets_are_named() -> None:
    one, two = tables(2)
    shorter, other = two.head(100), two.rename(columns={"z": "w"})
    holed, text = two.assign(z=two["z"].where(two.index != 4)), two.assign(z=["a", "b"] * 60)
    for data, said in (
        ([one], "a list of one data set"),
        ([], "a list of no data set"),
        ([one, shorter], "data set 2 has 100 rows, but data set 1 has 120"),
        ([one, other], "data set 1 has a column 'z', and data set 2 has none"),
        ([one, holed], "data set 2: data: 1 of 120 rows have missing values: z 1"),
        ([one, text], "column 'z' holds numbers in data set 1 and text in data set 2"),
        ([one, 3], "data set 2: data: expected"),
        ([one, "data.csv"], "data set 2: data: "),
    ):
        with pytest.raises(DataError, match=said):
            bd.Model("y ~ x + z", data)
    with pytest.raises(FormulaError, match="several responses of several data sets"):
        bd.Model(["y ~ x", "z ~ x"], [one, two])
    with pytest.raises(FormulaError, match=r"ar\(t\) leans on the rows before"):
        bd.Model("y ~ x + ar(t)", [one.assign(t=range(120)), two.assign(t=range(120))])
    with pytest.raises(FormulaError, match="'q' in the data"):
        bd.Model("y ~ q", [one, two])


def test_what_is_asked_of_one_data_set_alone_is_said(fitted: Any) -> None:
    with pytest.raises(AttributeError, match=r"no 'loo' together; ask one of them, fit\[0\].loo"):
        fitted.loo()
    with pytest.raises(FitError, match="training rows are others in each data set"):
        fitted.log_score()
    model = bd.Model("y ~ x", tables(2))
    with pytest.raises(FitError, match="gives one point"):
        model.fit("map", seed=1, progress=False)
