"""Columns of numbers with a stray text among them, and what a model says of terms that its rows say little about."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.design.convert import to_column
from bayesdeep.design.numeric_as_text import reads_as_number, stray_cell, written_numbers

ROWS = 60
STRAYS = (
    "n/a ", "1,5", "\N{NO-BREAK SPACE}0.5", "\N{MINUS SIGN}1", "\N{ARABIC-INDIC DIGIT ONE}",
    "?", " - ", "<3", "NaN", "inf", "1_000", "12 cm", "",
)


def data(stray: str = "?", row: int = 41) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    x = [f"{value:.3f}" for value in rng.normal(size=ROWS)]
    x[row] = stray
    return {
        "y": rng.normal(size=ROWS), "x": x, "u": rng.normal(size=ROWS), "g": list("abcdef") * 10,
        "s": [str(1 + i // 20) for i in range(ROWS)], "k": np.full(ROWS, 3.0), "h": [f"h{i}" for i in range(ROWS)],
    }


NUMERIC = [name for name in TRANSFORMS if not TRANSFORMS[name].categorical]
READ = (
    "y ~ x", "y ~ u + x", "y ~ u:x", "y ~ u*x", "y ~ 0 + x", "y ~ log(x)", "y ~ I(x + 1)", "y ~ (x | g)", "y ~ (0 + x | g)",
    "y ~ offset(x)", "y ~ net(x)", "y ~ net(u, x, embed(g, 2))", "y ~ (net(x) | g)", "x ~ u", "log(x) ~ u", "weighted(y, x) ~ u",
    "truncated(y, lb=x) ~ u", "y ~ .", *(f"y ~ {name}(x)" for name in NUMERIC),
)
TAKEN = ("y ~ C(x)", "y ~ (1 | x)", "y ~ (u | x)", "y ~ (1 | g:x)", "y ~ net(u, embed(x, 2))", "y ~ (net(u) | x)")


@pytest.mark.parametrize("stray", STRAYS)
def test_one_stray_cell_is_named(stray: str) -> None:
    for rows in (data(stray), pd.DataFrame(data(stray)), pl.DataFrame(data(stray))):
        with pytest.raises(bd.DataError) as caught:
            bd.Model("y ~ x", rows)
        assert f"column 'x' has text {stray!r} in row 42, otherwise numbers" in str(caught.value)


@pytest.mark.parametrize("formula", READ)
def test_wherever_a_number_would_be_read(formula: str) -> None:
    with pytest.raises(bd.DataError, match="column 'x' has text '\\?' in row 42, otherwise numbers"):
        bd.Model(formula, data())


@pytest.mark.parametrize("options", [{"sigma": "~ x"}, {"sigma": "~ (x | g)"}, {"sigma": bd.known("x")}])
def test_also_in_other_parameters(options: Mapping[str, Any]) -> None:
    with pytest.raises(bd.DataError, match="column 'x' has text '\\?' in row 42, otherwise numbers"):
        bd.Model("y ~ u", data(), **options)


@pytest.mark.parametrize("family", ["categorical", "bernoulli", "cumulative", "poisson"])
def test_also_as_the_response_of_any_family(family: str) -> None:
    rows = data() | {"s": [*(["1", "2"] * 29), "1", "?"]}
    with pytest.raises(bd.DataError, match="column 's' has text '\\?' in row 60, otherwise numbers"):
        bd.Model("s ~ u", rows, family)


@pytest.mark.parametrize("formula", TAKEN)
def test_where_text_is_asked_for_it_is_taken(formula: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        bd.Model(formula, data())


def test_rows_have_the_numbers_the_user_knows() -> None:
    """Rows that missing values take out count."""
    rows = data() | {"u": np.where(np.arange(ROWS) < 7, np.nan, 1.0 * np.arange(ROWS))}
    with pytest.raises(bd.DataError, match="in row 42"):
        bd.Model("y ~ u + x", rows, missing="drop")


def test_several_stray_cells_are_counted() -> None:
    rows = data()
    rows["x"][5] = rows["x"][50] = "n/a "
    with pytest.raises(bd.DataError, match=r"has text 'n/a ' in row 6 \(and in 2 other rows\)"):
        bd.Model("y ~ x", rows)


def test_numbers_and_text_as_objects() -> None:
    mixed: list[Any] = [1.5 * i for i in range(ROWS)]
    mixed[9] = "n/a "
    with pytest.raises(bd.DataError, match=r"'x' holds values of type float and str \('n/a ' in row 10\)"):
        bd.Model("y ~ x", data() | {"x": mixed})


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"] * 5,
        ["1", "2"] * 5,  # all of them numbers: codes that someone made text
        ["4", "6", "8", "rotary"] * 5,
        ["1", "2", "3", "4", "five"] * 4,
        ["1st", "2nd"] * 5,
    ],
)
def test_text_is_text(values: list[str]) -> None:
    assert stray_cell(to_column("x", values)) is None
    assert bd.Model("y ~ x", {"y": np.arange(float(len(values))), "x": values}).spec.predictors


def test_many_numbers_are_measurements_however_many_cells_are_not() -> None:
    values = [*(str(i / 7) for i in range(30)), *("n/a ",) * 20]
    assert stray_cell(to_column("x", values)) == (30, "n/a ", 19)
    few = [*(str(i % 7) for i in range(30)), *("n/a ",) * 20]
    assert stray_cell(to_column("x", few)) is None


def test_half_of_a_few_rows_are_enough_where_each_number_is_another() -> None:
    values = [*(str(i / 7) for i in range(6)), *("?",) * 6]
    assert stray_cell(to_column("x", values)) == (6, "?", 5)
    assert stray_cell(to_column("x", [*("0.5", "1", "2", "4", "8") * 3, *("control",) * 6])) is None, "doses are categories"


WRITTEN = (
    "{}.5", "{},5", "{}.5%", "{} %", "$ {}.5", "{},5 €", "-{},5", "\N{MINUS SIGN}{}.5", "1.250.{}", "1,{}.5",
    "1\N{NARROW NO-BREAK SPACE}{}", "1'250'{},75",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_text_that_reads_as_measurements_is_refused(text: str) -> None:
    values = [text.format(100 + 7 * i) for i in range(30)] * 2
    rows = data() | {"x": values}
    for formula in ("y ~ x", "y ~ u * x", "y ~ (x | g)", "y ~ net(x)", "x ~ u"):
        with pytest.raises(bd.DataError, match="column 'x' is text that reads as numbers, such as") as caught:
            bd.Model(formula, rows)
        assert repr(values[0]) in str(caught.value)
    for formula in TAKEN:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            bd.Model(formula, rows)


@pytest.mark.parametrize(
    "values",
    [
        [f"{i:03d}" for i in range(40)],  # codes
        [f"{i % 7}.5" for i in range(40)],  # a few doses
        [f"{i},{i}" for i in "abcdefghijklmnopqrstuvwxyz"],
        [f"{i}.{i}.{i}" for i in range(40)],  # versions
        [f"2020-01-{i:02d}" for i in range(1, 29)],
        ["%", "$", ".", ","],
    ],
)
def test_text_that_only_looks_like_it_is_text(values: list[str]) -> None:
    assert written_numbers(to_column("x", values)) is None
    assert stray_cell(to_column("x", values)) is None


@pytest.mark.parametrize("categories", [pd.Categorical, pd.Series])
def test_declared_categories_are_taken_as_they_are(categories: Any) -> None:
    values = ["1", "2"] * 29 + ["1", "?"]
    found = stray_cell(to_column("x", categories(values)))
    assert found == (None if categories is pd.Categorical else (59, "?", 0))


def test_what_reads_as_a_number() -> None:
    assert all(map(reads_as_number, ("1", "-1.5", " 2 ", "1e-3", "+.5")))
    assert not any(map(reads_as_number, ("", "1,5", "nan", "inf", "1_0", "0x1", "one")))


@pytest.mark.integration
def test_new_rows_with_a_stray_cell_name_it(made_up: Any) -> None:
    fit = made_up(bd.Model("y ~ u", data()))
    new = ["1.5"] * 20
    new[3] = "?"
    with pytest.raises(bd.DataError, match=r"column 'u' holds text \('\?' in row 4, otherwise numbers\)"):
        fit.predict({"u": new})


def doubts(formula: str, rows: Mapping[str, Any], **options: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bd.Model(formula, rows, **options)
    assert all(w.category is UserWarning and w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


@pytest.mark.parametrize("formula", ["y ~ h", "y ~ C(u)", "y ~ u + h", "y ~ u:h", "y ~ (0 + h | g)", "y ~ net(h)"])
def test_as_many_levels_as_rows(formula: str) -> None:
    (text,) = doubts(formula, data())
    assert "coefficients, one for a level, in 60 rows" in text
    assert doubts("y ~ u", data(), sigma="~ h")[0].startswith("formula of sigma '~ h': 'h' has 59 coefficients")


@pytest.mark.parametrize("formula", ["y ~ g", "y ~ (1 | h)", "y ~ net(u, embed(h, 2))", "y ~ u*g", "y ~ g:s", "y ~ g*s"])
def test_few_levels_and_groups_are_as_they_should_be(formula: str) -> None:
    assert doubts(formula, data()) == []


def test_most_cells_of_an_interaction_without_rows() -> None:
    rng = np.random.default_rng(1)
    rows = {"y": rng.normal(size=40), "a": [f"a{i % 8}" for i in range(40)], "b": [f"b{(i % 8) // 2}" for i in range(40)]}
    (text,) = doubts("y ~ a*b", rows)
    assert text.startswith("formula 'y ~ a*b': 'a:b' has 21 coefficients, and for 15 of them no row has")
    (text,) = doubts("y ~ 0 + a:b", rows)
    assert "'a:b' has 32 coefficients, and for 24 of them no row has" in text
    rows["b"] = [f"b{i // 10}" for i in range(40)]  # all cells have rows
    assert doubts("y ~ a*b", rows) == []


@pytest.mark.parametrize("value", [3.0, 0.0, 0.1, -1e9, 1e-12, 5, True])
def test_a_second_intercept_is_named(value: float) -> None:
    rows = data() | {"k": np.full(ROWS, value)}
    if value is True:
        with pytest.raises(bd.FormulaError, match="'k' has only one level"):
            bd.Model("y ~ u + k", rows)
        return
    for formula in ("y ~ k", "y ~ u + k", "y ~ I(k * 2)", "y ~ u + (k | g)"):
        (text,) = doubts(formula, rows)
        assert "is constant (every value is" in text
    assert doubts("y ~ 0 + k", rows) == doubts("y ~ u + (0 + k | g)", rows) == []
    assert doubts("y ~ net(u, k)", rows) == [], "networks centre their inputs"


def test_what_varies_is_no_second_intercept() -> None:
    for values in (1e9 + np.arange(ROWS), np.arange(ROWS) == 3, 1e-9 * np.arange(ROWS)):
        assert doubts("y ~ k", data() | {"k": np.asarray(values, dtype=float)}) == []


def test_rows_on_disk_say_the_same(tmp_path: Any) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame(data("1.0")).to_parquet(path)
    for formula in ("y ~ u + k", "y ~ u + h"):
        assert doubts(formula, str(path)) == doubts(formula, data())  # type: ignore[arg-type]
    pd.DataFrame(data()).to_parquet(path)
    with pytest.raises(bd.DataError, match="column 'x' has text '\\?' in row 42, otherwise numbers"):
        bd.Model("y ~ u + x", str(path))
