"""Pictures and what they are made of leave out what only a function gives a meaning."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.plot.parts import estimates, group_terms
from bayesdeep.plot.rank_plot import ranks, scalar
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.function_draws import functions_dataset

ROLES = ("intercept", "coefficient", "sd", "correlation", "parameter")


@pytest.fixture(scope="module")
def fit(made_up):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["y", "x"])
    frame["g"] = [f"g{i % 5}" for i in range(40)]
    made = made_up(bd.Model("y ~ x + (1 + net(x, hidden=[5]) | g)", frame), draws=60)
    values = flat_posterior(made.posterior, made.spec)
    made.idata["functions"] = xr.DataTree(functions_dataset(made.spec, made.rows, values, 2, 60, 1))
    return made


def test_group_effects_are_no_weights(fit):
    """The network has as many units as there are groups: its weights look like effects of groups in shape."""
    assert [t.effects for t in group_terms(fit)] == [("1|g",)]


def test_estimates_have_no_weights(fit):
    hidden = [name for name, value in fit.posterior.data_vars.items() if value.attrs.get("role") in ("weight", "held")]
    assert hidden
    assert not {label.split("[")[0] for label in estimates(fit, ROLES).index} & set(hidden)


def test_ranks_of_a_networks_values(fit):
    label = f"predictor[{fit.idata['functions']['probe'].values[3]}]"
    np.testing.assert_array_equal(scalar(fit, label), fit.idata["functions"]["predictor"][..., 3])
    np.testing.assert_array_equal(scalar(fit, "sigma"), fit.posterior["sigma"])
    assert len(ranks(fit, [label, "sigma"]).axes) == 2
    with pytest.raises(FitError, match="no quantity 'nothing'"):
        scalar(fit, "nothing")
