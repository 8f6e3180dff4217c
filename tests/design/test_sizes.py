"""No number in a formula fills the memory: what is too large is refused before anything of that size is made."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.design import factors
from bayesdeep.transforms._sizes import MOST_COLUMNS

ROWS = 3_000
ODD = ("1000000000", f"1{'0' * 30}", "2000", "0", "-1", "-1000000000", "2.5", "1e300", "True", "None", "[1, 2]", "[]")
TEXTS = ("'a'", "['a', 1]", "[[1], 2]", "[True]")


def data() -> dict[str, Any]:
    x = np.random.default_rng(2).normal(size=ROWS)
    return {"y": x, "x": np.sort(x), "k": np.arange(ROWS) % 4, "g": np.array(list("abcd"))[np.arange(ROWS) % 4]}


def ways(name: str) -> list[str]:
    found = [f"{name}(x, {value})" for value in ODD if not value.startswith(("[", "T", "N"))]
    return found + [f"{name}(x, {option}={value})" for option in TRANSFORMS[name].options for value in (*ODD, *TEXTS)]


def widest(formula: str, rows: dict[str, Any]) -> int:
    """Return the number of columns of a model's widest matrix; 0 where the model is refused."""
    try:
        model = bd.Model(formula, rows)
    except bd.FormulaError:
        return 0
    return max((a.shape[1] for a in model.__dict__["_rows"].arrays.values() if a.ndim == 2), default=0)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_take_or_refuse_every_number(name: str) -> None:
    rows = data()
    bd.Model("y ~ x", rows)  # what is imported and learned once takes memory of its own
    tracemalloc.start()
    try:
        for text in ways(name):
            for formula in (f"y ~ {text}", f"y ~ (0 + {text} | g)", f"y ~ net({text}, hidden=[2])"):
                assert widest(formula, rows) <= MOST_COLUMNS
        assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("y ~ bs(x, df=1000000000)", "3000 different values, too few for df=1000000000"),
        ("y ~ bs(x, degree=1000000000)", "3000 different values, too few for degree=1000000000"),
        ("y ~ bs(x, df=1500)", "df=1500 would make 1,500 columns of 'x', more than the 1,000"),
        ("y ~ bs(k, df=4)", "column 'k' has 4 different values, too few for df=4"),
        ("y ~ bs(k, knots=[1, 2])", "column 'k' has 4 different values, too few for degree=3 and 2 knots"),
        ("y ~ poly(x, 1000000)", "3000 different values, too few for degree 1000000"),
        ("y ~ poly(x, 1001)", "degree 1001 would make 1,001 columns"),
        ("y ~ poly(k, 4)", "column 'k' has 4 different values, too few for degree 4"),
        ("y ~ net(x, hidden=[1000000000])", "hidden has a layer of 1000000000 units"),
        ("y ~ net(x, embed(g, 1000000000))", "a number of dimensions to 64"),
        ("y ~ net(x, hidden=[4096, 4096])", "16,785,408 weights"),
        ("y ~ bs(x, lower='a')", "lower='a' should be a number"),
        ("y ~ bs(x, upper=[1])", r"upper=\[1\] should be a number"),
        ("y ~ bs(x, knots=True)", "knots should be a list of numbers"),
    ],
)
def test_what_is_said(formula: str, text: str) -> None:
    with pytest.raises(bd.FormulaError, match=text):
        bd.Model(formula, data())


def test_knots_need_values_to_stand_between() -> None:
    rows = {"y": np.arange(20.0), "x": np.maximum(np.arange(20.0), 15.0)}
    with pytest.raises(bd.FormulaError, match="too many equal values to put 1 knots at its quantiles"):
        bd.Model("y ~ bs(x, 4)", rows)


def test_as_many_columns_as_values_can_tell_apart() -> None:
    assert bd.Model("y ~ bs(k, 3)", data()).priors.loc["bs(k, 3)", "prior"]
    assert bd.Model("y ~ poly(k, 3)", data()).priors.loc["poly(k, 3)", "prior"]


@pytest.mark.parametrize("formula", ["y ~ C(x)", "y ~ bs(x, 20)", "y ~ x + g:C(x)", "y ~ (0 + C(x) | g)", "y ~ g*bs(x, 10)"])
def test_matrices_that_no_memory_holds(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "MOST_NUMBERS", ROWS * 19)
    with pytest.raises(bd.FormulaError, match=r"would be a matrix of 3,000 rows and [\d,]+ columns"):
        bd.Model(formula, data())
