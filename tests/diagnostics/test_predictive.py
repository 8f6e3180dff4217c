"""Predictive checks notice what a model cannot produce, and nothing where it is right."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES, SECTIONS
from bayesdeep.diagnostics.predictive_checks import LIMIT, applies, missed_sentence, predictive_checks
from bayesdeep.report import subject_of
from bayesdeep.report.document import Callout

WORDS = {"levels", "two_levels"}


@pytest.fixture
def counted(made_up):
    """Return ``counted(y, family, **values)``: a fit of an intercept to counts, with these values for all draws."""

    def make(y, family="poisson", **values):
        return made_up(bd.Model("y ~ 1", pd.DataFrame({"y": y}), family=family), draws=100, values=values)

    return make


def zeros_too_many():
    """Return 1000 counts of which 20.2 % are zero; of Poisson counts of their mean 15 % would be."""
    y = np.random.default_rng(1).poisson(2.3, 1000)
    y[y == 0] = 1
    y[:202] = 0
    return y


def test_excess_zeros_are_noticed_and_named(counted):
    y = zeros_too_many()
    fit = counted(y, Intercept=np.log(y.mean()))
    table = predictive_checks(fit)
    row = table.loc["share of zeros"]
    mean = float(np.exp(-y.mean()))
    error = np.sqrt(mean * (1 - mean) / 1000)
    assert row["observed"] == pytest.approx(0.202)
    assert row["lower"] == pytest.approx(mean - 1.645 * error, abs=0.3 * error)
    assert row["upper"] == pytest.approx(mean + 1.645 * error, abs=0.3 * error)
    assert not row["passed"]
    said = missed_sentence(table, "y")
    assert "the share of zeros is 20.2 %" in said
    blocks = SECTIONS["verdict"].blocks(subject_of(fit))
    assert any(isinstance(b, Callout) and b.kind == "caution" and "20.2 %" in b.text for b in blocks)
    shown = SECTIONS["predictive_check"].blocks(subject_of(fit))[-1].frame
    assert shown.loc["share of zeros", "observed"] == pytest.approx(0.202)


def test_a_right_model_is_not_blamed(counted):
    y = np.random.default_rng(2).poisson(3.0, 400)
    fit = counted(y, Intercept=np.log(y.mean()))
    table = predictive_checks(fit)
    assert table["passed"].all()
    assert list(table.index) == ["share of zeros", "largest", "variance"]
    assert missed_sentence(table, "y") == ""
    assert not any("does not produce" in getattr(b, "text", "") for b in SECTIONS["verdict"].blocks(subject_of(fit)))


@pytest.mark.parametrize("step", [0.1, 0.5, None])
@pytest.mark.parametrize("centre", [0.0, 1.0])
def test_measurements_rounded_to_zero_are_no_zeros_too_many(made_up, step, centre):
    """Or one that happens to be zero, among others that are not rounded."""
    y = np.random.default_rng(5).normal(centre, 1.0, 400)
    y = np.append(y, 0.0) if step is None else np.round(y / step) * step
    fit = made_up(bd.Model("y ~ 1", {"y": y}), draws=100, values={"Intercept": y.mean(), "sigma": y.std()})
    row = predictive_checks(fit).loc["share of zeros"]
    assert row["observed"] == np.mean(y == 0) > 0
    assert row["p"] > LIMIT
    if step is not None:
        share = np.diff(norm.cdf([-step / 2, step / 2], y.mean(), y.std()))[0]
        error = np.sqrt(share * (1 - share) / len(y))
        assert [row["lower"], row["upper"]] == pytest.approx([share - 1.645 * error, share + 1.645 * error], abs=0.4 * error)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_heap_of_zeros_among_measurements_is_noticed(made_up, sign):
    y = sign * np.append(np.random.default_rng(6).gamma(2.0, 1.0, 300), np.zeros(30))
    fit = made_up(bd.Model("y ~ 1", {"y": y}), draws=100, values={"Intercept": y.mean(), "sigma": y.std()})
    row = predictive_checks(fit).loc["share of zeros"]
    assert row["observed"] == pytest.approx(30 / 330)
    assert not row["passed"]


def test_too_large_a_variance_and_a_maximum_are_noticed(counted):
    y = np.random.default_rng(3).negative_binomial(1.0, 0.2, 300)
    table = predictive_checks(counted(y, Intercept=np.log(y.mean())))
    assert not table.loc["variance", "passed"]
    assert not table.loc["largest", "passed"]


def test_p_is_the_share_of_data_sets_that_far_out(counted):
    y = np.array([0, 1, 2, 3] * 20)
    table = predictive_checks(counted(y, Intercept=np.log(1.5)))
    # The largest of 80 counts of mean 1.5 is 3 at most with probability P(Y <= 3)^80.
    below = sum(np.exp(-1.5) * 1.5**k / f for k, f in enumerate((1, 1, 2, 6))) ** 80
    # The standard error of a share of 500.
    assert table.loc["largest", "p"] == pytest.approx(below, abs=4 * np.sqrt(below / 500) + 1e-9)
    assert table.loc["largest", "passed"] == (table.loc["largest", "p"] > LIMIT)


@pytest.mark.few(7)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_checks_or_none(name, of_family, made_up):
    fit = made_up(of_family(name, "x"))
    words = FAMILIES[name].words
    assert applies(fit) == (not words & WORDS)
    if not applies(fit):
        with pytest.raises(bd.FitError, match="one number a row"):
            predictive_checks(fit)
        return
    table = predictive_checks(fit, draws=60)
    y = np.asarray(fit.rows.response.value, dtype=float)
    if y.max() not in FAMILIES[name].atoms:
        assert table.loc["largest", "observed"] == y.max()
    assert table.loc["variance", "observed"] == pytest.approx(y.var())
    assert ("smallest" in table.index) == ("discrete" not in words and y.min() not in FAMILIES[name].atoms)
    assert table["p"].between(0, 1).all()


def test_rows_known_by_an_interval_are_left_out(made_up):
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, 9.0], "top": [0.0, 0.0, 0.0, 99.0], "s": ["none"] * 3 + ["interval"]})
    fit = made_up(bd.Model("censored(y, top, s) ~ 1", frame))
    assert predictive_checks(fit).loc["largest", "observed"] == 3.0


def test_shares_of_zeros_and_of_ones_stand_for_the_extremes_that_they_are(made_up):
    """Numbers are near an end as well, and are not counted as being there."""
    y = np.concatenate([np.zeros(60), np.ones(20), np.random.default_rng(7).beta(0.3, 0.4, 320)])
    fit = made_up(
        bd.Model("y ~ 1", {"y": y}, family="zero_one_inflated_beta"),
        draws=100,
        values={"Intercept": np.log(0.3 / 0.4), "kappa": 0.7, "zoi": 0.2, "coi": 0.6},
    )
    table = predictive_checks(fit)
    assert list(table.index) == ["share of zeros", "share of ones", "variance"]
    assert not table.loc[["share of zeros", "share of ones"], "passed"].any()
    assert "the share of ones is 5.0 %" in missed_sentence(table, "y")
    for name, share in (("share of zeros", 0.08), ("share of ones", 0.12)):
        error = np.sqrt(share * (1 - share) / 400)
        ends = table.loc[name, ["lower", "upper"]].to_list()
        assert ends == pytest.approx([share - 1.645 * error, share + 1.645 * error], abs=0.4 * error)
    figure = bd.plot.predictive_check(fit)
    assert [axes.get_ylabel() for axes in figure.axes] == ["density", "share of the rows"]
    assert [bar.get_height() for bar in figure.axes[1].patches] == pytest.approx([0.15, 0.05])
