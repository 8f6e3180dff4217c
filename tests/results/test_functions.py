"""The group ``functions`` holds what predictions give at its rows and probes, and its probes are mixtures of rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.draws import Draws
from bayesdeep.fit import Fit
from bayesdeep.graph.evaluate import row_function
from bayesdeep.results import function_draws as functions
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.function_draws import functions_dataset
from bayesdeep.results.prediction_doors import log_likelihood
from bayesdeep.results.probes import mixture, together
from bayesdeep.results.tree import make_tree

ROWS = 140
SAMPLE = ("chain", "draw")


def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x, z = rng.normal(size=ROWS), rng.uniform(1, 2, ROWS)
    a = np.array(list("pqr"))[np.arange(ROWS) % 3]
    return pd.DataFrame(
        {
            "y": x * z + rng.normal(size=ROWS),
            "x": x,
            "z": z,
            "end": z + 1,
            "a": a,
            "b": np.where(a == "p", "one", "two"),
            "kind": np.array(["k", "l", "m"])[rng.integers(0, 3, ROWS)],
            "count": rng.poisson(3, ROWS),
            "cut": (x > 1).astype(int),
            "tries": 20,
            "grade": np.arange(ROWS) % 3,
        }
    )


def group(fit, seed: int = 1) -> xr.Dataset | None:
    """Return the group of a fit's draws."""
    sizes, posterior = fit.posterior.sizes, flat_posterior(fit.posterior, fit.spec)
    return functions_dataset(fit.spec, fit.rows, posterior, sizes["chain"], sizes["draw"], seed)


def network(made_up, formula: str = "y ~ x + net(x, z, hidden=[4]) + (1 | a)", family: str = "gaussian", **options):
    return made_up(bd.Model(formula, data(), family), **options)


def test_values_are_those_of_predictions(made_up):
    fit = network(made_up)
    found = group(fit)
    assert found["predictor"].dims == (*SAMPLE, "probe")
    assert found["log_likelihood"].dims == (*SAMPLE, "row")
    assert found.sizes["row"] == 100
    assert found.sizes["probe"] == 200
    assert list(found["probe"].values[[0, 100]]) == [f"row {int(found['row'][0])}", "probe 0"]
    places = found["row"].values
    linear = fit.draws(kind="linear").isel(obs=places)
    np.testing.assert_allclose(found["predictor"][..., :100], linear, rtol=1e-9)
    np.testing.assert_allclose(found["log_likelihood"], log_likelihood(fit).isel(obs=places), rtol=1e-9)
    # The identity link's mean is the predictor.
    assert "mean" not in found


def test_probes_are_predictions_at_mixtures_of_rows(made_up):
    fit = network(made_up)
    found = group(fit)
    origin = found["origin"].values[100:]
    frame = data()
    mixed = pd.DataFrame({name: frame[name].to_numpy()[origin[:, k]] for k, name in enumerate(found["column"].values)})
    np.testing.assert_allclose(found["predictor"][..., 100:], fit.draws(mixed, kind="linear"), rtol=1e-9)
    column = list(found["column"].values)
    apart = origin[:, column.index("x")] != origin[:, column.index("z")]
    assert apart.mean() > 0.9
    np.testing.assert_array_equal(found["origin"].values[:100], np.repeat(found["row"].values[:, None], len(column), axis=1))


def test_what_belongs_together_stays_together():
    spec = bd.Model("prop(count, tries) ~ net(x, I(end - z), hidden=[2]) + (1 | a:b)", data(), "binomial").spec
    blocks = [set(names) for names in together(spec)]
    assert {"a", "b"} in blocks
    assert {"end", "z"} in blocks
    assert {"count", "tries"} in blocks
    origin = mixture(["a", "b", "end", "z", "x"], blocks, ROWS, 50, np.random.default_rng(0))
    np.testing.assert_array_equal(origin[:, 0], origin[:, 1])
    np.testing.assert_array_equal(origin[:, 2], origin[:, 3])
    assert (origin[:, 4] != origin[:, 3]).any()


def test_nested_groups_make_no_new_ones(made_up):
    found = group(network(made_up, "y ~ net(x, z, hidden=[2]) + (1 | a:b)"))
    assert found.sizes["probe"] == 200


def test_seed_decides_rows_and_probes(made_up):
    fit = network(made_up)
    xr.testing.assert_identical(group(fit, 5), group(fit, 5))
    other = group(fit, 6)
    assert not np.array_equal(other["row"], group(fit, 5)["row"])
    assert not np.array_equal(other["origin"][100:], group(fit, 5)["origin"][100:])


def test_blocks_of_draws_change_nothing(made_up, monkeypatch):
    fit = network(made_up)
    whole = group(fit)
    monkeypatch.setattr(functions, "BLOCK", 200 * 4 * 7)
    for name, value in group(fit).data_vars.items():
        np.testing.assert_allclose(value, whole[name], rtol=1e-12)


def test_many_draws_have_fewer_points(made_up, monkeypatch):
    monkeypatch.setattr(functions, "MAX_NUMBERS", 40 * 30)
    assert group(network(made_up)).sizes["row"] == 30


def test_models_without_networks_and_points_have_none(made_up):
    assert group(made_up(bd.Model("y ~ x + (1 | a)", data()))) is None
    assert group(network(made_up, draws=1, chains=1)) is None


def test_predictive_variance_of_normal_responses(made_up):
    """The law of total variance: 1,000 draws give a variance to 4.5 %, and the mean of 100 that share them to about 1 %."""
    rng = np.random.default_rng(0)
    values = {"sigma": 2.0, "Intercept": rng.normal(size=1000), "net(x, z)_w2": 0.0}
    found = group(network(made_up, "y ~ net(x, z, hidden=[4], orthogonal=False)", draws=500, values=values))
    total = found["predictor"][..., :100].var(SAMPLE).values + 4.0
    np.testing.assert_allclose(found["predictive_variance"], total, rtol=0.2)
    assert found["predictive_variance"].values.mean() == pytest.approx(total.mean(), rel=0.05)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("formula", "family", "level", "outcome"),
    [
        ("count ~ net(x, z, hidden=[2])", "poisson", None, 1),
        ("kind ~ net(x, z, hidden=[2])", "categorical", ["l", "m"], 3),
        ("prop(count, tries) ~ net(x, z, hidden=[2])", "binomial", None, 1),
        ("grade ~ net(x, z, hidden=[2])", "cumulative", None, 3),
    ],
)
def test_families(made_up, formula, family, level, outcome):
    fit = network(made_up, formula, family, values={})
    found = group(fit)
    assert ("level" in found["predictor"].dims) == (level is not None)
    if level is not None:
        assert list(found["level"].values) == level
    assert found["predictive_variance"].size == 100 * outcome
    mean = fit.draws(kind="mean").isel(obs=found["row"].values)
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-9)
    assert np.isfinite(found["log_likelihood"]).all()


def test_censored_responses_have_the_variance_of_open_ones(made_up):
    values = {"sigma": 1.0, "Intercept": 0.0, "net(x)_w2": 0.0, "net(x)_removed": 0.0}
    open_fit = network(made_up, "z ~ net(x, hidden=[2])", values=values)
    cut_fit = network(made_up, "censored(z, cut) ~ net(x, hidden=[2])", values=values)
    np.testing.assert_allclose(group(open_fit)["predictive_variance"], group(cut_fit)["predictive_variance"], rtol=1e-9)


def test_truncated_responses_have_no_predictive_variance(made_up):
    found = group(network(made_up, "truncated(z, lb=0) ~ net(x, hidden=[2])"))
    assert set(found.data_vars) == {"predictor", "log_likelihood"}
    assert "predictive_variance" not in found.coords


def test_responses_that_cannot_be_drawn_cost_only_the_variance(made_up, monkeypatch):
    def refuse(graph, what, seed=None):
        if "predictive" in what:
            raise ValueError("lam value too large")
        return row_function(graph, what, seed)

    monkeypatch.setattr(functions, "row_function", refuse)
    found = group(network(made_up, "count ~ net(x, hidden=[2])", "poisson"))
    assert set(found.data_vars) == {"predictor", "log_likelihood", "mean"}
    assert "predictive_variance" not in found.coords


@pytest.fixture(scope="module")
def real(made_up) -> Fit:
    """Return a fit as engines' draws become one."""
    model = bd.Model("y ~ net(x, z, hidden=[2])", data())
    rows, prior = model.__dict__["_rows"], made_up(model)
    values = flat_posterior(prior.posterior, model.spec)
    draws = Draws(np.zeros((2, 20, 1)), {}, exact=True)
    tree = make_tree(model.spec, rows.graph(model.spec), rows, draws, values, "nuts", 3, 1.0, {})
    return Fit(model.spec, rows, tree)


def test_a_fit_has_the_group(real):
    xr.testing.assert_identical(group(real, 3), real.idata["functions"].to_dataset())


def test_group_survives_the_disk(real, tmp_path):
    again = bd.load(real.save(tmp_path / "fit.nc"))
    xr.testing.assert_equal(again.idata["functions"].to_dataset(), real.idata["functions"].to_dataset())
    # What is loaded makes the same probes again.
    xr.testing.assert_equal(group(again, 3), group(real, 3))


def test_without_the_data_only_rows_are_kept(real, tmp_path):
    bare = bd.load(real.save(tmp_path / "fit.nc"))
    bare = replace(bare, rows=replace(bare.rows, columns={}))
    found = group(bare, 3)
    assert found.sizes["probe"] == found.sizes["row"] == 100
    bare.idata["functions"] = xr.DataTree(found)
    again = bd.load(bare.save(tmp_path / "bare.nc"))
    xr.testing.assert_equal(again.idata["functions"].to_dataset(), found)
