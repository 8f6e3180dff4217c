"""Columns and calls that a smooth or a process cannot be made of are refused with what is wrong and what would be right."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(7)
ROWS = pd.DataFrame({"x": RNG.uniform(1, 10, 40), "z": RNG.normal(size=40), "y": RNG.normal(size=40)})


def refused(formula: str, **columns: object) -> str:
    with pytest.raises(bd.BayesdeepError) as error:
        bd.Model(formula, ROWS.assign(**columns))
    return str(error.value)


@pytest.mark.parametrize("term", ["s(x)", "s(x, bs='cr')", "s(x, z)", "t2(x, z)", "gp(x)", "gp(x, z)"])
@pytest.mark.parametrize(("unit", "size"), [(1e300, "large"), (1e-300, "small")])
def test_values_that_cannot_be_squared_are_named(term: str, unit: float, size: str) -> None:
    assert f"the values of 'x' are too {size} to be squared; measure it in other units" in refused(f"y ~ {term}", x=ROWS.x * unit)


@pytest.mark.parametrize("term", ["s(x, x)", "gp(x, x)", "t2(x, x)"])
def test_a_column_stands_once_in_a_function(term: str) -> None:
    assert "different ones" in refused(f"y ~ {term}")


@pytest.mark.parametrize("term", ["s(x)", "s(x, bs='cr')", "t2(x, z)"])
def test_two_values_are_a_straight_line(term: str) -> None:
    text = refused(f"y ~ {term}", x=np.arange(40) % 2)
    assert "straight line: x" in text
    assert "or fewer" not in text


def test_a_constant_is_called_so_in_products_too() -> None:
    assert "'x' is constant" in refused("y ~ t2(x, z)", x=3.0)


@pytest.mark.parametrize("term", ["s(x)", "gp(x)"])
def test_no_power_of_a_term_is_advised(term: str) -> None:
    text = refused(f"y ~ {term}**2")
    assert "has no powers" in text
    assert "I(" not in text


def test_measurements_far_from_0_have_a_prior_about_their_mean() -> None:
    x = 123_456.7 + ROWS.z
    prior = bd.Model("y ~ me(x, 0.3)", ROWS.assign(x=x)).priors.loc["me(x)_mean", "prior"]
    assert abs(float(prior.removeprefix("Normal(").split(",")[0]) - x.mean()) < 0.01 * x.std()
    assert "'x' is constant" in refused("y ~ me(x, 0.3)", x=0.1 + 0.2 * np.ones(40) + 1e-17 * ROWS.z)


def test_times_of_many_digits_keep_names_of_their_own() -> None:
    t = 1_700_000_000 + 86_400 * (np.arange(40) // 2)
    fit = bd.Model("y ~ rw(t)", ROWS.assign(t=t)).fit("collapsed", draws=50, chains=2, seed=1, progress=False)
    assert [float(label) for label in fit.idata.posterior["rw(t)_step"].values] == list(np.unique(t)[1:])
    with pytest.raises(bd.DataError, match=r"the time 1701728000 lies after the last, 1701641600; give ahead=1"):
        fit.predict({"t": [1_701_728_000]})


def test_a_basis_of_one_column_says_which_has_two() -> None:
    assert "t2(x, z)" in refused("y ~ s(x, z, bs='cr')")


def test_shares_do_not_depend_on_where_0_is() -> None:
    found = []
    for far in (0.0, 2.0**30):
        rows = ROWS.assign(y=ROWS.y + ROWS.x + far)
        fit = bd.Model("y ~ x + s(z, k=5)", rows, priors={"Intercept": "Flat()"}).fit(
            "collapsed", seed=1, draws=50, chains=2, progress=False
        )
        found.append(fit.explained()["mean"].to_numpy())
    assert np.allclose(*found, atol=1e-3)
