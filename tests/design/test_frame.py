"""Every kind of data frame gives the same Frame."""

import time
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.frame import column, keep_rows, read_frame

DICT = {
    "i": [3, 1, 2, 1],
    "f": [1.5, None, -2.0, 0.0],
    "b": [True, False, False, True],
    "t": ["x", None, "w", "x"],
}
MAKERS = {
    "dict": lambda d: d,
    "arrays": lambda d: {k: np.array(v, dtype=object if None in v else None) for k, v in d.items()},
    "pandas": pd.DataFrame,
    "nullable": lambda d: pd.DataFrame(d).convert_dtypes(),
    "arrow_backed": lambda d: pd.DataFrame(d).convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda d: pd.DataFrame(d, dtype=object),
    "polars": pl.DataFrame,
    "arrow": pa.table,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_all_kinds_of_input_are_one_frame(kind):
    frame = read_frame(MAKERS[kind](DICT))
    assert frame.rows == 4
    assert list(frame.columns) == ["i", "f", "b", "t"]
    whole, real, truth, text = (frame.columns[name] for name in "ifbt")
    assert (whole.kind, real.kind, truth.kind, text.kind) == ("number", "number", "bool", "text")
    assert whole.values.dtype == np.int64
    assert whole.values.tolist() == [3, 1, 2, 1]
    assert whole.missing is None
    np.testing.assert_array_equal(real.values, [1.5, np.nan, -2.0, 0.0])
    assert real.values.dtype == np.float64
    assert real.missing.tolist() == [False, True, False, False]
    assert truth.values.dtype == bool
    assert truth.values.tolist() == DICT["b"]
    assert text.levels == ("w", "x")
    assert text.values.tolist() == [1, -1, 0, 1]
    assert text.values.dtype == np.int64
    assert text.missing.tolist() == [False, True, False, False]
    assert not text.ordered
    assert not whole.values.flags.writeable


CATEGORIES = pd.Categorical(["b", None, "a", "b"], ["z", "b", "a"], ordered=True)


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"c": CATEGORIES}),
        pa.Table.from_pandas(pd.DataFrame({"c": CATEGORIES})),
        pl.DataFrame({"c": pl.Series(["b", None, "a", "b"], dtype=pl.Enum(["z", "b", "a"]))}),
        {"c": pd.Series(CATEGORIES)},
    ],
    ids=["pandas", "arrow", "polars", "dict"],
)
def test_categories_keep_their_order_without_unused_levels(data):
    found = read_frame(data).columns["c"]
    assert found.kind == "category"
    assert found.ordered
    assert found.levels == ("b", "a")
    assert found.values.tolist() == [0, -1, 1, 0]
    assert found.missing.tolist() == [False, True, False, False]
    assert found.declared == ("z", "b", "a")
    kept = keep_rows(read_frame(data), np.array([True, False, False, True])).columns["c"]
    assert (kept.levels, kept.declared) == (("b",), ("z", "b", "a"))


def test_text_declares_nothing():
    frame = keep_rows(read_frame({"c": ["b", "a", "b"]}), np.array([True, False, True]))
    assert (frame.columns["c"].levels, frame.columns["c"].declared) == (("b",), None)


def test_unordered_categories_of_polars_are_sorted():
    series = pl.Series(["b", None, "a"], dtype=pl.Categorical)
    found = read_frame(pl.DataFrame({"c": series})).columns["c"]
    assert found.levels == ("a", "b")
    assert found.values.tolist() == [1, -1, 0]


def test_categories_that_are_not_text():
    bins = pd.cut(pd.Series([1.0, 5.0, 9.0]), [0, 4, 10])
    frame = read_frame(pd.DataFrame({"bins": bins, "years": pd.Categorical([2001, 1999, 2001])}))
    assert frame.columns["bins"].levels == ("(0, 4]", "(4, 10]")
    assert frame.columns["years"].levels == (1999, 2001)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (np.array([1.5, 2.5], dtype=np.float32), np.float64, [1.5, 2.5]),
        (np.array([1.5, 2.5], dtype=np.float16), np.float64, [1.5, 2.5]),
        (np.array([1, 255], dtype=np.uint8), np.int64, [1, 255]),
        (np.array([1.5, 2.5], dtype=">f8"), np.float64, [1.5, 2.5]),
        ([Decimal("1.25"), Decimal(2)], np.float64, [1.25, 2.0]),
        (pa.array([Decimal("1.25"), Decimal("2.00")]), np.float64, [1.25, 2.0]),
        (pd.Series([1, 2], dtype="Int64"), np.int64, [1, 2]),
        (range(2), np.int64, [0, 1]),
        ((0, 1), np.int64, [0, 1]),
    ],
)
def test_numbers(values, dtype, expected):
    found = read_frame({"x": values}).columns["x"]
    assert found.kind == "number"
    assert found.values.dtype == dtype
    assert found.values.tolist() == expected


def test_whole_numbers_with_gaps():
    big = 2**60
    frame = read_frame(pl.DataFrame({"i": [1, None, 3], "id": [big, None, big + 1]}))
    np.testing.assert_array_equal(frame.columns["i"].values, [1, np.nan, 3])
    assert frame.columns["id"].values[[0, 2]].tolist() == [big, big + 1]
    assert frame.columns["id"].missing.tolist() == [False, True, False]


@pytest.mark.parametrize("data", [{"x": [None, None]}, pl.DataFrame({"x": [None, None]}), pa.table({"x": [None] * 2})])
def test_a_column_without_values(data):
    found = read_frame(data).columns["x"]
    assert found.missing.all()


@pytest.mark.parametrize(
    "values", [pd.date_range("2024-01-01", periods=2), [[1], [2, 3]], ["a", 1], np.array([1j, 2]), [b"x", b"y"]]
)
def test_other_columns_are_an_error_only_when_used(values):
    frame = read_frame({"when": values, "x": [1, 2]})
    assert column(frame, "x", "formula 'y ~ x'").kind == "number"
    assert frame.columns["when"].kind == "other"
    with pytest.raises(DataError, match=r"^data: column 'when' holds .*turn it into"):
        column(frame, "when", "formula 'y ~ when'")


def test_the_users_array_is_neither_locked_nor_shared():
    mine = np.array([1.0, 2.0])
    found = read_frame({"x": mine}).columns["x"]
    mine[0] = 9.0
    assert found.values.tolist() == [1.0, 2.0]


def test_columns_are_converted_when_asked_for():
    class Touchy(list):
        def __iter__(self):
            raise AssertionError("converted")

    frame = read_frame({"x": [1, 2], "unused": Touchy([1, 2])})
    assert "unused" in frame.columns
    assert frame.columns["x"].values.tolist() == [1, 2]
    assert frame.columns["x"] is frame.columns["x"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no columns"),
        ({"x": []}, "no rows"),
        (pd.DataFrame({"x": []}), "no rows"),
        ({"x": 3.0}, "column 'x' is one float"),
        ({"x": "text"}, "column 'x' is one str"),
        ({"x": {1, 2}}, "column 'x' is one set"),
        ({"x": np.float64(1)}, "column 'x' is one float64"),
        ({"x": [1, 2], "z": [1]}, "column 'z' has 1 values, but column 'x' has 2"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "more than one column is called 'x'"),
        (pa.table([[1], [2]], names=["x", "x"]), "more than one column is called 'x'"),
        ({1: [1], "1": [2]}, "more than one column is called '1'"),
        ("file.csv", "expected a pandas"),
        (None, "expected a pandas"),
        (pd.Series([1, 2]), "expected a pandas"),
        (np.ones((2, 2)), "expected a pandas"),
        (pl.LazyFrame({"x": [1]}), "data.collect()"),
    ],
)
def test_what_is_not_a_data_frame(data, message):
    with pytest.raises(DataError, match=r"^data: ") as raised:
        read_frame(data)
    assert message in str(raised.value)


def test_names_that_are_not_there():
    frame = read_frame({"y": [1], "x": [1], "school": ["a"]})
    where = "formula 'y ~ x + (1 | schol)'"
    with pytest.raises(FormulaError) as raised:
        column(frame, "schol", where)
    assert str(raised.value) == f"{where}: no column 'schol' in the data; did you mean 'school'?"
    with pytest.raises(DataError, match="data: no column 'z' in the data; there are: y, x, school"):
        column(frame, "z", "data")


def test_names_of_pandas_columns_become_text_and_the_index_is_kept():
    frame = read_frame(pd.DataFrame({0: [1, 2, 3]}, index=["a", "b", "c"]))
    assert frame.columns["0"].values.tolist() == [1, 2, 3]
    kept = keep_rows(frame, np.array([True, False, True]))
    assert list(kept.index) == ["a", "c"]


def test_keep_rows_drops_levels_and_masks():
    frame = read_frame({"t": ["c", None, "a", "b"], "x": [1.0, 2.0, None, 3.0]})
    kept = keep_rows(frame, np.array([True, False, False, True]))
    assert kept.rows == 2
    assert kept.columns["t"].levels == ("b", "c")
    assert kept.columns["t"].values.tolist() == [1, 0]
    assert kept.columns["t"].missing is None
    assert kept.columns["x"].missing is None
    some = keep_rows(frame, np.array([False, True, True, False]))
    assert some.columns["t"].values.tolist() == [-1, 0]
    assert some.columns["t"].missing.tolist() == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_million_rows_of_text(make):
    draws = np.random.default_rng(1).integers(0, 100_000, 1_000_000)
    data = make({"t": [f"level {i}" for i in draws]})
    start = time.perf_counter()
    found = read_frame(data).columns["t"]
    assert time.perf_counter() - start < 2
    assert [found.levels[code] for code in found.values[:50]] == [f"level {i}" for i in draws[:50]]
