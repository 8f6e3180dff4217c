"""Array columns: however they come, they are one column; and what they cannot be used for says so."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.context import FrameContext
from bayesdeep.design.frame import column, keep_rows, read_frame
from bayesdeep.design.missing import check_missing
from bayesdeep.formula.nodes import Name

IMAGES = np.arange(24.0).reshape(4, 2, 3)
SERIES = IMAGES[:, 0]


def name(text):
    return Name(text, text)


OF_IMAGES = {
    "dict": {"a": IMAGES},
    "lists": {"a": IMAGES.tolist()},
    "dataset": xr.Dataset({"a": (("obs", "row", "column"), IMAGES)}),
    "dataarray": {"a": xr.DataArray(IMAGES)},
    "pandas": pd.DataFrame({"a": IMAGES.tolist()}),
    "pandas arrays": pd.DataFrame({"a": list(IMAGES)}),
    "pandas arrow": pd.DataFrame({"a": pd.Series(IMAGES.tolist(), dtype=pd.ArrowDtype(pa.list_(pa.list_(pa.float64()))))}),
    "polars lists": pl.DataFrame({"a": IMAGES.tolist()}),
    "polars arrays": pl.DataFrame({"a": pl.Series(IMAGES.tolist(), dtype=pl.Array(pl.Float64, (2, 3)))}),
    "arrow": pa.table({"a": IMAGES.tolist()}),
    "arrow fixed": pa.table({"a": pa.array(IMAGES.tolist(), pa.list_(pa.list_(pa.float64(), 3), 2))}),
    "arrow chunks": pa.table({"a": pa.chunked_array([IMAGES[:1].tolist(), IMAGES[1:].tolist()])}),
    "arrow large": pa.table({"a": pa.array(IMAGES.tolist(), pa.large_list(pa.large_list(pa.float64())))}),
}


@pytest.mark.parametrize("kind", OF_IMAGES)
def test_images_are_one_column_whatever_they_come_in(kind):
    found = read_frame(OF_IMAGES[kind]).columns["a"]
    assert (found.kind, found.shape, found.levels, found.missing) == ("array", (2, 3), None, None)
    np.testing.assert_array_equal(found.values, IMAGES)
    assert found.values.dtype == np.float64
    assert not found.values.flags.writeable


@pytest.mark.parametrize(
    ("given", "kept"),
    [("u1", "f4"), ("i2", "f4"), ("f2", "f4"), ("f4", "f4"), ("?", "f4"), ("i4", "f8"), ("i8", "f8"), ("f8", "f8")],
)
def test_small_numbers_are_kept_in_single_precision_exactly(given, kept):
    values = np.array([[0, 1], [1, 100]]).astype(given)
    found = read_frame({"a": values}).columns["a"]
    assert found.values.dtype == kept
    np.testing.assert_array_equal(found.values, values)


GAPS = [[1.0, 2.0], [3.0, None], None, [5.0, 6.0]]
OF_GAPS = {
    "dict": {"a": np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan], [5.0, 6.0]])},
    "lists": {"a": GAPS},
    "pandas": pd.DataFrame({"a": GAPS}),
    "polars": pl.DataFrame({"a": GAPS}),
    "polars arrays": pl.DataFrame({"a": pl.Series(GAPS, dtype=pl.Array(pl.Float64, 2))}),
    "whole": pl.DataFrame({"a": [[1, 2], [3, None], None, [5, 6]]}),
    "arrow": pa.table({"a": GAPS}),
    "arrow fixed": pa.table({"a": pa.array(GAPS, pa.list_(pa.float64(), 2))}),
    "slice": pa.table({"a": [[9.0, 9.0], *GAPS]}).slice(1),
}


@pytest.mark.parametrize("kind", OF_GAPS)
def test_a_gap_inside_is_a_missing_row(kind):
    frame = read_frame(OF_GAPS[kind])
    found = frame.columns["a"]
    assert found.kind == "array"
    assert found.missing.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(found.values[[0, 3]], [[1, 2], [5, 6]])
    with pytest.raises(DataError, match=r"2 of 4 rows have missing values: a 2"):
        check_missing(frame, ["a"])
    kept, dropped, _ = check_missing(frame, ["a"], "drop")
    assert dropped == 2
    assert kept.columns["a"].missing is None
    np.testing.assert_array_equal(kept.columns["a"].values, [[1, 2], [5, 6]])


def test_infinite_numbers_are_counted_by_row():
    with pytest.raises(DataError, match=r"1 of 2 rows has infinite values: a 1|1 of 2 rows have infinite values: a 1"):
        check_missing(read_frame({"a": np.array([[1.0, np.inf], [0.0, 1.0]])}), ["a"])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([[1.0], [2.0, 3.0]], "lists of 1 to 2 values"),
        ([["a"], ["b"]], "lists that are not all of numbers"),
        (np.array([["a"], ["b"]]), r"arrays of shape \(1,\) that are not numbers"),
        (pa.array([[1.0], [2.0, 3.0]]), "lists of 1 to 2 values"),
        ([[[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0]]], "lists that are not all of numbers and of one shape"),
    ],
    ids=str,
)
def test_what_is_no_array_column_says_what_it_is_where_it_is_used(values, text):
    frame = read_frame({"a": values, "x": [1.0, 2.0]})
    assert column(frame, "x", "data").kind == "number"
    with pytest.raises(DataError, match=text):
        column(frame, "a", "data")


def test_rows_of_a_frame_are_rows_of_its_arrays():
    kept = keep_rows(read_frame({"a": IMAGES}), np.array([True, False, False, True])).columns["a"]
    np.testing.assert_array_equal(kept.values, IMAGES[[0, 3]])


DATA = {"y": [0.0, 1.0, 3.0, 2.0], "x": [1.0, 2.0, 4.0, 3.0], "image": IMAGES, "g": list("abab")}


@pytest.mark.parametrize(
    "formula",
    ["y ~ image", "y ~ x + log(image)", "y ~ C(image)", "y ~ (1 | image)", "y ~ (image | g)", "y ~ net(image)",
     "y ~ offset(image)", "y ~ scale(image)", "y ~ I(image + 1)", "weighted(y, image) ~ x", "y ~ . - g",
     "truncated(y, image) ~ x", "y ~ net(embed(image, 2))"],
)  # fmt: skip
def test_an_array_is_no_number_and_no_category(formula):
    with pytest.raises((FormulaError, DataError), match=r"^formula.*column 'image' is an array of shape \(2, 3\) a row"):
        bd.Model(formula, DATA)
    with pytest.raises(DataError, match=r"^data.*column 'image' is an array of shape \(2, 3\) a row"):
        bd.Model("y ~ x", DATA, sigma=bd.known("image"))


def test_an_array_with_two_axes_a_row_is_no_response():
    with pytest.raises(DataError, match=r"'image' is an array of shape \(2, 3\) a row; as a response it is one number a column"):
        bd.Model("image ~ x", DATA)


def test_an_array_of_new_rows_is_no_number():
    fit = bd.Model("y ~ x", {**DATA, "y": [0.0, 1.5, 3.0, 1.0]}).fit(draws=20, chains=2, seed=1, progress=False)
    with pytest.raises(DataError, match=r"^data: column 'x' is an array of shape \(2,\) a row"):
        fit.predict({"x": np.ones((3, 2))})


def test_terms_ask_for_arrays():
    context = FrameContext(read_frame(DATA), "formula 'y ~ t(image)'")
    np.testing.assert_array_equal(context.array(name("image")), IMAGES)
    with pytest.raises(FormulaError, match="column 'x' holds one value a row"):
        context.array(name("x"))
    with pytest.raises(FormulaError, match="no column 'imag' in the data; did you mean 'image'"):
        context.array(name("imag"))
    gaps = FrameContext(read_frame({"image": [[1.0, None], [1.0, 2.0]]}), "data")
    with pytest.raises(DataError, match="column 'image' has missing values in 1 of 2 rows"):
        gaps.array(name("image"))


def dataset():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {"y": ("obs", rng.normal(size=30)), "x": ("obs", rng.normal(size=30)), "image": (("obs", "p"), rng.normal(size=(30, 5)))},
        coords={"obs": [f"row {i}" for i in range(30)], "g": ("obs", rng.choice(list("abc"), 30)), "p": np.arange(5)},
    )


def test_a_dataset_is_the_frame_of_its_variables():
    d = dataset()
    frame = read_frame(d)
    assert list(frame.columns) == ["y", "x", "image", "g"]
    assert frame.index.tolist() == d.obs.values.tolist()
    assert read_frame(d.drop_vars("obs")).index is None
    table = d[["y", "x"]].to_dataframe()
    ours = bd.Model("y ~ x + (1 | g)", d).fit(draws=50, chains=2, seed=1, progress=False)
    theirs = bd.Model("y ~ x + (1 | g)", table).fit(draws=50, chains=2, seed=1, progress=False)
    assert ours.model.spec.to_json() == theirs.model.spec.to_json()
    new = ours.predict(d.isel(obs=[3, 4]), seed=2)
    assert new.index.tolist() == ["row 3", "row 4"]
    pd.testing.assert_frame_equal(new, theirs.predict(table.iloc[[3, 4]], seed=2), check_names=False)


def test_a_dataset_of_other_dimensions_is_refused():
    d = dataset()
    with pytest.raises(DataError, match=r"variable 'image' of the Dataset has the dimensions \(p, obs\)"):
        read_frame(d.transpose())
    with pytest.raises(DataError, match=r"variable 'beside' of the Dataset has the dimensions \(p\)"):
        read_frame(d.assign(beside=("p", np.ones(5))))
