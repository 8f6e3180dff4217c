"""Missing yes or no, and counts, as predictors: sums over their values by hand, what is drawn back, simulation, and refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import norm, poisson

import bayesdeep as bd
from bayesdeep.graph.joint_graph import build_joint
from bayesdeep.graph.summed_out import copies_of

FORMULAS = ["y ~ mi(x) + mi(k) + z", "x ~ z", "k ~ z + mi(x)", "w ~ mi(x)"]
FAMILIES = ["gaussian", "bernoulli", "poisson", "poisson"]
NAMES = ["y_Intercept", "y_mi(x)", "y_mi(k)", "y_z", "y_sigma", "x_Intercept", "x_z", "k_Intercept", "k_z", "k_mi(x)"]
BESIDE = ["w_Intercept", "w_mi(x)", "y_mi(x)_missing", "y_mi(k)_missing", "w_mi(x)_missing"]


def data(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    z = rng.normal(size=rows)
    x = (rng.random(rows) < expit(z)) * 1.0
    k = rng.poisson(np.exp(0.3 + 0.4 * z)).astype(float)
    y = 1 + 2 * x - z + 0.3 * k + rng.normal(size=rows)
    w = rng.poisson(np.exp(0.2 + 0.5 * x)).astype(float)
    x[[1, 4, 7]], k[[1, 5]], w[[4, 9]] = np.nan, np.nan, np.nan
    return pd.DataFrame({"x": x, "y": y, "z": z, "k": k, "w": w, "one": 1.0, "t": np.arange(rows)})


def test_rows_are_there_once_for_each_combination_of_what_they_lack() -> None:
    gone = {"x": np.array([0, 2]), "k": np.array([2])}
    made = copies_of(3, {"x": np.zeros(3), "k": np.full(3, 7.0)}, gone, {"x": np.arange(2.0), "k": np.arange(3.0)})
    assert made.origin.tolist() == [0, 0, 1, 2, 2, 2, 2, 2, 2]
    assert made.values["x"].tolist() == [0, 1, 0, 0, 0, 0, 1, 1, 1]
    assert made.values["k"].tolist() == [7, 7, 7, 0, 1, 2, 0, 1, 2]
    assert made.single.tolist() == [2]


@pytest.mark.integration
def test_the_density_is_the_sum_over_all_values_and_missing_ones_are_drawn_from_its_summands() -> None:
    frame = data()
    model = bd.Model(FORMULAS, frame, family=FAMILIES, missing="model")
    rows = model._rows
    graph = build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False, whole=rows.whole)
    rng = np.random.default_rng(1)
    point = {name: value + 0.2 * rng.normal(size=np.shape(value)) for name, value in graph.model.initial_point().items()}
    priors = [graph.model.logp(vars=[v], sum=True) for v in graph.model.free_RVs]
    named = graph.model.replace_rvs_by_values([graph.model[name] for name in [*NAMES, *BESIDE]])
    compiled = graph.model.compile_fn([graph.model.logp(), sum(priors), *named])
    total, prior, a, b, c, s, sd, m, slope, n, t, own, e, f, *_ = compiled(point)
    x, k, y, z, w = (frame[name].to_numpy() for name in "xkyzw")

    def summand(i: int, yes: float, count: float) -> float:
        p, mean = expit(m + slope * z[i]), np.exp(n + t * z[i] + own * yes)
        found = np.log(p if yes else 1 - p) + poisson(mean).logpmf(count)
        found += norm(a + b * yes + c * count + s * z[i], sd).logpdf(y[i])
        return float(found + (0.0 if np.isnan(w[i]) else poisson(np.exp(e + f * yes)).logpmf(w[i])))

    def every(i: int) -> dict[tuple[float, float], float]:
        first = [0.0, 1.0] if np.isnan(x[i]) else [x[i]]
        second = range(150) if np.isnan(k[i]) else [k[i]]
        return {(one, other): summand(i, one, other) for one in first for other in second}

    logs = [every(i) for i in range(len(frame))]
    assert float(total - prior) == pytest.approx(sum(logsumexp(list(one.values())) for one in logs), rel=1e-9)
    # Drawn back: row 1 lacks both, and at each level its pair is the first with as much probability up to it.
    pairs = list(logs[1])
    below = np.cumsum(np.exp(np.array(list(logs[1].values())) - logsumexp(list(logs[1].values()))))
    for level in (0.02, 0.2, 0.4, 0.6, 0.8, 0.98):
        point["summed_out"] = np.full(np.shape(point["summed_out"]), norm.ppf(level))
        *_, missing_x, missing_k, again = compiled(point)
        assert missing_x.tolist() == again.tolist()
        assert (missing_x[0], missing_k[0]) == pairs[int(np.searchsorted(below, level))]


@pytest.mark.slow
def test_holes_that_depend_on_the_response_do_not_bias() -> None:
    """Who leaves rows with holes out finds 1.6 in place of 2: rows lack x the more, the larger y is."""
    rng = np.random.default_rng(7)
    rows = 400
    z = rng.normal(size=rows)
    x = (rng.random(rows) < expit(0.4 + z)) * 1.0
    k = rng.poisson(np.exp(0.3 + 0.4 * z + 0.3 * x)).astype(float)
    y = 1 + 2 * x - z + 0.5 * k + rng.normal(size=rows)
    no_x, no_k = rng.random(rows) < expit(y - 3.5), rng.random(rows) < expit(y - 4)
    frame = pd.DataFrame({"x": np.where(no_x, np.nan, x), "y": y, "z": z, "k": np.where(no_k, np.nan, k)})
    fit = bd.Model(FORMULAS[:3], frame, family=FAMILIES[:3], missing="model").fit(
        draws=500, tune=500, chains=2, seed=1, progress=False
    )
    table = fit.summary(ci_prob=0.99)
    truth = {"y_mi(x)": 2.0, "y_mi(k)": 0.5, "y_z": -1.0, "x_Intercept": 0.4, "x_z": 1.0, "k_z": 0.4, "k_mi(x)": 0.3}
    for name, value in truth.items():
        assert table.loc[name].iloc[2] < value < table.loc[name].iloc[3], name
    drawn = fit["y"].idata["posterior"]["mi(x)_missing"]
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert float(drawn.mean()) == pytest.approx(x[no_x].mean(), abs=0.1)


REFUSED: dict[str, tuple[list[str], list[str], dict[str, Any], str]] = {
    "large counts": (["y ~ mi(k)", "k ~ z"], ["gaussian", "poisson"], {"k": [900.0, np.nan, 1.0] * 10}, "all but continuous"),
    "both ways": (["y ~ mi(w)", "w ~ mi(x)", "x ~ z"], ["gaussian", "gaussian", "bernoulli"], {}, "differ between the summands"),
    "weights": (["weighted(y, one) ~ mi(x)", "x ~ z"], ["gaussian", "bernoulli"], {}, "each with a value of its own"),
    "rows before": (["y ~ mi(x) + ar(t)", "x ~ z"], ["gaussian", "bernoulli"], {}, "leans on the rows before"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_summed_out_is_refused(case: str) -> None:
    formulas, families, columns, said = REFUSED[case]
    with pytest.raises(bd.BayesdeepError, match=said):
        bd.Model(formulas, data().assign(**columns), family=families, missing="model")


def test_what_counts_once_a_row_is_refused() -> None:
    model = bd.Model(["y ~ mi(x) + me(z, 0.2)", "x ~ z"], data(), family=["gaussian", "bernoulli"], missing="model")
    rows = model._rows
    with pytest.raises(bd.FormulaError, match="counts once a row"):
        build_joint(model.spec, rows.each, rows.places, rows.rows, sampled=False, whole=rows.whole)
