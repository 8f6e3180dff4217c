"""Comparisons of quick fits: order, columns, held-out rows, groups, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.fit import Fit

COLUMNS = [
    *("rank", "elpd", "elpd_diff", "dse", "p", "se", "weight", "rmse", "mae", "crps", "log_score"),
    *("coverage_50", "coverage_80", "coverage_90", "coverage_95", "width_90"),
    *("width_50", "width_80", "width_95", "calibration_error", "seconds", "exact", "warning"),
]


def data(seed: int = 5, rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    county = np.arange(rows) % 8
    x = rng.normal(size=rows)
    y = 1 + x + np.linspace(-1, 1, 8)[county] + 0.5 * rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "county": [f"c{i}" for i in county], "z": (y > 1).astype(int)})


def quick(formula: str, family: str = "gaussian", method: str = "laplace") -> Fit:
    options = {} if method == "map" else {"draws": 250, "chains": 2}
    return bd.Model(formula, data(), family).fit(method, seed=1, progress=False, **options)


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    return {"flat": quick("y ~ 1"), "slope": quick("y ~ x"), "point": quick("y ~ x", method="map")}


def test_rows(fits):
    found = bd.compare(fits, k=3, progress=False)
    table = found.table
    assert list(table.columns) == COLUMNS
    assert table.index[-1] == "flat"
    assert list(table["rank"]) == [0, 1, 2]
    assert table["elpd_diff"].iloc[0] == 0
    assert table["elpd_diff"].max() <= 0
    assert table["weight"].sum() == pytest.approx(1, abs=1e-6)
    assert np.isnan(table.loc["point", "p"])
    assert "refitted in 3 folds" in table.loc["point", "warning"]
    assert "laplace" in table.loc["slope", "warning"]
    assert table["log_score"].to_numpy() == pytest.approx(table["elpd"].to_numpy() / 120)
    assert table.loc["slope", "coverage_90"] == pytest.approx(0.9, abs=0.1)
    assert table.loc["point", "rmse"] == pytest.approx(table.loc["slope", "rmse"], rel=0.05)
    assert found.calibration.shape == (19, 3)
    assert "flat" in repr(found)
    assert "<table" in found._repr_html_()


def test_numbers_are_those_of_arviz(fits):
    import arviz as az

    found = bd.compare({"flat": fits["flat"], "slope": fits["slope"]})
    theirs = az.compare({name: fits[name].loo() for name in ("flat", "slope")}, round_to="none")
    columns = ["elpd", "elpd_diff", "dse", "p", "se", "weight"]
    pd.testing.assert_frame_equal(found.table[columns], theirs[columns], check_names=False, atol=1e-4)
    tree = fits["slope"].log_likelihood()
    fits["slope"].posterior_predictive()
    score = az.loo_score(tree, kind="crps")
    assert found.table.loc["slope", "crps"] == pytest.approx(-score.mean, rel=1e-6)


def test_chains_that_do_not_mix_are_in_the_error_of_a_difference(fits):
    """One chain of four is moved away: what elpd would be with others is uncertain, in dse and in words."""
    new = data(seed=6, rows=200)
    before = bd.compare({"slope": fits["slope"], "flat": fits["flat"]}, data=new).table
    moved = bd.Model("y ~ x", data()).fit(seed=1, progress=False)
    chain = moved.idata["posterior"]["x"].values
    chain[0] += 1.0
    found = bd.compare({"slope": moved, "flat": fits["flat"]}, data=new).table
    own = [moved.log_score(new, pointwise=True)]
    for k in range(4):
        some = bd.Model("y ~ x", data()).fit(seed=1, progress=False)
        some.idata["posterior"] = moved.idata["posterior"].isel(chain=[c for c in range(4) if c != k])
        own.append(some.log_score(new, pointwise=True))
    without = np.array([scores.sum() for scores in own[1:]])
    error = np.sqrt(0.75 * ((without - without.mean()) ** 2).sum())
    assert error > 2
    rows = np.std(own[0] - fits["flat"].log_score(new, pointwise=True), ddof=1) * np.sqrt(200)
    assert found["dse"].iloc[1] == pytest.approx(np.hypot(rows, error), rel=0.01)
    assert "its chains differ" in found.loc["slope", "warning"]
    assert not before["warning"].str.contains("chains differ").any()


def test_held_out_rows_and_the_verb_stays_callable(fits):
    new = data(seed=6, rows=200)
    for _ in range(2):
        found = bd.compare(fits, data=new)
    assert found.table.loc["slope", "log_score"] == pytest.approx(fits["slope"].log_score(new), abs=1e-9)
    assert found.table["elpd"].is_monotonic_decreasing


def test_groups():
    fits = {"multilevel": quick("y ~ x + (1 | county)", method="map"), "pooled": quick("y ~ x", method="map")}
    found = bd.compare(fits, target="groups", by="county", progress=False, k=2)
    assert found.by == "county"
    assert len(found.assessed["pooled"].elpd.elpd_i) == 8
    assert found.table["log_score"].to_numpy() == pytest.approx(found.table["elpd"].to_numpy() / 120)


def test_levels():
    fits = {"a": quick("z ~ x", "bernoulli"), "b": quick("z ~ 1", "bernoulli")}
    found = bd.compare(fits)
    assert list(found.table.columns[7:10]) == ["accuracy", "calibration_error", "log_score"]
    assert found.table.loc["a", "accuracy"] > found.table.loc["b", "accuracy"]
    assert found.calibration.empty


def test_what_is_refused(fits):
    slope = fits["slope"]

    def other(**changes) -> Fit:
        """Return the fit as if its rows were others."""
        return Fit(slope.spec, replace(slope.rows, **changes), slope.idata)

    response = slope.rows.response
    for given, text in [
        ({"a": slope}, "at least two"),
        ([slope, slope], "give a dict"),
        ({"a": slope, "b": slope}, "same fit"),
        ({"a": slope, "b": "x"}, "not a fit"),
        ({"a": slope, "b": other(rows=50)}, "50"),
        ({"a": slope, "b": other(response=response.with_(value=response.value + 1))}, "different values of 'y'"),
        ({"a": slope, "b": other(response=response.with_(name="w"))}, "'w'"),
    ]:
        with pytest.raises(FitError, match=text):
            bd.compare(given)
    with pytest.raises(FitError, match="did you mean 'rows'"):
        bd.compare(fits, target="row")
    with pytest.raises(FitError, match="go together"):
        bd.compare(fits, target="groups")
    with pytest.raises(FitError, match="no model has group effects"):
        bd.compare(fits, target="groups", by="county")


def test_load(fits, monkeypatch):
    """Reading the file itself is tested with the store."""
    monkeypatch.setattr("bayesdeep.results.store.load_tree", lambda path: fits["slope"].idata)
    again = bd.load("fit.nc")
    assert again.loo().elpd == pytest.approx(fits["slope"].loo().elpd)
    assert again.explain_choice == fits["slope"].explain_choice
