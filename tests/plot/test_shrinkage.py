"""Partial pooling is drawn on one scale, with everything else in the predictor the same."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import special

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.plot.no_pooling import alone_and_leaning
from bayesdeep.plot.parts import group_term, summarise
from bayesdeep.plot.shrinkage_plot import shrinkage, shrinkage_numbers

ONE_NUMBER = [n for n, f in FAMILIES.items() if f.main.shape == "row"]
SEVERAL = [n for n in FAMILIES if n not in ONE_NUMBER]


def alone_of(fit):
    """Return what the rows of each group say alone, the rest of the predictor by row, and the groups' codes."""
    term = group_term(fit)
    posterior = fit.posterior
    pooled = summarise((posterior["1|g"] + posterior.get("Intercept", 0.0)).rename("a"))["mean"].to_numpy()
    rest = fit.draws(kind="linear").mean(("chain", "draw")).values - pooled[term.codes]
    return alone_and_leaning(fit, term, pooled)[0], rest, term.codes


def sums(values, codes):
    return np.bincount(codes, np.asarray(values, dtype=float))


TRUTHS = {
    # Where the likelihood of an intercept a, with the rest r of the predictor held, is largest.
    "gaussian": lambda y, n, r, g: sums(y - r, g) / sums(y == y, g),
    "poisson": lambda y, n, r, g: np.log(sums(y, g) / sums(np.exp(r), g)),
    "exponential": lambda y, n, r, g: np.log(sums(y * np.exp(-r), g) / sums(y == y, g)),
    "gamma": lambda y, n, r, g: np.log(sums(y * np.exp(-r), g) / sums(y == y, g)),
    "lognormal": lambda y, n, r, g: sums(np.log(y) - r, g) / sums(y == y, g),
    "bernoulli": lambda y, n, r, g: special.logit(sums(y, g) / sums(n, g)),
    "binomial": lambda y, n, r, g: special.logit(sums(y, g) / sums(n, g)),
}


@pytest.mark.few(3)
@pytest.mark.parametrize("name", TRUTHS)
def test_alone_is_the_likelihoods_largest_value(name, of_family, made_up):
    without = name in ("bernoulli", "binomial")  # With covariates there is no closed form.
    fit = made_up(of_family(name, "(1 | g)" if without else "x + (1 | g)"))
    alone, rest, codes = alone_of(fit)
    y, n = np.asarray(fit.rows.response.value), fit.rows.response.trials
    assert not without or np.allclose(rest, 0.0)
    assert alone == pytest.approx(TRUTHS[name](y, np.ones(len(y)) if n is None else n, rest, codes), abs=1e-5)


def test_weights_count_as_rows_do(of_family, made_up):
    fit = made_up(of_family("gaussian", "x + (1 | g)", ("weighted",)))
    alone, rest, codes = alone_of(fit)
    w, y = fit.rows.response.weights, fit.rows.response.value
    assert alone == pytest.approx(sums(w * (y - rest), codes) / sums(w, codes), abs=1e-6)


def test_groups_without_a_largest_value_have_none(of_family, made_up):
    frame = pd.DataFrame({"y": [0, 0, 0, 3, 2, 4, 1, 0], "g": list("aaabbbcc")})
    alone, _, _ = alone_of(made_up(bd.Model("y ~ (1 | g)", frame, family="poisson")))
    assert np.isnan(alone[0])
    assert alone[1:] == pytest.approx(np.log([3.0, 0.5]), abs=1e-6)


def test_correlated_slopes_say_what_an_intercept_leans_on(of_family, made_up):
    model = of_family("gaussian", "x + (1 + x | g)")
    slopes = np.linspace(-1.0, 2.0, 6)
    values = {"Intercept": 2.0, "1|g_sigma": 0.5, "x|g_sigma": 2.0, "g_corr": 0.8, "1|g": np.zeros(6), "x|g": slopes}
    fit = made_up(model, values=values)
    _, leans, centre = alone_and_leaning(fit, group_term(fit), np.full(6, 2.0))
    assert centre == 2.0
    assert leans == pytest.approx(2.0 + 0.8 * 0.5 / 2.0 * slopes)
    alone = made_up(of_family("gaussian", "x + (1 + x || g)"), values={"Intercept": 2.0})
    assert alone_and_leaning(alone, group_term(alone), np.full(6, 2.0))[1] == pytest.approx(np.full(6, 2.0))


def groups_of_houses():
    """Return 30 groups of 2 to 31 rows, with a covariate far from 0 that differs between groups, and slopes that differ."""
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(30), np.arange(2, 32))
    effect = rng.normal(0, 0.5, 30)
    slope = 0.4 + rng.normal(0, 0.2, 30) + 0.3 * effect
    x = rng.normal(3.0 + 0.5 * rng.normal(size=30)[codes], 1.0)
    frame = pd.DataFrame({"g": [f"g{k:02d}" for k in codes], "x": x})
    frame["y"] = 1.0 + effect[codes] + rng.normal(0, 1.0, len(x))
    frame["s"] = 1.0 + effect[codes] + slope[codes] * x + rng.normal(0, 1.0, len(x))
    frame["count"] = rng.poisson(np.exp(-0.7 + effect[codes] + 0.3 * x))
    return frame


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("formula", "family", "method"),
    [
        ("y ~ (1 | g)", "gaussian", "auto"),
        ("s ~ x + (1 | g)", "gaussian", "auto"),
        ("s ~ x + (1 + x | g)", "gaussian", "auto"),
        ("s ~ x + (1 + x || g)", "gaussian", "auto"),
        ("count ~ x + (1 | g)", "poisson", "laplace_marginal"),
    ],
)
def test_estimates_lie_between_their_own_rows_and_what_they_lean_on(formula, family, method):
    fit = bd.Model(formula, groups_of_houses(), family=family).fit(method, seed=3, progress=False)
    n = shrinkage_numbers(fit)
    sd = (n.upper - n.lower) / (2 * 1.645)
    # A group without events has no estimate of its own: it is pulled down from where it leans.
    own = np.where(np.isnan(n.alone), n.pooled - sd, n.alone)
    assert np.isnan(n.alone).sum() <= (0 if family == "gaussian" else 2)
    beyond = np.maximum(n.pooled - np.maximum(own, n.leans), np.minimum(own, n.leans) - n.pooled)
    # Means of thousands of draws have an error of a few hundredths of an sd; a posterior of few counts is a little skew.
    assert np.max(beyond / sd) < (0.05 if family == "gaussian" else 0.15)
    kept = np.abs(n.pooled - n.leans).sum() / np.abs(own - n.leans).sum()
    assert 0.3 < kept < 1.0


@pytest.mark.few(6)
@pytest.mark.parametrize("name", [name for name in ONE_NUMBER if FAMILIES[name].components is None])
def test_every_family_has_a_picture_or_a_reason(name, of_family, made_up):
    fit = made_up(of_family(name))
    said = label_or_reason(fit)
    # Draws from the prior are no posterior, whose estimates would lie between.
    assert re.search("^g intercept|do not lie between", said)
    assert ("scale)" in said) == (fit.spec.predictors[0].link != "identity") or "between" in said


def label_or_reason(fit):
    try:
        return shrinkage(fit).axes[0].get_ylabel()
    except bd.FitError as error:
        return str(error)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_levels_have_no_one_estimate(name, of_family, made_up):
    with pytest.raises(bd.FitError, match="a value for each level"):
        shrinkage(made_up(of_family(name)))


def test_slopes_alone_have_no_intercept_to_pool(of_family, made_up):
    with pytest.raises(bd.FitError, match=r"no group-level intercept \(1 \| g\)"):
        shrinkage(made_up(of_family("gaussian", "x + (0 + x | g)")))


def test_what_does_not_lie_between_is_not_drawn(of_family, made_up):
    model = of_family("gaussian", "(1 | g)")
    with pytest.raises(bd.FitError, match="do not lie between"):
        shrinkage(made_up(model, values={"Intercept": 0.0, "1|g": np.linspace(40.0, 60.0, 6), "sigma": 1.0}))
