"""Networks whose inputs may lack values: what they are given then, what they learn of it, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FitError, FormulaError
from bayesdeep.report.section import Subject
from bayesdeep.report.sections import data as data_section
from bayesdeep.results.rows import rows_in_memory


def frame(rows: int = 240, seed: int = 1) -> pd.DataFrame:
    """Return rows in which large values of ``x`` are missing, so that a missing one says something."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=rows), rng.normal(size=rows)
    y = 1 + 2 * x + 0.5 * z + 0.5 * rng.normal(size=rows)
    c = np.where(z > 0.3, "high", "low").astype(object)
    seen = np.where(x + 0.4 * rng.normal(size=rows) > 0.8, np.nan, x)
    return pd.DataFrame({"y": y, "x": seen, "z": z, "c": c, "g": [f"g{k}" for k in rng.integers(4, size=rows)]})


def inputs_of(model: bd.Model) -> np.ndarray:
    rows: Any = rows_in_memory(model.__dict__["_rows"], "test")
    (found,) = [value for name, value in rows.arrays.items() if name.endswith(".X") and "net" in name]
    return np.asarray(found)


def test_a_missing_input_is_its_mean_and_an_indicator_says_so() -> None:
    data = frame()
    data.loc[data.index[::9], "c"] = None
    made = inputs_of(bd.Model('y ~ net(x, z, c, log(abs(x)), missing="indicator", hidden=[2])', data))
    gone, unsaid = data["x"].isna().to_numpy(), data["c"].isna().to_numpy()
    there, logs = data["x"][~gone], np.log(np.abs(data["x"][~gone]))
    assert made.shape == (240, 6)
    assert np.all(made[gone][:, [0, 3]] == 0)
    assert np.allclose(made[~gone, 0], (there - there.mean()) / there.std(ddof=0))
    assert np.allclose(made[~gone, 3], (logs - logs.mean()) / logs.std(ddof=0))
    low = (data["c"][~unsaid] == "low").astype(float)
    assert np.allclose(made[~unsaid, 2], (low - low.mean()) / 0.5)
    assert np.all(made[unsaid, 2] == 0)
    for column, mask in ((4, gone), (5, unsaid)):
        assert np.allclose(made[:, column], (mask - mask.mean()) / 0.5)


def test_without_missing_values_it_is_the_same_network_bit_by_bit() -> None:
    data = frame(60).dropna()
    with_word = bd.Model('y ~ net(x, c, hidden=[], name="f", missing="indicator")', data)
    without = bd.Model('y ~ net(x, c, hidden=[], name="f")', data)
    assert np.array_equal(inputs_of(with_word), inputs_of(without))
    # All that a fit is made of: the spec and its rows.
    specs = [model.spec.to_json() for model in (with_word, without)]
    text = [json.dumps(spec).replace('"missing": "indicator"', '"missing": "error"') for spec in specs]
    assert text[0].replace(', missing=\\"indicator\\"', "") == text[1]


@pytest.fixture(scope="module")
def fitted() -> Any:
    return bd.Model('y ~ z + net(x, hidden=[], name="f", missing="indicator")', frame()).fit("map", seed=1, progress=False)


@pytest.mark.integration
def test_it_predicts_better_than_means_where_missing_values_say_something(fitted: Any) -> None:
    train, new = frame(), frame(400, seed=2)
    means = {"x": train["x"].mean()}
    filled = bd.Model('y ~ z + net(x, hidden=[], name="f")', train.fillna(means)).fit("map", seed=1, progress=False)
    gain = fitted.log_score(new, pointwise=True) - filled.log_score(new.fillna(means), pointwise=True)
    assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain))
    gone = new["x"].isna()
    off = [
        (fit.predict(rows, kind="mean")["mean"] - rows["y"])[gone].mean()
        for fit, rows in ((fitted, new), (filled, new.fillna(means)))
    ]
    # The mean response of 41 rows that lack x is known to within 0.2.
    assert abs(off[0]) < 0.5 < 1 < abs(off[1])


@pytest.mark.integration
def test_rows_that_lack_everything_are_predicted_and_files_keep_it(fitted: Any, tmp_path: Path) -> None:
    rows = pd.DataFrame({"z": [0.0, 1.0], "x": [None, None]})
    table = fitted.predict(rows, kind="mean")
    assert np.isfinite(table["mean"]).all()
    pd.testing.assert_frame_equal(fitted.predict(pd.DataFrame({"z": [0.0], "x": [np.nan]}), kind="mean"), table.head(1))
    loaded = bd.load(fitted.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.predict(rows, seed=1), fitted.predict(rows, seed=1))
    assert np.allclose(loaded.predict(kind="mean"), fitted.predict(kind="mean"))


@pytest.mark.integration
def test_what_moves_columns_asks_for_rows_that_have_them(fitted: Any) -> None:
    with pytest.raises(FitError, match="does not hold the columns"):
        fitted.slopes("x")
    whole = frame().dropna()
    assert np.isfinite(fitted.slopes("x", data=whole)["estimate"]).all()
    with pytest.raises(DataError, match="rows have missing values: x"):
        fitted.slopes("x", data=frame())


@pytest.mark.integration
def test_new_gaps_are_refused() -> None:
    whole = frame(80).dropna()
    fit = bd.Model('y ~ net(x, z, hidden=[2], missing="indicator")', whole).fit("map", seed=1, progress=False)
    with pytest.raises(DataError, match="column 'x' has missing values in 1 of 2 rows, but none was missing where"):
        fit.predict(pd.DataFrame({"x": [0.0, np.nan], "z": [0.0, 1.0]}))
    with pytest.raises(DataError, match="missing values: x"):
        bd.Model("y ~ net(x, z, hidden=[2])", whole).fit("map", seed=1, progress=False).predict(frame(9).assign(x=np.nan))


def test_only_what_the_network_alone_reads_may_be_missing() -> None:
    data = frame()
    asked = 'net(x, z, missing="indicator")'
    for formula in (f"y ~ x + {asked}", f"y ~ {asked} + (1 + x | g)", f"y ~ {asked} + net(x)", f"x ~ {asked}"):
        with pytest.raises((DataError, FormulaError), match=r"missing values: x|'x'"):
            bd.Model(formula, data)
    with pytest.raises(DataError, match="missing values: x"):
        bd.Model(f"y ~ {asked}", data, sigma="~ x")
    with pytest.raises(DataError, match="missing values: c"):
        bd.Model('y ~ net(x, embed(c, 2), missing="indicator")', data.assign(c=data["c"].where(data["z"] < 1)))
    holed = data.assign(z=data["z"].where(data.index != 5))
    with pytest.warns(UserWarning, match="left out 1 of 240 rows with missing values: z 1"):
        assert bd.Model('y ~ z + net(x, missing="indicator")', holed, missing="drop").rows == 239


def test_mistakes_are_named() -> None:
    data = frame()
    with pytest.raises(FormulaError, match="missing='indicate' is not one of error, indicator; did you mean 'indicator'"):
        bd.Model('y ~ net(x, missing="indicate")', data)
    with pytest.raises(FormulaError, match=r"scale\(x\): scale\(\) has to see all values, and some are missing"):
        bd.Model('y ~ net(scale(x), missing="indicator")', data)
    with pytest.raises(FormulaError, match="every value of 'x' is missing"):
        bd.Model('y ~ net(x, z, missing="indicator")', data.assign(x=np.nan))
    with pytest.raises(DataError, match="infinite values: x 1"):
        bd.Model('y ~ net(x, z, missing="indicator")', data.assign(x=data["x"].where(data.index != 5, np.inf)))


def test_all_columns_by_a_dot_and_shared_layers_may_lack_values() -> None:
    data = frame()[["y", "x", "z"]]
    assert inputs_of(bd.Model('y ~ net(., missing="indicator", hidden=[2])', data)).shape == (240, 3)
    shared = 'net(x, z, missing="indicator", hidden=[2], share="body")'
    model = bd.Model(f"y ~ {shared}", data, sigma=f"~ {shared}")
    assert model.rows == 240


@pytest.mark.integration
def test_the_report_says_which_values_rows_lack(fitted: Any) -> None:
    said = data_section.SECTION.blocks(Subject({"model": fitted}, None, "model"))[0].text
    assert "Rows lack values of `x`, which their term takes as they are; missing values of others were not allowed." in said
