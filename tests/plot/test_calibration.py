"""Calibration: levels by their reliability, numbers by coverage, counts without being blamed for their lumps."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.compare.assessed_fit import response_kind
from bayesdeep.core.registry import FAMILIES
from bayesdeep.plot.calibration_plot import LEVELS, coverage_of_fit, stated_of_fit
from bayesdeep.plot.predictive_plot import MOST_BARS, bar_edges


@pytest.mark.few(5)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_the_picture_that_fits_it(name, of_family, made_up):
    fit = made_up(of_family(name))
    kind = response_kind(fit.spec)
    if kind == "other":
        with pytest.raises(bd.FitError, match="has several numbers"):
            bd.plot.calibration(fit)
        return
    axes = bd.plot.calibration(fit).axes[0]
    assert axes.get_xlabel() == ("stated probability" if kind == "levels" else "promised: probability of the interval")


def test_a_yes_or_no_is_stated_and_observed(made_up):
    p = np.repeat([0.1, 0.4, 0.7, 0.9], 500)
    frame = pd.DataFrame({"y": np.random.default_rng(0).binomial(1, p), "eta": np.log(p / (1 - p)), "one": 1})
    values = {"Intercept": 0.0}
    for formula, family in (("y ~ 1 + offset(eta)", "bernoulli"), ("prop(y, one) ~ 1 + offset(eta)", "binomial")):
        fit = made_up(bd.Model(formula, frame, family=family), values=values)
        probabilities, codes = stated_of_fit(fit, 100)["y"]
        assert probabilities[:, 1] == pytest.approx(p)
        assert codes.tolist() == frame["y"].tolist()
        line = bd.plot.calibration(fit).axes[0].get_lines()[1]
        stated, held = line.get_data()
        # Tenths of 200 rows: a standard error of 0.035 at most.
        assert np.abs(np.asarray(held) - np.asarray(stated)).max() < 4 * 0.035


@pytest.mark.parametrize("family", ["poisson", "gaussian"])
def test_a_right_model_lies_on_the_diagonal(family, made_up):
    values = {"Intercept": np.log(1.3)} if family == "poisson" else {"Intercept": 0.0, "sigma": 1.0}
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": rng.poisson(1.3, 3000) if family == "poisson" else rng.normal(size=3000)})
    fit = made_up(bd.Model("y ~ 1", frame, family=family), draws=200, values=values)
    promised, held = coverage_of_fit(fit, 400, 1)["y"]
    # 3000 rows: a standard error of 0.01 at most.
    assert np.abs(held - promised).max() < 0.04
    assert promised.tolist() == LEVELS.tolist()


def test_censored_rows_are_left_out(made_up):
    y = np.random.default_rng(2).normal(size=1500)
    frame = pd.DataFrame({"y": np.minimum(y, 0.0), "s": np.where(y > 0, "right", "none")})
    fit = made_up(bd.Model("censored(y, s) ~ 1", frame), draws=200, values={"Intercept": 0.0, "sigma": 1.0})
    promised, held = coverage_of_fit(fit, 400, 1)["y"]
    # The known half of a right model: of it the middle of the whole distribution holds its half.
    assert np.abs(held - promised).max() < 0.06


def test_counts_have_a_bar_each_and_zero_always_has_its_own():
    few = np.array([0, 1, 1, 2, 7])
    edges, last = bar_edges(few, np.array([[0, 1, 2, 3, 7]]))
    assert edges.tolist() == [k - 0.5 for k in range(9)]
    assert last is None
    wide = np.arange(0, 4000, 7)
    edges, last = bar_edges(wide, wide[None, :])
    assert edges[:2].tolist() == [-0.5, 0.5]
    assert len(np.unique(np.diff(edges[1:]))) == 1
    assert len(edges) <= MOST_BARS + 3
    tail = np.array([0, 1, 2, 3] * 300 + [900])
    edges, last = bar_edges(tail, tail[None, :])
    assert np.diff(edges).tolist() == [1.0] * 5
    assert last == 4.0
