"""Transforms against R's numbers, and factors on new rows."""

import json

import numpy as np
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.factors import column_names, evaluate_column, factor_column, learn_factor
from bayesdeep.design.frame import keep_rows, read_frame
from bayesdeep.formula.nodes import Binary, Call, Name, Number, Sequence, Text, Unary

X, ONE_TO_TEN = Name("x", "x"), np.arange(1.0, 11)


def number(value):
    return Number(value, str(value))


def call(function, *arguments, source="", **options):
    return Call(function, arguments, tuple(options.items()), source=source or f"{function}(…)")


def evaluate(node, data):
    frame = read_frame(data)
    state = learn_factor(node, frame, "formula 'f'")
    return state, factor_column(node, json.loads(json.dumps(state)), frame, "formula 'f'")


def test_poly_is_r_s():
    _, factor = evaluate(call("poly", X, number(2)), {"x": ONE_TO_TEN})
    # R: poly(1:10, 2)
    first = [-0.49543369, -0.38533732, -0.27524094, -0.16514456, -0.05504819]
    second = [0.52223297, 0.17407766, -0.08703883, -0.26111648, -0.34815531]
    np.testing.assert_allclose(factor.values[:5], np.column_stack([first, second]), atol=1e-8)
    np.testing.assert_allclose(factor.values[::-1] * [-1, 1], factor.values, atol=1e-12)
    assert factor.labels == ("1", "2")


@pytest.mark.parametrize("degree", [1, 3, 6])
def test_poly_is_orthonormal_and_spans_the_powers(degree):
    x = np.random.default_rng(1).gamma(2, size=60) * 100 + 2000
    _, factor = evaluate(call("poly", X, number(degree)), {"x": x})
    np.testing.assert_allclose(factor.values.T @ factor.values, np.eye(degree), atol=1e-9)
    np.testing.assert_allclose(factor.values.sum(axis=0), 0, atol=1e-9)
    scaled = (x - x.mean()) / x.std()
    powers = np.column_stack([scaled**k for k in range(degree + 1)])
    coefficients, *_ = np.linalg.lstsq(powers, factor.values, rcond=None)
    np.testing.assert_allclose(powers @ coefficients, factor.values, atol=1e-8)


def test_raw_poly():
    _, factor = evaluate(call("poly", X, number(3), raw=Name("True", "True")), {"x": ONE_TO_TEN})
    np.testing.assert_allclose(factor.values, np.column_stack([ONE_TO_TEN, ONE_TO_TEN**2, ONE_TO_TEN**3]))


def cox_de_boor(x, knots, degree, i):
    """Return one B-spline by its textbook recursion, closed at the right end."""
    if degree == 0:
        last = knots[i + 1] == knots[-1] and knots[i] < knots[i + 1]
        return ((x >= knots[i]) & ((x < knots[i + 1]) | (last & (x == knots[-1])))).astype(float)
    left, right = knots[i + degree] - knots[i], knots[i + degree + 1] - knots[i + 1]
    out = np.zeros_like(x)
    if left > 0:
        out += (x - knots[i]) / left * cox_de_boor(x, knots, degree - 1, i)
    if right > 0:
        out += (knots[i + degree + 1] - x) / right * cox_de_boor(x, knots, degree - 1, i + 1)
    return out


@pytest.mark.parametrize(("df", "degree"), [(3, 3), (5, 3), (7, 3), (4, 2), (3, 1)])
def test_bs_is_the_textbook_basis_without_its_first_column(df, degree):
    x = np.random.default_rng(2).normal(size=80)
    _, factor = evaluate(call("bs", X, df=number(df), degree=number(degree)), {"x": x})
    inner = np.quantile(x, np.linspace(0, 1, df - degree + 2)[1:-1])
    knots = np.array([x.min()] * (degree + 1) + inner.tolist() + [x.max()] * (degree + 1))
    basis = np.column_stack([cox_de_boor(x, knots, degree, i) for i in range(df + 1)])
    np.testing.assert_allclose(factor.values, basis[:, 1:], atol=1e-12)
    np.testing.assert_allclose(factor.values.sum(axis=1), 1 - basis[:, 0], atol=1e-12)
    assert factor.labels == tuple(str(k + 1) for k in range(df))


def test_bs_knots_of_women_s_heights():
    # R: attr(bs(women$height, df = 5), "knots") is 62.66667 69.33333... over 58:72 at thirds.
    state, _ = evaluate(call("bs", X, df=number(5)), {"x": np.arange(58, 73)})
    np.testing.assert_allclose(state["learned"]["knots"], [62.0 + 2 / 3, 67.0 + 1 / 3])
    assert (state["learned"]["lower"], state["learned"]["upper"]) == (58.0, 72.0)


def test_bs_with_given_knots_continues_its_outer_pieces():
    node = call("bs", X, knots=Sequence((number(4), number(7))), lower=number(0), upper=number(12))
    state, factor = evaluate(node, {"x": ONE_TO_TEN})
    assert factor.values.shape == (10, 5)
    edge = read_frame({"x": [11.0, 12.0, 13.0, 14.0, 15.0]})
    beyond = factor_column(node, state, edge, "data").values
    # A cubic: fourth differences vanish across the boundary.
    np.testing.assert_allclose(np.diff(beyond, 4, axis=0), 0, atol=1e-9)


def test_scale_and_center():
    x = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(evaluate(call("scale", X), {"x": x})[1].values, (x - 3) / np.std(x, ddof=1))
    np.testing.assert_allclose(evaluate(call("center", X), {"x": x})[1].values, x - 3)


@pytest.mark.parametrize(
    "node",
    [
        call("scale", X),
        call("center", call("log", X)),
        call("poly", X, number(3)),
        call("bs", X, number(5)),
        call("scale", call("log", X)),
        call("log", X),
        call("I", Binary("**", X, number(2))),
        call("I", Binary("/", call("scale", X), Unary("-", Name("z", "z")))),
        call("C", call("I", Binary("*", Name("k", "k"), number(2)))),
        call("C", Name("k", "k"), reference=number(2)),
    ],
    ids=str,
)
def test_new_rows_use_what_was_learned(node):
    rng = np.random.default_rng(5)
    frame = read_frame({"x": rng.gamma(3, size=50), "z": rng.gamma(3, size=50), "k": [3, 1, 2, 1, 3] * 10})
    state = json.loads(json.dumps(learn_factor(node, frame, "formula 'f'")))
    whole = factor_column(node, state, frame, "formula 'f'")
    mask = np.arange(50) % 7 == 0
    some = factor_column(node, state, keep_rows(frame, mask), "formula 'f'")
    np.testing.assert_array_equal(some.values, whole.values[mask])
    assert some.labels == whole.labels


def test_arithmetic():
    data = {"x": [1.0, 4.0], "flag": [True, False]}
    minus = Binary("-", call("sqrt", X), number(3))
    np.testing.assert_allclose(evaluate(call("I", minus), data)[1].values, [-2, -1])
    np.testing.assert_allclose(evaluate(call("abs", minus), data)[1].values, [2, 1])
    product = Binary("*", Name("flag", "flag"), X)
    np.testing.assert_allclose(evaluate(call("I", product), data)[1].values, [1, 0])
    assert column_names(call("I", product)) == ("flag", "x")
    assert column_names(call("poly", X, raw=Name("True", "True"))) == ("x",)


def test_booleans_are_categories():
    _, factor = evaluate(Name("flag"), {"flag": [True, False, True]})
    assert factor.categorical
    assert factor.labels == (False, True)
    assert factor.values.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (call("log", X, source="log(x)"), "log(x): column 'x': the result is not a finite number in 2 of 3 rows"),
        (call("I", Binary("/", number(1), X, source="1 / x")), "1 / x: column 'x': the result is not a finite"),
        (call("sqrt", X), "not a finite number in 1 of 3 rows (the first is row 2)"),
        (call("I", Binary("**", X, number(0.5), source="x**0.5")), "x**0.5"),
        (call("exp", call("I", Binary("*", X, number(1000)))), "exp overflows"),
    ],
)
def test_results_that_are_not_numbers(node, message):
    with pytest.raises(DataError, match=r"^data: ") as raised:
        evaluate(node, {"x": [1.0, -1.0, 0.0]})
    assert message in str(raised.value)


FLAT = Name("flat", "flat")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (call("scale", FLAT, source="scale(flat)"), "formula 'f': scale(flat): column 'flat' is constant (every"),
        (call("center", FLAT), "column 'flat' is constant"),
        (call("bs", FLAT), "column 'flat' is constant"),
        (call("poly", FLAT), "column 'flat' has 1 different values, too few for degree 1"),
        (call("poly", X, number(2), number(3)), "one degree"),
        (call("poly", X, number(1.5)), "not 1.5"),
        (call("poly", X, number(0)), "whole number"),
        (call("poly", X, degre=number(2)), "unknown option 'degre'; did you mean 'degree'?"),
        (call("poly", X, raw=number(1)), "raw=1"),
        (call("bs", X, df=number(2)), "df=2 is too small for degree=3"),
        (call("bs", X, df=number(4), knots=number(2)), "df and knots"),
        (call("bs", X, knots=number(99)), "knot 99 is not between"),
        (call("bs", X, upper=number(2)), "runs from 1 to 5, beyond the boundary 1 to 2"),
        (call("bs", Name("two", "two"), df=number(9)), "column 'two' has 2 different values, too few for df=9"),
        (call("scale", X, number(2)), "takes one column"),
        (call("scale", Name("t", "t")), "column 't' holds text"),
        (call("log", Name("t", "t")), "column 't' holds text"),
        (call("C", Name("t", "t"), reference=Text("bb")), "not a level of 't'"),
        (call("C", Name("t", "t"), levels=Sequence((Text("b"),))), "leaves out 'a'"),
        (call("C", Name("t", "t"), levels=Sequence((Text("b"), Text("a"), Text("q")))), "'q', which no row"),
        (call("C", Name("t", "t"), levels=Sequence((Text("b"), Text("b")))), "twice"),
        (call("scale", call("poly", X, number(2))), "not one numeric column"),
        (call("scale", call("C", Name("t", "t"))), "not one numeric column"),
        (call("log", call("poly", X, number(2))), "not one numeric column"),
        (call("scale", number(2)), "names no column"),
        (call("I", number(2)), "names no column"),
        (call("scal", X), "unknown function 'scal'; did you mean 'scale'?"),
        (call("log", X, X), "takes one column"),
        (call("I", Binary(":", X, X, source="x:x")), "not arithmetic"),
        (Name("w"), "no column 'w' in the data"),
    ],
)
def test_what_the_formula_cannot_ask_for(node, message):
    data = {"x": [1.0, 2.0, 3.0, 5.0], "flat": [0.1] * 4, "t": list("abab"), "two": [0, 0, 0, 1]}
    with pytest.raises(FormulaError, match=r"^formula 'f': ") as raised:
        evaluate(node, data)
    assert message in str(raised.value)


def test_deep_nesting_is_an_error_of_ours():
    node = X
    for _ in range(50_000):
        node = Binary("+", node, X)
    with pytest.raises(FormulaError, match="nested too deeply"):
        learn_factor(call("I", node), read_frame({"x": [1.0]}), "formula 'f'")


def test_new_rows_of_another_kind():
    state = learn_factor(X, read_frame({"x": [1.0, 2.0]}), "formula 'f'")
    with pytest.raises(DataError, match="data: column 'x' holds text, but the model was fitted to numbers"):
        factor_column(X, state, read_frame({"x": ["a"]}), "formula 'f'")
    with pytest.raises(DataError, match="data: column 'x' has missing values in 1 of 2 rows"):
        factor_column(X, state, read_frame({"x": [1.0, None]}), "formula 'f'")
    node = call("scale", call("log", X))
    state = learn_factor(node, read_frame({"x": [1.0, 2.0]}), "formula 'f'")
    with pytest.raises(DataError, match="data: no column 'x' in the data"):
        factor_column(node, state, read_frame({"z": ["a"]}), "formula 'f'")


def test_columns_of_responses():
    frame = read_frame({"x": [1.0, 2.0]})
    found = evaluate_column(call("log", X, source="log(x)"), frame, "formula 'f'")
    assert found.name == "log(x)"
    np.testing.assert_allclose(found.values, np.log([1, 2]))
    with pytest.raises(FormulaError, match=r"scale\(\) cannot be used here"):
        evaluate_column(call("log", call("scale", X)), frame, "formula 'f'")
