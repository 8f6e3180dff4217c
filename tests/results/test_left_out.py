"""``fit.summary(left_out=True)``: the last level of sums to zero, from the draws, also in products and other parameters."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError

RNG = np.random.default_rng(21)
DATA = pd.DataFrame({"y": RNG.normal(size=120), "x": RNG.normal(size=120), "g": RNG.choice(list("abcd"), 120)})
DATA["h"], DATA["s"] = RNG.choice(list("pqr"), 120), RNG.choice(list("uv"), 120)


def rows(table, name):
    return [label for label in table.index if label.startswith(f"{name}[")]


def test_it_is_minus_the_sum_of_the_others_draw_by_draw():
    fit = bd.Model("y ~ C(g, Sum)", DATA).fit(seed=1, draws=200)
    plain, table = fit.summary(), fit.summary(left_out=True)
    assert rows(table, "C(g, Sum)") == [f"C(g, Sum)[S.{level}]" for level in "abcd"]
    pd.testing.assert_frame_equal(table.drop("C(g, Sum)[S.d]"), plain)
    draws = -fit.idata.posterior["C(g, Sum)"].to_numpy().sum(axis=-1)
    low, high = np.quantile(draws, [0.055, 0.945])
    expected = [draws.mean(), draws.std(ddof=1), low, high]
    np.testing.assert_allclose(table.loc["C(g, Sum)[S.d]"].to_numpy(float)[:4], expected, atol=1e-10)
    assert table.loc["C(g, Sum)[S.d]", "ess_bulk"] > 100
    assert fit.idata.posterior["C(g, Sum)"].shape[-1] == 3
    only = fit.summary(left_out=True, var_names=["C(g, Sum)"], kind="stats", ci_prob=0.5)
    assert list(only.index) == rows(table, "C(g, Sum)")


def test_cells_are_the_sums_of_all_coefficients():
    table = bd.Model("y ~ C(g, Sum) * C(h, Sum)", DATA).fit("ml").summary(left_out=True)["estimate"]
    assert len(rows(table, "C(g, Sum):C(h, Sum)")) == 12
    for (g, h), mean in DATA.groupby(["g", "h"])["y"].mean().items():
        both = table[f"C(g, Sum):C(h, Sum)[S.{g}, S.{h}]"]
        own = table["Intercept"] + table[f"C(g, Sum)[S.{g}]"] + table[f"C(h, Sum)[S.{h}]"] + both
        np.testing.assert_allclose(own, mean, atol=1e-7)


@pytest.mark.parametrize("other", ["h", "x", "poly(x, 2)", "C(h, Helmert)"])
def test_in_products_each_column_of_the_other_sums_to_zero(other):
    table = bd.Model(f"y ~ {other} * C(g, Sum)", DATA).fit("ml").summary(left_out=True)["estimate"]
    names = rows(table, f"{other}:C(g, Sum)")
    parts = {name: name.split("[")[-1].removesuffix("]").split(", ") for name in names}
    columns = {tuple(part[:-1]) for part in parts.values()}
    assert len(names) == 4 * len(columns)
    for column in columns:
        np.testing.assert_allclose(sum(table[name] for name in names if tuple(parts[name][:-1]) == column), 0, atol=1e-9)


def test_levels_that_all_have_a_column_leave_none_out():
    table = bd.Model("y ~ 0 + C(g, Sum) + C(s, Sum)", DATA).fit("ml").summary(left_out=True)
    assert rows(table, "C(g, Sum)") == [f"C(g, Sum)[{level}]" for level in "abcd"]
    # Of two levels the one is minus the other, and as well known.
    assert table.loc["C(s, Sum)[S.u]", "se"] == table.loc["C(s, Sum)[S.v]", "se"]
    table = bd.Model("y ~ C(g, Sum)", DATA).fit("ml").summary(left_out=True)
    assert np.isnan(table.loc["C(g, Sum)[S.d]", "se"])
    assert np.isfinite(table["estimate"]).all()


def test_other_parameters_have_theirs():
    fit = bd.Model("y ~ x", DATA, sigma="~ C(g, Sum)").fit("ml")
    table = fit.summary(left_out=True)
    assert rows(table, "sigma_C(g, Sum)")[-1] == "sigma_C(g, Sum)[S.d]"


@pytest.mark.integration
def test_each_of_several_predictors_has_its_own():
    classes = bd.Model("h ~ C(g, Sum)", DATA, "categorical").fit("map")
    table = classes.summary(left_out=True, kind="stats")["mean"]
    for level in "qr":
        np.testing.assert_allclose(sum(table[f"C(g, Sum)[S.{g}, {level}]"] for g in "abcd"), 0, atol=1e-9)


@pytest.mark.parametrize("formula", ["y ~ g", "y ~ C(g, Helmert)", "y ~ x + (C(g, Sum) | h)"])
def test_where_nothing_is_left_out_it_says_so(formula):
    fit = bd.Model(formula, DATA).fit("ml")
    with pytest.raises(FitError, match=r"left_out=True .* write C\(g, Sum\)"):
        fit.summary(left_out=True)
    with pytest.raises(FitError, match="left_out"):
        fit.summary(left_out="yes")
