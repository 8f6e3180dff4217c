"""Densities of an expression as densities of its column: slopes against differences, and what has none."""

import numpy as np
import pytest
from scipy import stats

from bayesdeep.design.arithmetic import FUNCTIONS, OPERATORS, PARTIALS
from bayesdeep.design.frame import read_frame
from bayesdeep.design.responses import read_response
from bayesdeep.formula.parser import parse
from bayesdeep.formula.vocabulary import OF_SEVERAL

Y = np.array([0.3, 1.0, 2.5, 7.0])
ONE_COLUMN = [
    "log(y)",
    "sqrt(y)",
    "exp(y)",
    "abs(y)",
    "I(y / 10)",
    "I(10 / y)",
    "I(3 - 2 * y)",
    "I(-y)",
    "I(+y)",
    "I(y ** 2)",
    "I(y ** 0.3)",
    "I(2 ** y)",
    "I(y ** y + 3 * y)",
    "log(y + 1)",
    "sqrt(exp(y) * log(y + 2))",
    "I(y - y / 4)",
]


def read(left: str, **columns):
    return read_response(parse(f"{left} ~ x").response, read_frame({"y": Y, **columns}), "formula")


def test_everything_that_can_be_written_has_derivatives():
    assert set(PARTIALS) == {(name, 1) for name in set(FUNCTIONS) - OF_SEVERAL} | set(OPERATORS)


@pytest.mark.parametrize("left", ONE_COLUMN)
def test_the_slope_is_the_derivative(left):
    step = 1e-6
    difference = (read(left, y=Y + step).value - read(left, y=Y - step).value) / (2 * step)
    np.testing.assert_allclose(np.exp(read(left).log_slope), np.abs(difference), rtol=1e-6)


@pytest.mark.parametrize("wrapper", ["weighted({}, w)", "censored({}, s)", "truncated({}, -99, 99)"])
def test_response_functions_keep_the_slope_of_what_is_inside(wrapper):
    found = read(wrapper.format("log(y)"), w=np.ones(4), s=["none", "left", "none", "right"])
    np.testing.assert_allclose(found.log_slope, -np.log(Y))


def test_a_column_has_none_and_differences_of_columns_have_one():
    assert read("y").log_slope is None
    np.testing.assert_array_equal(read("I(y - z)", z=np.ones(4)).log_slope, np.zeros(4))


@pytest.mark.parametrize(
    ("left", "y"),
    [
        ("abs(y)", [-1.0, 2.0]),
        ("I(y ** 2)", [-1.0, 2.0]),
        ("I(y ** 2)", [0.0, 2.0]),
        ("sqrt(y)", [0.0, 2.0]),
        ("I(y / n)", [1.0, 2.0]),
        ("I(y * 0)", [1.0, 2.0]),
    ],
)
def test_where_no_density_of_one_column_follows_there_is_none(left, y):
    assert read(left, y=y, n=[2.0, 3.0]).log_slope is None


def test_a_normal_density_of_the_logarithm_is_the_lognormal_one():
    found = read("log(y)")
    np.testing.assert_allclose(
        stats.norm(0.2, 0.7).logpdf(found.value) + found.log_slope, stats.lognorm(0.7, scale=np.exp(0.2)).logpdf(Y)
    )
