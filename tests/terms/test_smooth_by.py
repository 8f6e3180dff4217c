"""``by=``: coefficients that vary along a column, and a curve for each level."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.row_values import predictor
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.results.rows import rows_of
from bayesdeep.terms._smooth_bases import BASES

N = 90
NAMES = tuple(BASES)


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, z, g = rng.uniform(0, 10, N), rng.normal(2.0, 1.0, N), np.array(list("abc"))[rng.integers(0, 3, N)]
    y = z * (2 + np.sin(x)) + 0.1 * rng.normal(size=N)
    data = pd.DataFrame({"x": x, "z": z, "g": g, "y": y, "one": 1.0, "nought": 0.0, "few": x})
    data["b"] = (g == "b") * 1.0
    data.loc[data.g == "c", "few"] = 3.0
    return data


def parts(text: str, data: pd.DataFrame, at: pd.DataFrame | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the columns that are not penalised and those that are, of each part, of the smooth that stands last."""
    model = bd.Model(f"y ~ {text}", data)
    term = model.spec.predictors[0].terms[-1]
    rows = rows_of(model.spec, read_frame(data if at is None else at), observed=False)
    found = [rows.arrays[f"{term.key}.{effect.rows.array}"] for effect in TERMS["s"].effects(term.state)]
    return (found[0], found[1:]) if found[0].shape[1] < 4 else (np.zeros((len(found[0]), 0)), found)


@pytest.mark.parametrize("bs", NAMES)
def test_of_a_number_that_is_1_it_is_the_smooth_with_its_constant(bs: str) -> None:
    data = frame()
    line, (plain,) = parts(f"s(x, bs='{bs}', k=7)", data)
    with_constant, (times,) = parts(f"s(x, bs='{bs}', k=7, by=one)", data)
    np.testing.assert_allclose(times, plain, atol=1e-9)
    np.testing.assert_allclose(with_constant, np.column_stack([np.ones(N), line]), atol=1e-12)


@pytest.mark.parametrize("bs", NAMES)
def test_a_number_multiplies_every_column(bs: str) -> None:
    data = frame()
    free, (basis,) = parts(f"s(x, bs='{bs}', k=7, by=z)", data)
    np.testing.assert_allclose(free.T @ basis, 0.0, atol=1e-9 * N)
    np.testing.assert_allclose((basis**2).sum(axis=1).mean(), 1.0, rtol=1e-9)
    doubled = data.assign(z=2 * data.z)
    at = parts(f"s(x, bs='{bs}', k=7, by=z)", data, doubled)
    np.testing.assert_allclose(at[0], 2 * free, atol=1e-12)
    np.testing.assert_allclose(at[1][0], 2 * basis, atol=1e-9)


@pytest.mark.parametrize("bs", NAMES)
def test_each_level_has_a_curve_that_is_0_on_average_over_its_rows(bs: str) -> None:
    data = frame()
    line, found = parts(f"g + s(x, bs='{bs}', k=7, by=g)", data)
    assert len(found) == 3
    for j, (level, basis) in enumerate(zip("abc", found, strict=True)):
        own = (data.g == level).to_numpy()
        assert not basis[~own].any()
        np.testing.assert_allclose(basis[own].mean(axis=0), 0.0, atol=1e-9)
        np.testing.assert_allclose((basis[own] ** 2).sum(axis=1).mean(), 1.0, rtol=1e-9)
        if line.shape[1]:
            assert not line[~own, j].any()
            np.testing.assert_allclose(line[own, j], data.x[own] - data.x[own].mean(), atol=1e-12)
            np.testing.assert_allclose(line[own, j] @ basis[own], 0.0, atol=1e-8)


def test_a_levels_curve_is_that_of_its_indicator() -> None:
    data = frame()
    of_levels, (of_number,) = parts("g + s(x, k=7, by=g)", data)[1], parts("s(x, k=7, by=b)", data)[1]
    np.testing.assert_allclose(of_levels[1] / np.sqrt((of_levels[1] ** 2).sum()), of_number / np.sqrt((of_number**2).sum()),
                               atol=1e-9)  # fmt: skip


def test_the_constant_is_what_the_number_does_on_average() -> None:
    data = frame()
    fit = bd.Model("y ~ s(x, by=z)", data).fit("collapsed", draws=400, seed=1, progress=False)
    assert {"s(x):z_constant", "s(x):z_linear", "s(x):z_sigma"} <= set(fit.summary().index)
    new = pd.DataFrame({"x": np.tile(np.linspace(1, 9, 30), 2), "z": np.repeat([0.0, 1.0], 30)})
    mean = fit.predict(new, kind="mean")["mean"].to_numpy()
    np.testing.assert_allclose(mean[30:] - mean[:30], 2 + np.sin(new.x[30:]), atol=0.2)


def test_curves_of_levels_are_found_saved_and_not_made_up(tmp_path: Any) -> None:
    data = frame()
    rng = np.random.default_rng(1)
    data["y"] = np.where(data.g == "a", np.sin(data.x), np.where(data.g == "b", 0.3 * data.x, 1.0)) + 0.1 * rng.normal(size=N)
    fit = bd.Model("y ~ g + s(x, by=g)", data).fit("collapsed", draws=400, seed=1, progress=False)
    sds = fit.summary().loc[[f"s(x):g[{level}]_sigma" for level in "abc"], "mean"].astype(float)
    assert sds.iloc[0] > 5 * sds.iloc[1:].max()
    new = pd.DataFrame({"x": np.linspace(1, 9, 20), "g": "a"})
    np.testing.assert_allclose(fit.predict(new, kind="mean")["mean"], np.sin(new.x), atol=0.3)
    fit.save(tmp_path / "fit.bd")
    pd.testing.assert_frame_equal(bd.load(tmp_path / "fit.bd").predict(new, seed=1), fit.predict(new, seed=1))
    with pytest.raises(bd.BayesdeepError, match="'q'"):
        fit.predict(new.assign(g="q"))


def test_predictions_at_the_training_rows_are_the_fit() -> None:
    data = frame()
    fit = bd.Model("y ~ g + s(x, by=g, bs='ps') + s(few, by=z, bs='cr', k=5)", data).fit(
        "collapsed", draws=20, seed=1, progress=False
    )
    rows = fit.model.__dict__["_rows"]
    draws = {k: v.values.reshape(-1, *v.shape[2:]) for k, v in fit.posterior.data_vars.items()}
    own = predictor(fit.model.spec, draws, rows.arrays, N).mean(axis=0)
    np.testing.assert_allclose(fit.predict(data.iloc[::-1], kind="linear")["mean"].to_numpy()[::-1], own, atol=1e-8)


REFUSED = {
    "s(x, by=nought)": "'nought' is 0 in every row",
    "z + s(x, by=z)": "what 'z' does on average is part of the smooth; leave 'z' by itself out",
    "s(few, by=g)": "level 'c' of 'g' has 1 different values of 'few', and a curve takes 3 or more",
    "s(x, by=3)": "by=3 is not a column, as in by=g",
    "s(x, by=x + z)": "by=x \\+ z is not a column",
    "s(x, by=missing)": "missing",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_with_what_advice(text: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=REFUSED[text]):
        bd.Model(f"y ~ {text}", frame())


@pytest.mark.integration
@pytest.mark.parametrize("text", ["s(x, bs='cc', k=6, knots=[0, 10])", "g + s(x, k=5, by=g)", "s(x, bs='ps', k=6, by=z)"])
def test_integrated_out_it_is_what_nuts_finds(text: str) -> None:
    data = frame()
    one = bd.Model(f"y ~ {text}", data).fit("collapsed", draws=1000, seed=1, progress=False)
    two = bd.Model(f"y ~ {text}", data).fit("nuts", draws=1000, tune=1000, seed=1, progress=False)
    dims = ("chain", "draw")
    a, b = (fit.draws(kind="linear") for fit in (one, two))
    # Five standard errors of a difference of means from 800 effective draws each.
    assert float((np.abs(a.mean(dims) - b.mean(dims)) / a.std(dims)).max()) < 0.25
    np.testing.assert_allclose(b.std(dims), a.std(dims), rtol=0.25)
