"""One straight line in two terms of a predictor: refused, with both names; what only touches is let through."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, z, w = rng.normal(size=(3, rows))
    return pd.DataFrame({"x": x, "z": z, "w": w, "g": rng.choice(list("ab"), rows), "y": x + rng.normal(size=rows)})


@pytest.mark.parametrize(
    ("formula", "one", "other", "line"),
    [
        ("s(x) + s(x, z)", "s(x)", "s(x, z)", "x"),
        ("s(x, z) + s(z)", "s(x, z)", "s(z)", "z"),
        ("t2(x, z, k=3) + s(x)", "t2(x, z, k=3)", "s(x)", "x"),
        ("s(x, z) + t2(x, w, k=3)", "s(x, z)", "t2(x, w, k=3)", "x"),
        ("s(x) + s(x, by=g)", "s(x)", "s(x, by=g)", "x"),
        ("s(x, by=w) + s(x, z, by=w)", "s(x, by=w)", "s(x, z, by=w)", "w:x"),
    ],
)
def test_two_smooths_with_one_line_are_refused_by_name(formula: str, one: str, other: str, line: str) -> None:
    with pytest.raises(bd.FormulaError) as said:
        bd.Model(f"y ~ {formula}", frame())
    assert f"{one} and {other} both have the straight line of '{line}'" in str(said.value)


@pytest.mark.parametrize(
    ("formula", "line", "term"),
    [("x:w + s(x, by=w)", "w:x", "s(x, by=w)"), ("x + s(x, by=g)", "x", "s(x, by=g)"), ("x:g + s(x, by=g)", "g:x", "s(x, by=g)")],
)
def test_a_line_beside_the_smooth_that_has_it_is_refused(formula: str, line: str, term: str) -> None:
    with pytest.raises(bd.FormulaError, match=r"straight line of '.*' is part of .*; leave '.*' by itself out") as said:
        bd.Model(f"y ~ {formula}", frame())
    assert f"'{line}' is part of {term}" in str(said.value)


@pytest.mark.parametrize(
    "formula",
    [
        "s(x) + s(z)", "s(x) + s(x, g, bs='fs')", "x + s(x, bs='cc', knots=[-4, 4])", "g + s(x, by=g)", "x:z + s(x)",
        "s(x, z) + s(x, by=w)",
    ],
)
def test_what_has_no_line_in_common_stands_side_by_side(formula: str) -> None:
    bd.Model(f"y ~ {formula}", frame())


def test_the_same_line_in_the_formulas_of_two_parameters_is_no_repetition() -> None:
    bd.Model("y ~ s(x)", frame(), sigma="~ s(x, z)")


def test_numbers_between_the_brackets_of_a_smooth_are_told_of_names() -> None:
    with pytest.raises(bd.FormulaError, match=r"s\(5\): a smooth is a function of columns, and all else has a name"):
        bd.Model("y ~ s(5)", frame())
    with pytest.raises(bd.FormulaError, match=r"all else has a name, as in s\(x, k=20"):
        bd.Model("y ~ s(x, 5)", frame())


def test_curves_of_groups_are_told_where_they_are_seen() -> None:
    fit = bd.Model("y ~ s(x, g, bs='fs', k=4)", frame()).fit("collapsed", seed=1, draws=50, progress=False)
    with pytest.raises(bd.FitError, match=r"no smooth of one column.*s\(x, g, bs='fs', k=4\) .* fit\.curve\(…, by=…\)"):
        bd.plot.smooths(fit)
