"""Weights are told from what has a meaning by their role alone."""

import numpy as np
import xarray as xr

from bayesdeep.core.roles import listed, shown, unnamed


def test_only_roles_of_weights_are_left_out():
    dims = ("chain", "draw", "unit")
    data = xr.Dataset(
        {
            "sigma": (("chain", "draw"), np.ones((2, 3)), {"role": "parameter"}),
            "w1": (dims, np.ones((2, 3, 4)), {"role": "weight"}),
            "removed": (("chain", "draw"), np.ones((2, 3)), {"role": "held"}),
            "plain": (("chain", "draw"), np.ones((2, 3))),
        }
    )
    assert unnamed(data) == ["w1", "removed"]
    assert list(shown(data).data_vars) == ["sigma", "plain"]
    assert "unit" not in shown(data).dims
    assert shown(data[["sigma"]]) is not None
    whole = data[["sigma", "plain"]]
    assert shown(whole) is whole


def test_coefficients_of_a_basis_are_looked_at_but_not_listed():
    values = (("chain", "draw"), np.ones((2, 3)))
    data = xr.Dataset({"b": (*values, {"role": "basis"}), "w": (*values, {"role": "weight"}), "sigma": values})
    assert list(shown(data).data_vars) == ["b", "sigma"]
    assert list(listed(data).data_vars) == ["sigma"]
    whole = data[["sigma"]]
    assert listed(whole) is whole
