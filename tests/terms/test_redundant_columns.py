"""Columns that are combinations of one another: told of by name where only the numbers show it, and nowhere else."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


def frame(rows: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, z, w = rng.normal(size=(3, rows))
    data = pd.DataFrame({"x": x, "z": z, "w": w, "v": 3 * x + 1, "g": rng.choice(list("abc"), rows), "y": x})
    return data.assign(h=data["g"].str.upper(), y=lambda d: d["y"] + rng.normal(size=rows))


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("x + v", "x, v"),
        ("x + I(2 * x)", "x, I(2*x)"),
        ("poly(x, 2) + s(x)", "poly(x, 2), s(x)_linear"),
        ("v + s(x)", "v, s(x)_linear"),
        ("s(x) + s(v)", "s(x)_linear, s(v)_linear"),
        ("s(x, by=w) + s(z, by=w)", "s(x):w_constant, s(z):w_constant"),
        ("poly(x, 3) + x", "poly(x, 3), x"),
    ],
)
def test_columns_that_are_known_together_are_told_of(formula: str, names: str) -> None:
    with pytest.warns(UserWarning, match="so that only priors tell their coefficients apart") as said:
        bd.Model(f"y ~ {formula}", frame())
    assert f"the columns of {names} are combinations of one another" in str(said[0].message).replace(" * ", "*")


@pytest.mark.parametrize(
    "formula",
    ["x + z", "0 + g", "g * x", "g + h", "x + v - x", "poly(x, 3) + z", "s(x) + s(z)", "s(x, by=w) + s(z)"],
)
def test_others_are_not(formula: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bd.Model(f"y ~ {formula}", frame())


def test_the_formula_of_another_parameter_is_named() -> None:
    with pytest.warns(UserWarning, match=r"formula of sigma: over these rows the columns of x, v"):
        bd.Model("y ~ x", frame(), sigma="~ x + v")


def test_more_columns_than_rows_are_a_matter_of_priors() -> None:
    data = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 20)), columns=[f"x{i}" for i in range(20)])
    bd.Model("y ~ .", data.assign(y=range(12)), priors={"population": "Horseshoe()"})
