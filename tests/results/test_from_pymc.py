"""A model goes to PyMC and comes back as a fit: the same quantities, labels and answers, and what the user added."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.results.store import read_tree


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    group = np.repeat(list("abcdef"), 20)
    x = rng.normal(size=120)
    y = 1.0 + 0.7 * x + 0.5 * rng.normal(size=6).repeat(20) + 0.4 * rng.normal(size=120)
    return pd.DataFrame({"y": y, "x": x, "g": group})


@pytest.fixture(scope="module")
def model() -> bd.Model:
    return bd.Model("y ~ x + (1 | g)", table())


@pytest.fixture(scope="module")
def drawn(model: bd.Model) -> xr.DataTree:
    """Return draws of the exact posterior as a stranger's trace has them: no roles, an order of their own."""
    tree = model.fit("collapsed", seed=1, draws=200, progress=False).idata
    bare = tree["posterior"].to_dataset().copy()
    for array in bare.data_vars.values():
        array.attrs = {}
    bare = bare.isel(g=[3, 1, 0, 5, 4, 2]).assign_attrs(sampling_time=1.5, tuning_steps=300)
    bare["ratio"] = bare["x"] / bare["sigma"]
    observed = xr.Dataset({"y": ("obs", np.asarray(tree["observed_data"]["y"]))})
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, 200), dtype=bool))})
    return xr.DataTree.from_dict({"posterior": bare, "sample_stats": stats, "observed_data": observed})


def changed(drawn: xr.DataTree, **groups: xr.Dataset | None) -> xr.DataTree:
    parts = {name: node.to_dataset() for name, node in drawn.children.items()} | groups
    return xr.DataTree.from_dict({name: part for name, part in parts.items() if part is not None})


def test_a_trace_answers_as_the_fit_of_the_same_draws_does(model, drawn):
    own, back = model.fit("collapsed", seed=1, draws=200, progress=False), model.from_pymc(drawn, seed=1)
    assert isinstance(back, bd.Fit)
    # The model's order of labels, whatever the trace's was.
    np.testing.assert_array_equal(back.idata["posterior"]["1|g"], own.idata["posterior"]["1|g"])
    assert back.idata["posterior"]["g"].values.tolist() == list("abcdef")
    wanted = own.predict(kind="mean")
    pd.testing.assert_frame_equal(back.predict(kind="mean"), wanted)
    # Independent draws and those of a chain are smoothed a little differently.
    assert back.loo().elpd == pytest.approx(own.loo().elpd, abs=0.01)
    found = back.summary()
    pd.testing.assert_series_equal(found.loc[own.summary().index, "mean"], own.summary()["mean"])
    assert "ratio" in found.index
    assert {"role": "sd", "slot": "1|g_sigma"}.items() <= back.idata["posterior"]["1|g_sigma"].attrs.items()


def test_it_says_whose_draws_they_are(model, drawn):
    fit = model.from_pymc(drawn)
    assert fit.idata.attrs["exact"] is True
    assert fit.idata.attrs["seconds_sample"] == 1.5
    assert fit.idata.attrs["settings"]["tune"] == 300
    assert "given" in fit.explain_choice
    rough = model.from_pymc(changed(drawn, sample_stats=None), method="advi")
    assert rough.idata.attrs["exact"] is False
    assert rough.diagnose().verdict != "trust"


def test_it_is_saved_and_refitted_like_any_other(model, drawn, tmp_path):
    fit = model.from_pymc(drawn, seed=4)
    loaded = bd.load(fit.save(tmp_path / "given.nc"))
    xr.testing.assert_equal(loaded.idata["posterior"].to_dataset(), fit.idata["posterior"].to_dataset())
    with (tmp_path / "given.nc").open("rb") as file:
        assert read_tree(file, "given").attrs["method"] == "nuts"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: changed(t, posterior=t["posterior"].to_dataset().drop_vars("sigma")), "no 'sigma', which the model reports"),
        (lambda t: changed(t, posterior=t["posterior"].to_dataset().isel(g=slice(5))), "labels of 'g'"),
        (
            lambda t: changed(t, posterior=t["posterior"].to_dataset().assign_coords(g=list("abcdeh"))),
            "labels of 'g', such as 'f'",
        ),
        (lambda t: changed(t, posterior=t["posterior"].to_dataset() * np.nan), "not finite"),
        (lambda t: changed(t, posterior=t["posterior"].to_dataset().rename(g="h")), "has the dimensions"),
        (lambda t: changed(t, observed_data=t["observed_data"].to_dataset() + 1.0), "other responses 'y'"),
        (lambda t: changed(t, observed_data=t["observed_data"].to_dataset().isel(obs=slice(9))), "is of 9 responses"),
        (lambda t: changed(t, sample_stats=None), "no sample_stats"),
        (lambda t: {"draws": 1}, "no group 'posterior'"),
        (lambda t: changed(t, posterior=t["posterior"].to_dataset().isel(chain=0, drop=True)), "no dimension 'chain'"),
    ],
)
def test_what_is_not_of_the_model_is_refused(model, drawn, change, text):
    with pytest.raises(bd.FitError, match=text):
        model.from_pymc(change(drawn))


@pytest.mark.integration
def test_a_round_trip_through_pymc(model):
    made = bd.Model("y ~ x + (1 | g)", table())
    with made.pymc:
        pm.Deterministic("ratio", made.pymc["x"] / made.pymc["sigma"])
        idata = pm.sample(draws=500, tune=500, chains=2, random_seed=2, progressbar=False, cores=1)
    fit = made.from_pymc(idata)
    exact = model.fit("collapsed", seed=1, progress=False).summary()
    found = fit.summary()
    for name in ("Intercept", "x", "sigma", "1|g_sigma"):
        error = 4 * np.hypot(found.loc[name, "mcse_mean"], exact.loc[name, "mcse_mean"])
        assert found.loc[name, "mean"] == pytest.approx(exact.loc[name, "mean"], abs=error)
    assert found.loc["ratio", "mean"] == pytest.approx(float((idata["posterior"]["x"] / idata["posterior"]["sigma"]).mean()))
    assert not [name for name in fit.idata["posterior"].data_vars if str(name).endswith("_z")]
