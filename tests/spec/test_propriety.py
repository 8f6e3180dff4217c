"""Models whose posterior the data do not bound: refused or doubted by name, and nothing else is."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import PriorError
from bayesdeep.inference.propriety import Endless, separation

FLAT = {"x": "Flat()"}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = rng.normal(size=40)
    x -= x.mean()
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=40), "g": [f"g{i % 5}" for i in range(40)], "zero": 0, "one": 1})
    frame["row"] = [f"r{i}" for i in range(40)]
    frame["yes"], frame["half"] = rng.integers(0, 2, 40), (x > 0).astype(int)
    frame["above"] = (x > 0.4).astype(int)  # x separates it together with an intercept
    frame["pair"] = (x + 2 * frame["z"] > 0).astype(int)
    frame["by_group"], frame["count"] = frame["g"].isin(["g0", "g1"]).astype(int), rng.poisson(2.0, 40) + 1
    frame["some"] = np.where(frame["g"] == "g0", 0, frame["count"])
    frame["k"], frame["n"] = rng.binomial(5, 0.4, 40), 5
    return frame


@pytest.mark.parametrize(
    ("formula", "family", "priors", "named"),
    [
        ("half ~ x", "bernoulli", FLAT, "'x' separates the response 'half'"),
        ("half ~ z + x", "bernoulli", {**FLAT, "z": "Flat()"}, "'x' separates the response 'half'"),
        ("pair ~ 0 + x + z", "bernoulli", {**FLAT, "z": "Flat()"}, "'x' and 'z' separate the response 'pair'"),
        ("above ~ x", "bernoulli", {**FLAT, "Intercept": "Flat()"}, "'Intercept' and 'x' separate"),
        ("zero ~ x + (1 | g)", "poisson", {"Intercept": "Flat()"}, "'Intercept' separates the response 'zero'"),
        ("zero ~ x", "negative_binomial", {"Intercept": "Flat()"}, "'Intercept' separates the response 'zero'"),
        ("one ~ 1", "bernoulli", {"Intercept": "Flat()"}, "'Intercept' separates"),
        ("some ~ 0 + g", "poisson", {"g": "Flat()"}, "'g' separates the response 'some'"),
        ("by_group ~ x + (1 | g)", "bernoulli", {"1|g_sigma": "HalfFlat()"}, "in every group of 'g'"),
        ("yes ~ x + (1 | row)", "bernoulli", {"1|row_sigma": "HalfFlat()"}, "in every group of 'row'"),
    ],
)
def test_an_improper_posterior_is_refused_by_name(data, formula, family, priors, named):
    with pytest.raises(PriorError, match="leaves the posterior improper") as caught:
        bd.Model(formula, data, family=family, priors=priors)
    assert named in str(caught.value)
    assert str(caught.value).startswith(f"prior '{named.split(chr(39))[1] if 'separate' in named else next(iter(priors))}'")


@pytest.mark.parametrize(
    ("formula", "family", "priors"),
    [
        ("half ~ x", "bernoulli", {}),  # the prior bounds it
        ("yes ~ x + (1 | g)", "bernoulli", {**FLAT, "Intercept": "Flat()", "1|g_sigma": "HalfFlat()"}),
        ("some ~ x + (1 | g)", "poisson", {**FLAT, "Intercept": "Flat()", "1|g_sigma": "HalfFlat()"}),
        ("count ~ 0 + g", "poisson", {"g": "Flat()"}),
        ("prop(k, n) ~ x + (1 | row)", "binomial", {**FLAT, "1|row_sigma": "HalfFlat()"}),
        ("count ~ x + (1 | row)", "poisson", {}),
    ],
)
def test_what_the_data_bound_is_not(data, formula, family, priors):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bd.Model(formula, data, family=family, priors=priors)


def test_what_only_the_intercepts_prior_bounds_is_told(data):
    with pytest.warns(UserWarning, match="'x' separates the response"):
        bd.Model("above ~ x", data, family="bernoulli", priors=FLAT)
    with pytest.warns(UserWarning, match="zero") as caught:
        bd.Model("zero ~ x", data, family="poisson", priors=FLAT)
    assert any("'x' separates the response" in str(one.message) for one in caught)


@pytest.mark.parametrize(
    ("formula", "family", "said"),
    [
        ("zero ~ x + (1 | g)", "poisson", "'zero' is 0 in every row: the data say no more than that its predictor is small"),
        ("zero ~ x", "negative_binomial", "'zero' is 0 in every row"),
        ("prop(n, n) ~ x", "binomial", "'n' is all of its trials in every row: the data say no more"),
        ("zero ~ x", "hurdle_poisson", "'zero' is 0 in every row: the data say nothing of 'mu', which the priors decide alone"),
        ("one ~ x", "zero_one_inflated_beta", "'one' is 1 in every row: the data say nothing of 'mu'"),
        ("yes ~ x", "zero_one_inflated_beta", "'yes' is 0 or 1 in every row: the data say nothing of 'mu'"),
    ],
)
def test_a_response_without_an_end_is_told(data, formula, family, said):
    with pytest.warns(UserWarning, match="in every row") as caught:
        bd.Model(formula, data, family=family)
    assert [said in str(one.message) for one in caught] == [True]


@pytest.mark.parametrize(("formula", "family"), [("one ~ x", "poisson"), ("one ~ x", "bernoulli"), ("zero ~ x", "bernoulli")])
def test_a_constant_that_has_two_sides_or_is_a_success_is_not(data, formula, family):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bd.Model(formula, data, family=family)


@pytest.mark.parametrize(
    ("formula", "family", "sd"),
    [
        ("yes ~ x + (1 | row)", "bernoulli", "1|row_sigma"),
        ("yes ~ x + (1 | g/row)", "bernoulli", "1|g:row_sigma"),
        ("prop(yes, one) ~ x + (1 | row)", "binomial", "1|row_sigma"),
    ],
)
def test_an_effect_for_each_yes_or_no_is_told(data, formula, family, sd):
    with pytest.warns(UserWarning, match="not identified") as caught:
        bd.Model(formula, data, family=family)
    assert f"'{sd}'" in str(caught[0].message)
    assert formula.split(" + ")[1] in str(caught[0].message)


def test_an_effect_for_each_ordered_level_is_told(data):
    with pytest.warns(UserWarning, match="is hardly identified: a large '1|row_sigma' with thresholds far apart"):
        bd.Model("grade ~ x + (1 | row)", data.assign(grade=np.arange(len(data)) % 3), family="cumulative")


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_a_factor_of_one_level_is_told(data, family):
    alone = data.assign(only="a")
    with pytest.warns(UserWarning, match="'only' has one level") as caught:
        bd.Model("count ~ x + (1 + x | only) + (1 | g)", alone, family=family)
    assert len(caught) == 1
    assert "'1|only_sigma'" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bd.Model("count ~ x + (1 | only)", alone, family=family, priors={"1|only": "Normal(0, 0.3)"})


def test_separation_finds_a_direction_that_does():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 3))
    truth = np.array([1.0, -2.0, 0.5])
    up = columns @ truth > 0
    found = separation(columns, Endless(up, ~up))
    assert found is not None
    assert ((columns @ found)[up] >= -1e-9).all()
    assert ((columns @ found)[~up] <= 1e-9).all()
    up[np.argmax(columns @ truth)] = False  # one row on the wrong side, as far out as there is
    assert separation(columns, Endless(up, ~up)) is None
    held = np.zeros(60, dtype=bool)
    assert separation(columns, Endless(held, held)) is None


@pytest.mark.parametrize("family", ["gaussian", "student_t"])
@pytest.mark.parametrize("far", [-100.0, 100.0, 2.0**30])
def test_a_response_far_from_0_is_no_doubt_about_flat_priors(family: str, far: float) -> None:
    rng = np.random.default_rng(3)
    data = {"x": rng.normal(size=30), "y": far + rng.normal(size=30)}
    bd.Model("y ~ x", data, family, priors={"Intercept": "Flat()", "x": "Flat()"})
