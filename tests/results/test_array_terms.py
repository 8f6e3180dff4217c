"""A term of an array column: its rows are fitted, kept, saved, predicted and left out like any others."""

import numpy as np
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core import registry
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import Term

TERM = Term(
    "bright",
    lambda node, context: {"shape": list(context.array(node.arguments[0]).shape[1:])},
    lambda state, node, context: {"image": context.array(node.arguments[0], state["shape"])},
    lambda state, spread: (Slot("bright", "real", Default("Normal(0, 10)", "own"), "coefficient"),),
    lambda scope, state: scope.data("image").mean(axis=(1, 2)) * scope.variable("bright"),
    groups=lambda state: {},
    words=lambda state: frozenset(),
    call=True,
)


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    monkeypatch.setattr(registry.TERMS, "_names", (*registry.TERMS.names(), "bright"))
    monkeypatch.setitem(registry.TERMS._loaded, "bright", TERM)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(60, 4, 3))
    y = 1.0 + 5.0 * image.mean(axis=(1, 2)) + rng.normal(0, 0.1, 60)
    return xr.Dataset({"y": ("obs", y), "image": (("obs", "row", "column"), image)})


def test_an_array_goes_all_the_way(images, tmp_path):
    fit = bd.Model("y ~ bright(image)", images).fit("map", seed=1, progress=False)
    assert float(fit.posterior["bright"].mean()) == pytest.approx(5.0, abs=0.3)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    rows = again._rows
    np.testing.assert_array_equal(rows.columns["image"].values, images["image"])
    assert rows.columns["image"].kind == "array"
    (key,) = rows.arrays
    np.testing.assert_array_equal(rows.arrays[key], images["image"])
    assert rows.take(np.array([2, 2, 0])).columns["image"].values.shape == (3, 4, 3)
    some = images.isel(obs=slice(5, 9))
    new = again.predict(some.drop_vars("y"), seed=2)
    expected = fit.predict(seed=2)["mean"].to_numpy()[5:9]
    np.testing.assert_allclose(new["mean"], expected, atol=1e-6)
    np.testing.assert_allclose(fit.predict({"image": some["image"].to_numpy()}, seed=2), new)
    with pytest.raises(bd.DataError, match="column 'image' holds one value a row"):
        fit.predict({"image": np.ones(4)})
    with pytest.raises(bd.DataError, match=r"shape \(3, 4\) a row, but the model was fitted to arrays of shape \(4, 3\)"):
        fit.predict({"image": np.ones((2, 3, 4))})


def test_rows_with_a_gap_are_left_out(images):
    images["image"][3, 1, 1] = np.nan
    with pytest.raises(bd.DataError, match=r"1 of 60 rows have missing values: image 1"):
        bd.Model("y ~ bright(image)", images)
    with pytest.warns(UserWarning, match="left out 1 of 60"):
        model = bd.Model("y ~ bright(image)", images, missing="drop")
    assert model.rows == 59
