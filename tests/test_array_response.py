"""An array column on the left of a formula: as many responses, with names, rows and refusals of their own."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError


def arrays(rows: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=rows)
    noise = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=rows)
    return {"x": x, "y": np.stack([1 + x, 2 - x], axis=1) + noise}


def labelled(data: dict[str, np.ndarray]) -> xr.Dataset:
    variables = {"x": ("obs", data["x"]), "y": (("obs", "band"), data["y"])}
    return xr.Dataset(variables, coords={"band": ["red", "near ir"]})


@pytest.fixture(scope="module")
def fitted() -> Any:
    return bd.Model("y ~ x", labelled(arrays()), residual_correlation=True).fit(seed=1, draws=100, progress=False)


def test_an_array_is_mvbind_of_its_columns() -> None:
    data = arrays()
    apart = {"x": data["x"], "y_1": data["y"][:, 0], "y_2": data["y"][:, 1]}
    models = [
        bd.Model(formula, own, residual_correlation=True)
        for formula, own in (("y ~ x", data), ("mvbind(y_1, y_2) ~ x", apart))
    ]
    assert str(models[0].spec) == str(models[1].spec)
    for one, other in zip(models[0]._rows.each, models[1]._rows.each, strict=True):
        assert np.array_equal(one.response.value, other.response.value)
    frame = pd.DataFrame({"x": data["x"], "y": list(data["y"])})
    assert bd.Model(["y ~ x", "x ~ 1"], frame).spec.names == ("y_1", "y_2", "x")
    given = bd.Model("y ~ x", frame, family={"y": "student_t"}, sigma={"y_2": "~ x"})
    assert [one.family for one in given.spec.responses] == ["student_t", "student_t"]
    assert [list(one.formulas) for one in given.spec.responses] == [["mu"], ["mu", "sigma"]]


def test_new_rows_bring_the_array_or_its_columns_or_none(fitted: Any, tmp_path: Path) -> None:
    assert fitted.spec.names == ("y_red", "y_near ir")
    data = arrays()
    rows = labelled(data).isel(obs=slice(5))
    expected = fitted.log_score(rows, pointwise=True)
    columns = {"x": data["x"][:5], "y_red": data["y"][:5, 0], "y_near ir": data["y"][:5, 1]}
    fitted.save(tmp_path / "fit.nc")
    for fit, own in (
        (fitted, rows.isel(band=[1, 0])),
        (fitted, {"x": data["x"][:5], "y": data["y"][:5]}),
        (fitted, columns),
        (bd.load(tmp_path / "fit.nc"), rows.isel(band=[1, 0])),
    ):
        assert fit.log_score(own, pointwise=True) == pytest.approx(expected)
    alone = fitted["y_near ir"]
    assert alone.log_score(rows) == pytest.approx(alone.log_score(columns))
    assert fitted.predict(rows).equals(fitted.predict({"x": data["x"][:5]}))


def test_refuses_rows_that_are_no_such_array(fitted: Any) -> None:
    data = arrays(6)
    for own, words in (
        ({**data, "y": np.repeat(data["y"], 2, axis=1)}, "'y' has 4 numbers a row; the model was fitted to 2"),
        ({"x": data["x"]}, "no column 'y', the array of 2 numbers"),
        ({**data, "y": data["x"]}, "'y' is one number a row"),
        (labelled(data).assign_coords(band=["red", "blue"]), "no column 'near ir'"),
    ):
        with pytest.raises(DataError, match=words):
            fitted.log_score(own)


def test_numbers_that_are_missing_leave_the_others_of_their_row() -> None:
    data = arrays()
    y = np.where(data["y"] > 2.5, np.nan, data["y"])
    model = bd.Model("y ~ x", {"x": data["x"], "y": y}, missing="model")
    there = np.isfinite(y)
    assert [rows.rows for rows in model._rows.each] == there[there.any(axis=1)].sum(axis=0).tolist()
    assert model.rows == there.any(axis=1).sum()


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"y": np.ones((9, 1))}, DataError, r"shape \(1,\) a row"),
        ({"y": np.ones((9, 2, 2))}, DataError, r"shape \(2, 2\) a row"),
        ({"y": np.ones((9, 30))}, FormulaError, "30 responses; at most"),
        ({"y_1": np.ones(9)}, FormulaError, "there is another 'y_1'"),
    ],
)
def test_refuses_arrays_that_are_no_responses(more: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        bd.Model("y ~ x", {**arrays(9), **more})


def test_refuses_labels_that_are_no_names() -> None:
    for labels, words in ((["a", "a"], "labelled 'a'"), (["a", "b`"], "rename its label")):
        with pytest.raises((DataError, FormulaError), match=words):
            bd.Model("y ~ x", labelled(arrays(9)).assign_coords(band=labels))
