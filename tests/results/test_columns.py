"""Columns are kept as they were, with some of the rows and through a file."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.design.frame import read_frame
from bayesdeep.results.data_columns import columns_dataset, columns_from, taken


def columns():
    frame = pd.DataFrame(
        {
            "x": [0.5, 1.5, -2.0],
            "whole": [3, 1, 2],
            "obs": ["b", "a", "b"],
            "a/b": pd.Categorical(["lo", "hi", "lo"], ["lo", "hi"], ordered=True),
            "grade": pd.Categorical([2, 1, 2]),
            "yes": [True, False, True],
        }
    )
    return dict(read_frame(frame).columns)


def test_round_trip(tmp_path):
    before = columns()
    columns_dataset(before, 3).to_netcdf(tmp_path / "columns.nc", engine="h5netcdf")
    import xarray as xr

    after = columns_from(xr.load_dataset(tmp_path / "columns.nc", engine="h5netcdf"))
    assert list(after) == list(before)
    for name, column in before.items():
        assert (after[name].kind, after[name].levels, after[name].ordered) == (column.kind, column.levels, column.ordered)
        assert after[name].values.dtype == column.values.dtype
        assert np.array_equal(after[name].values, column.values)


def test_some_rows_keep_all_levels():
    found = taken(columns(), np.array([0, 0]))
    assert found["obs"].levels == ("a", "b")
    assert found["x"].values.tolist() == [0.5, 0.5]


def test_a_saved_fit_has_its_columns(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(size=40), "x": rng.normal(size=40), "g": np.arange(40) % 4, "unused": 1.0})
    fit = bd.Model("y ~ log(I(x**2)) + (1 | g)", frame).fit(draws=20, chains=2, seed=1, progress=False)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    assert list(again.rows.columns) == ["y", "x", "g"]
    assert np.array_equal(again.rows.columns["x"].values, frame["x"])
    assert again.rows.take(np.arange(3)).columns["g"].values.tolist() == [0, 1, 2]


def test_rows_left_out_are_not_kept():
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0], "x": [1.0, None, 2.0, 0.5]})
    with pytest.warns(UserWarning, match="left out 1"):
        model = bd.Model("y ~ x", frame, missing="drop")
    assert model.__dict__["_rows"].columns["y"].values.tolist() == [1.0, 3.0, 4.0]
