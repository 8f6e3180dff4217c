"""``ns()``: the columns of R's ``splines::ns``, natural at the boundary knots, linear beyond them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.design.factors import factor_column, learn_factor
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.parser import parse
from bayesdeep.report.mathematics import equations

R = json.loads((Path(__file__).parents[1] / "reference" / "natural_splines.json").read_text())


def columns(text, x, new):
    node = parse(f"y ~ {text}").predictor
    state = learn_factor(node, read_frame({"x": x}), "formula 'f'")
    return factor_column(node, json.loads(json.dumps(state)), read_frame({"x": new}), "formula 'f'").values


@pytest.mark.parametrize("text", R["bases"])
def test_the_columns_are_those_of_r(text):
    known = R["bases"][text]
    for new, expected in ((R["x"], known["columns"]), (R["new x"], known["new"])):
        np.testing.assert_allclose(columns(text, R["x"], new), np.array(expected), atol=2e-11)


@pytest.mark.parametrize("text", ["ns(x)", "ns(x, df=2)", "ns(x, 6)", "ns(x, knots=[-0.4, 0.1, 0.7])"])
def test_it_is_a_cubic_without_curvature_at_the_ends_and_a_line_beyond(text):
    x = np.linspace(-1, 1, 41)
    step = 1e-3
    for end, inwards in ((-1.0, 1), (1.0, -1)):
        inside = columns(text, x, end + inwards * step * np.arange(4))
        # Of a cubic with second derivative 0 at the end, second differences one and two steps from it are as 1 to 2.
        second = np.diff(inside, 2, axis=0)
        np.testing.assert_allclose(second[1], 2 * second[0], atol=1e-12)
        across = columns(text, x, end - inwards * np.array([0.0, 1.0, 2.0, 9.0]))
        np.testing.assert_allclose(across[2] - across[1], across[1] - across[0], atol=1e-11)
        np.testing.assert_allclose(across[3] - across[0], 9 * (across[1] - across[0]), atol=1e-10)
        slopes = (inside[1] - inside[0]) / step, across[0] - across[1]
        np.testing.assert_allclose(*slopes, atol=1e-3)


@pytest.mark.parametrize("text", ["ns(x)", "ns(x, df=3)", "ns(x, df=8)"])
def test_lines_are_among_its_functions_and_units_do_not_matter(text):
    x = np.random.default_rng(3).uniform(-2, 5, 50)
    basis = np.column_stack([np.ones(50), columns(text, x, x)])
    assert np.linalg.matrix_rank(basis) == basis.shape[1]
    weights, *_ = np.linalg.lstsq(basis, x, rcond=None)
    np.testing.assert_allclose(basis @ weights, x, atol=1e-10)
    np.testing.assert_allclose(columns(text, 1e6 * x + 3e6, 1e6 * x + 3e6), columns(text, x, x), atol=1e-8)


def test_maximum_likelihood_is_least_squares_on_its_columns():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=70), "y": rng.normal(size=70), "g": rng.choice(list("ab"), 70)})
    basis = columns("ns(x, df=4)", data["x"], data["x"])
    b = (data["g"] == "b").to_numpy(float)
    design = np.column_stack([np.ones(70), basis, b, b[:, None] * basis])
    expected, *_ = np.linalg.lstsq(design, data["y"].to_numpy(), rcond=None)
    model = bd.Model("y ~ ns(x, df=4) * g", data)
    found = model.fit("ml").summary(round_to=12)["estimate"].drop("sigma")
    np.testing.assert_allclose(found.to_numpy(float), expected, atol=1e-7)
    assert list(found.index[1:5]) == [f"ns(x, df=4)[{k}]" for k in "1234"]
    assert "ns(x, df=4)" in equations(model.spec)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ns(x, 4, 5)", "one df, and knots"),
        ("ns(x, 4, df=4)", "one df, and knots"),
        ("ns(x, df=0)", "whole number from 1 on"),
        ("ns(x, df=2.5)", "whole number from 1 on"),
        ("ns(x, df=3, knots=[0])", "say the same thing"),
        ("ns(x, knots=[99])", "knot 99 is not between"),
        ("ns(x, knots=[0, 0])", "names a knot twice"),
        ("ns(x, lower=0)", "beyond the boundary"),
        ("ns(x, df=99)", "too few for df=99"),
        ("ns(k, df=4)", "too few for df=4"),
        ("ns(x, degree=2)", "unknown option 'degree'"),
        ("ns(g)", "this needs numbers"),
        ("ns(one)", "is constant"),
    ],
)
def test_what_has_no_spline_is_refused(text, said):
    data = {"x": np.linspace(-1, 1, 20), "k": np.arange(20) % 3, "g": list("abcde") * 4, "one": np.ones(20), "y": np.arange(20.0)}
    with pytest.raises(FormulaError, match=said):
        bd.Model(f"y ~ {text}", data)
