"""Networks with inputs of which values are missing: densities by hand, simulation, and refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import norm

import bayesdeep as bd

from .test_mi import built

NUMBERS = ["y ~ z + net(mi(x), w, hidden=[2])", "x ~ z"]
YES_OR_NO = ["y ~ z + net(mi(k), w, hidden=[2], orthogonal=False)", "k ~ z"]
LEVELS = ["y ~ z + net(mi(f), w, hidden=[2], orthogonal=False)", "f ~ z"]


def data(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    z, w = rng.normal(size=(2, rows))
    x = 0.8 * z + rng.normal(size=rows)
    k = (rng.random(rows) < expit(z)) * 1.0
    y = 1 - 0.5 * z + 1.5 * np.sin(1.5 * x) + 0.3 * rng.normal(size=rows)
    gone = rng.random((3, rows)) < 0.35 * expit(z)
    f = np.where(gone[2], None, np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, rows)])
    return pd.DataFrame(
        {
            "y": y, "z": z, "w": w, "x": np.where(gone[0], np.nan, x), "k": np.where(gone[1], np.nan, k), "f": f,
            "true": np.sin(1.5 * x),
        }
    )  # fmt: skip


def units(found: dict[str, Any], name: str, inputs: np.ndarray) -> np.ndarray:
    """Return the network's function at standardised inputs ``(…, input)``."""
    own = {part: found[f"y_net({name}, w)_{part}"] for part in ("w1", "b1", "w2")}
    return np.asarray(np.tanh(inputs @ own["w1"] + own["b1"]) @ own["w2"])


def standard(values: np.ndarray) -> tuple[float, float]:
    there = values[np.isfinite(values)]
    return float(there.mean()), float(there.std())


@pytest.mark.integration
def test_numbers_are_standardised_by_those_that_are_there_and_sampled() -> None:
    frame = data()
    found, density, _ = built(NUMBERS, frame)
    x, z, w, gone = frame["x"].to_numpy().copy(), frame["z"].to_numpy(), frame["w"].to_numpy(), frame["x"].isna().to_numpy()
    (mean, sd), x[gone] = standard(x), found["y_mi(x)_missing"]
    f = units(found, "mi(x)", np.column_stack([(x - mean) / sd, (w - w.mean()) / w.std()]))
    basis = np.linalg.qr(np.column_stack([np.ones(len(z)), z]))[0]
    eta = found["y_Intercept"] + found["y_z"] * z + f - basis @ (basis.T @ f)
    expected = norm(eta, found["y_sigma"]).logpdf(frame["y"]).sum()
    expected += norm(found["x_Intercept"] + found["x_z"] * z, found["x_sigma"]).logpdf(x)[~gone].sum()
    assert density == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.integration
@pytest.mark.parametrize("case", ["yes or no", "levels"])
def test_whole_numbers_and_levels_are_summed_over(case: str) -> None:
    frame, column = data(), "k" if case == "yes or no" else "f"
    formulas, family = (YES_OR_NO, "bernoulli") if case == "yes or no" else (LEVELS, "categorical")
    found, density, drawn = built(formulas, frame, ["gaussian", family])
    z, w, y = (frame[name].to_numpy() for name in ("z", "w", "y"))
    if case == "yes or no":
        codes = frame["k"].fillna(-1).to_numpy().astype(int)
        mean, sd = standard(frame["k"].to_numpy())
        inputs = ((np.arange(2.0) - mean) / sd)[:, None]
        own = np.column_stack([np.zeros(len(z)), found["k_Intercept"] + found["k_z"] * z])
    else:
        codes = np.asarray(pd.Categorical(frame["f"]).codes)
        shares = np.array([(codes[codes >= 0] == k).mean() for k in (1, 2)])
        inputs = (np.array([[0, 0], [1, 0], [0, 1]]) - shares) / 0.5
        own = np.column_stack([np.zeros(len(z)), *(found["f_Intercept"][k] + found["f_z"][k] * z for k in range(2))])
    own = own - logsumexp(own, axis=1, keepdims=True)
    beside = (w - w.mean()) / w.std()
    each = np.array([np.column_stack([np.tile(row, (len(z), 1)), beside]) for row in inputs])
    eta = (found["y_Intercept"] + found["y_z"] * z + units(found, f"mi({column})", each)).T
    logs = own + norm(eta, found["y_sigma"]).logpdf(y[:, None])
    gone = codes < 0
    expected = logsumexp(logs[gone], axis=1).sum() + logs[~gone, codes[~gone]].sum()
    assert density == pytest.approx(float(expected), rel=1e-8)
    below = np.cumsum(np.exp(logs[gone] - logsumexp(logs[gone], axis=1, keepdims=True)), axis=1)[:, :-1]
    assert drawn(0.4)[f"y_mi({column})_missing"].tolist() == (below < 0.4).sum(axis=1).tolist()


@pytest.mark.parametrize(
    ("formulas", "family", "said"),
    [
        (["y ~ z + net(mi(k), w)", "k ~ z"], "bernoulli", r"orthogonal to other columns .* write orthogonal=False"),
        (["y ~ s(mi(x))", "x ~ z"], "gaussian", r"mi\(\) cannot stand inside another call, but for net\(\)"),
        (["y ~ net(mi(x), x)", "x ~ z"], "gaussian", "by itself"),
        (["y ~ net(mi(x), w)", "z ~ 1"], "gaussian", "no formula has 'x'"),
        (["y ~ net(mi(exp(x)), w)", "x ~ z"], "gaussian", r"mi\(\) takes one column"),
    ],
)
def test_what_is_refused(formulas: list[str], family: str, said: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=said):
        bd.Model(formulas, data(), family=["gaussian", family], missing="model")


@pytest.mark.slow
def test_a_curve_is_found_where_a_quarter_of_its_column_is_missing(tmp_path: Path) -> None:
    frame = data(300, 4)
    fit = bd.Model(["y ~ z + net(mi(x), hidden=[6])", "x ~ z"], frame, missing="model").fit(
        "nuts", draws=300, tune=500, chains=2, seed=1, progress=False
    )
    there = frame["x"].notna() & (frame["x"].abs() < 2)
    mean = fit["y"].predict(kind="mean")["mean"].to_numpy()
    truth = (1 - 0.5 * frame["z"] + 1.5 * frame["true"]).to_numpy()
    assert np.sqrt(((mean - truth)[there] ** 2).mean()) < 0.15
    table = fit.summary()
    assert abs(table.loc["x_z", "mean"] - 0.8) < 3 * table.loc["x_z", "sd"]
    assert abs(table.loc["y_sigma", "mean"] - 0.3) < 3 * table.loc["y_sigma", "sd"]
    assert fit["y"].posterior["mi(x)_missing"].shape[-1] == frame["x"].isna().sum()
    fit.save(tmp_path / "fit.nc")
    new = pd.DataFrame({"x": [-1.0, 1.0], "z": 0.0})
    again = bd.load(tmp_path / "fit.nc")["y"]
    pd.testing.assert_frame_equal(again.predict(new, kind="mean"), fit["y"].predict(new, kind="mean"))
    with pytest.raises(bd.DataError, match="missing values: x 1"):
        again.predict(new.assign(x=[1.0, np.nan]))
    assert "as its own formula says, x" in fit.report(tmp_path / "fit.md").read_text()
    with pytest.raises(bd.BayesdeepError, match=r"several responses|cannot|one response"):
        bd.Model(["y ~ z + net(mi(x), hidden=[6])", "x ~ z"], frame, missing="model").fit("sgd", progress=False)
