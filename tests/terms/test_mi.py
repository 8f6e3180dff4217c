"""Columns with missing values in products, by group, and as categories: densities by hand, simulation, and refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import bayesdeep as bd
from bayesdeep.core.registry import TERMS
from bayesdeep.graph.joint_graph import build_joint
from bayesdeep.graph.summed_out import summed_out
from bayesdeep.report.mathematics import equations

NUMBERS = ["y ~ mi(x) * z + mi(x):h + (1 + z + mi(x) | g)", "x ~ z"]
LEVELS = ["y ~ mi(f) + z + mi(f):h + mi(f):w + (1 + mi(f) | g)", "f ~ z"]


def data(rows: int = 80, share: float = 0.25, seed: int = 1, groups: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    z, w = rng.normal(size=(2, rows))
    x = 0.5 + 0.8 * z + rng.normal(size=rows)
    f = (rng.gumbel(size=(rows, 3)) + np.outer(z, [0.0, 0.7, -0.7]) + [0.0, 0.3, 0.0]).argmax(axis=1)
    g, h = rng.integers(0, groups, rows), rng.integers(0, 2, rows)
    u = rng.normal(size=(groups, 2)) * [0.5, 0.6]
    y = 1 + (2 + 0.7 * z + u[g, 1]) * x - z + u[g, 0] + rng.normal(size=rows)
    v = 1 + np.array([0.0, 1.5, -1.0])[f] - z + np.array([0.0, 0.8, 0.0])[f] * w + rng.normal(size=rows)
    gone = rng.random((2, rows)) < share / (0.5 + 1 / (1 + np.exp(-z)))
    return pd.DataFrame(
        {
            "x": np.where(gone[0], np.nan, x), "y": y, "v": v, "z": z, "w": w, "h": np.array(["p", "q"])[h],
            "g": [f"g{i}" for i in g], "f": np.where(gone[1], None, np.array(["a", "b", "c"], dtype=object)[f]), "code": f,
        }
    )  # fmt: skip


def built(formulas: list[str], frame: pd.DataFrame, family: Any = "gaussian") -> tuple[dict[str, Any], float, Any]:
    """Return what is reported at a point by name, the log density there without the priors, and what gives both at a point."""
    model = bd.Model(formulas, frame, family=family, missing="model")
    rows = model._rows
    graph = build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False, whole=rows.whole)
    rng = np.random.default_rng(1)
    point = {name: value + 0.2 * rng.normal(size=np.shape(value)) for name, value in graph.model.initial_point().items()}
    names = list(graph.reported)
    tensors = graph.model.replace_rvs_by_values([graph.reported[name].tensor for name in names])
    priors = sum(graph.model.logp(vars=[v], sum=True) for v in graph.model.free_RVs)
    compiled = graph.model.compile_fn([graph.model.logp() - priors, *tensors])

    def at(changed: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        density, *values = compiled(point | changed)
        return float(density), dict(zip(names, values, strict=True))

    density, found = at({})
    return found, density, lambda level: at({"summed_out": np.full(np.shape(point["summed_out"]), norm.ppf(level))})[1]


@pytest.mark.integration
def test_numbers_in_products_and_by_group_have_the_density_by_hand() -> None:
    frame = data()
    found, density, _ = built(NUMBERS, frame)
    gone, z, g = frame["x"].isna().to_numpy(), frame["z"].to_numpy(), pd.Categorical(frame["g"]).codes
    x = frame["x"].to_numpy().copy()
    x[gone] = found["y_mi(x)_missing"]
    slope = found["y_mi(x)"] + found["y_mi(x):z"] * z + found["y_mi(x):h"] * (frame["h"] == "q") + found["y_mi(x)|g"][g]
    mean = found["y_Intercept"] + found["y_z"] * z + found["y_1|g"][g] + found["y_z|g"][g] * z + slope * x
    expected = norm(mean, found["y_sigma"]).logpdf(frame["y"]).sum()
    expected += norm(found["x_Intercept"] + found["x_z"] * z, found["x_sigma"]).logpdf(x)[~gone].sum()
    assert density == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.integration
def test_categories_are_summed_over_and_drawn_back_as_codes() -> None:
    frame = data().assign(y=lambda d: d["v"])
    found, density, drawn = built(LEVELS, frame, ["gaussian", "categorical"])
    z, w, g = frame["z"].to_numpy(), frame["w"].to_numpy(), pd.Categorical(frame["g"]).codes
    codes = pd.Categorical(frame["f"]).codes
    main, by_group = np.array([0.0, *found["y_mi(f)"]]), np.vstack([np.zeros(4), found["y_mi(f)|g"]])
    # Without h by itself its differences are there for all three levels; so are the slopes of w.
    by_h, by_w = found["y_mi(f):h"], found["y_mi(f):w"]
    assert by_h.shape == by_w.shape == (3,)
    own = np.column_stack([np.zeros(len(z)), *(found["f_Intercept"][k] + found["f_z"][k] * z for k in range(2))])
    own -= logsumexp(own, axis=1, keepdims=True)

    def summands(i: int) -> np.ndarray:
        mean = found["y_Intercept"] + found["y_z"] * z[i] + found["y_1|g"][g[i]] + main + by_group[:, g[i]]
        mean = mean + by_h * (frame["h"][i] == "q") + by_w * w[i]
        return own[i] + norm(mean, found["y_sigma"]).logpdf(frame["y"][i])

    logs = np.array([summands(i) for i in range(len(frame))])
    gone = codes < 0
    expected = logsumexp(logs[gone], axis=1).sum() + logs[~gone, codes[~gone]].sum()
    assert density == pytest.approx(float(expected), rel=1e-9)
    below = np.cumsum(np.exp(logs[gone] - logsumexp(logs[gone], axis=1, keepdims=True)), axis=1)
    for level in (0.1, 0.5, 0.9):
        assert drawn(level)["y_mi(f)_missing"].tolist() == (below[:, :2] < level).sum(axis=1).tolist()


def test_two_numbers_of_yes_and_no_are_themselves_and_labels_are_levels() -> None:
    """Who writes -1 and 1 has a slope from -1 to 1, also where the value is missing; text has a difference of levels."""
    frame = data(40).assign(x=lambda d: np.where(d["x"].isna(), np.nan, np.where(d["x"] > 0.5, 1.0, -1.0)))
    frame["t"] = frame["x"].map({-1.0: "no", 1.0: "yes"})
    frame["b"] = frame["x"].map({-1.0: False, 1.0: True})
    for column, values in (("x", [-1.0, 1.0]), ("b", [0.0, 1.0]), ("t", [0.0, 1.0])):
        model = bd.Model([f"y ~ mi({column})", f"{column} ~ z"], frame, family=["gaussian", "bernoulli"], missing="model")
        rows = model._rows
        made = summed_out(model.spec, rows.places, rows.rows, rows.whole)
        assert made is not None
        term = model.spec.responses[0].predictors[0].terms[-1]
        assert made.coded(term, column, np.arange(2.0)).tolist() == values
        slot = next(p for p in model.spec.responses[0].priors if p.name == f"mi({column})")
        assert slot.reason.endswith("between levels") == (column != "x")
    fills = TERMS["mi"].fills
    assert fills is not None
    with pytest.raises(bd.FormulaError, match="'c', which no row has"):
        fills.code(term.state, "t", ("no", "c"))


def test_it_is_written_down() -> None:
    text = equations(bd.Model(NUMBERS, data(), missing="model").spec.view(0))
    assert "(β(mi(x)) + β(mi(x):z) · zᵢ + β(mi(x):h)[hᵢ]) · xᵢ" in text
    assert "u(mi(x)|g)[gᵢ] · xᵢ" in text
    frame = data()
    spec = bd.Model(["v ~ mi(f) * z", "f ~ z"], frame, family=["gaussian", "categorical"], missing="model").spec
    assert "mi(f)ᵢ = β(mi(f))[fᵢ] + β(mi(f):z)[fᵢ] · zᵢ, 0 at f = a" in equations(spec.view(0))


CATEGORICAL = ["gaussian", "categorical"]
REFUSED: dict[str, tuple[list[str], Any, str]] = {
    "two of them": (["y ~ mi(x):mi(f)", "x ~ z", "f ~ z"], ["gaussian", *CATEGORICAL], "cannot be multiplied with each other"),
    "by group only": (["y ~ (mi(x) | g)", "x ~ z"], "gaussian", "write mi\\(x\\) outside of the bracket"),
    "product by group": (["y ~ mi(x) + (mi(x):z | g)", "x ~ z"], "gaussian", "outside of the bracket"),
    "a function of it": (["y ~ mi(x) + I(x**2)", "x ~ z"], "gaussian", "by itself, too"),
    "as a group": (["y ~ mi(f) + (1 | f)", "f ~ z"], CATEGORICAL, "by itself, too"),
    "no intercept": (["y ~ 0 + mi(f)", "f ~ z"], CATEGORICAL, "leave 0 \\+ out"),
    "pairs alone": (["y ~ mi(f):h", "f ~ z"], CATEGORICAL, "write mi\\(f\\)\\*h"),
    "numbers of text": (["y ~ mi(f)", "f ~ z"], "gaussian", "f"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    formulas, family, said = REFUSED[case]
    with pytest.raises(bd.BayesdeepError, match=said):
        bd.Model(formulas, data(), family=family, missing="model")


def test_a_parameter_s_formula_has_no_column_with_holes_either() -> None:
    with pytest.raises(bd.FormulaError, match="of sigma: 'x' stands in the formula by itself"):
        bd.Model(["y ~ mi(x)", "x ~ z"], data(), missing="model", sigma={"y": "~ x"})


@pytest.mark.slow
def test_slopes_that_differ_are_found_and_kept(tmp_path: Path) -> None:
    frame = data(400, 0.25, 3, 10)
    fit = bd.Model(["y ~ mi(x) * z + (1 + mi(x) | g)", "x ~ z"], frame, missing="model").fit(
        draws=400, tune=400, chains=2, seed=1, progress=False
    )
    table = fit.summary(ci_prob=0.99)
    truth = {"y_mi(x):z": 0.7, "y_z": -1.0, "y_sigma": 1.0, "y_mi(x)|g_sigma": 0.6, "x_z": 0.8}
    for name, value in truth.items():
        assert abs(table.loc[name, "mean"] - value) < 3 * table.loc[name, "sd"], name
    gone, values = frame["x"].isna(), fit["y"].posterior["mi(x)_missing"]
    # What fills in is as far from the truth as it says that it is.
    rng = np.random.default_rng(3)
    z = rng.normal(size=(2, 400))[0]
    x = 0.5 + 0.8 * z + rng.normal(size=400)
    apart = (values.mean(("chain", "draw")) - x[gone]) / values.std(("chain", "draw"))
    assert abs(float((apart**2).mean()) - 1) < 4 * np.sqrt(2 / gone.sum())
    fit.save(tmp_path / "fit.nc")
    new = pd.DataFrame({"x": [0.0, 1.0], "z": [0.0, 1.0], "g": ["g1", "new"]})
    again = bd.load(tmp_path / "fit.nc")
    said = {"kind": "mean", "new_groups": "sample"}
    pd.testing.assert_frame_equal(again["y"].predict(new, **said), fit["y"].predict(new, **said))
    with pytest.raises(bd.DataError, match="missing values: x 1"):
        fit["y"].predict(new.assign(x=[0.0, np.nan]), **said)
    assert fit["y"].predict(kind="mean")["mean"].corr(frame["y"]) > 0.8
    with pytest.warns(UserWarning, match="Pareto"):  # of rows whose missing value nobody else knows
        assert np.isfinite(fit["y"].loo().elpd)
    with pytest.raises(bd.FitError, match="missing predictors"):
        fit.kfold(3)


@pytest.mark.slow
def test_levels_that_are_missing_are_found_and_kept(tmp_path: Path) -> None:
    frame = data(400, 0.25, 5)
    formulas = ["v ~ mi(f) * w + z", "f ~ z"]
    fit = bd.Model(formulas, frame, family=CATEGORICAL, missing="model").fit(
        draws=400, tune=400, chains=2, seed=1, progress=False
    )
    table = fit.summary()
    truth = {
        "v_mi(f)[b]": 1.5, "v_mi(f)[c]": -1.0, "v_mi(f):w[b]": 0.8, "v_mi(f):w[c]": 0.0, "v_w": 0.0, "v_z": -1.0,
        "f_z[b]": 0.7, "f_z[c]": -0.7, "v_sigma": 1.0,
    }  # fmt: skip
    for name, value in truth.items():
        assert abs(table.loc[name, "mean"] - value) < 3 * table.loc[name, "sd"], name
    gone, drawn = frame["f"].isna(), fit["v"].posterior["mi(f)_missing"]
    assert set(np.unique(drawn)) == {0.0, 1.0, 2.0}
    true = frame["code"][gone].to_numpy()
    said = np.array([(drawn == k).mean(("chain", "draw")).to_numpy() for k in range(3)])
    # Probabilities are right on average: the true level's is as large as probabilities say it should be.
    expected, found = (said**2).sum(axis=0), said[true, np.arange(len(true))]
    assert abs(found.mean() - expected.mean()) < 4 * (found - expected).std() / np.sqrt(len(true))
    fit.save(tmp_path / "fit.nc")
    new = pd.DataFrame({"f": ["c", "b"], "z": 0.0, "w": 1.0})
    again = bd.load(tmp_path / "fit.nc")["v"]
    pd.testing.assert_frame_equal(again.predict(new, kind="mean"), fit["v"].predict(new, kind="mean"))
    with pytest.raises(bd.DataError, match="missing values: f 1"):
        again.predict(new.assign(f=["c", None]))
    assert fit["v"].predict(kind="mean")["mean"].corr(frame["v"]) > 0.6
