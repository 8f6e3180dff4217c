"""A small synthetic fit, and the same fit with a chain gone astray."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.comparison import Comparison

NASTY = "<script>alert('x')</script>|*a*"
"""A label as a hostile or careless data set may have it."""


@pytest.fixture(scope="session")
def data() -> pd.DataFrame:
    """Twelve groups of 2 to 24 rows whose intercepts have standard deviation 1; noise 0.5."""
    rng = np.random.default_rng(7)
    sizes = np.arange(2, 26, 2)
    labels = [NASTY, *(f"group {i}" for i in range(1, 12))]
    group = np.repeat(labels, sizes)
    level = np.repeat(rng.normal(0, 1, 12), sizes)
    x = rng.normal(size=len(group))
    return pd.DataFrame({"y": 2 + 0.7 * x + level + rng.normal(0, 0.5, len(group)), "x": x, "g": group})


@pytest.fixture(scope="session")
def fit(data: pd.DataFrame) -> Any:
    """Return a short fit by NUTS; its draws are few but good."""
    return bd.Model("y ~ x + (1 | g)", data).fit("nuts", draws=800, tune=600, chains=4, seed=11, progress=False)


@pytest.fixture(scope="session")
def flat(data: pd.DataFrame) -> Any:
    """Return a fit without groups."""
    return bd.Model("y ~ x", data).fit("nuts", draws=300, tune=400, chains=2, seed=12, progress=False)


def astray(fit: Any) -> Any:
    """Return a copy of a fit whose second chain has found something else."""
    posterior = fit.idata["posterior"].to_dataset().copy(deep=True)
    shift = xr.DataArray([0.0, 40.0, 0.0, 0.0], dims="chain")
    for name in ("Intercept", "x", "sigma"):
        posterior[name] = posterior[name] + shift * float(posterior[name].std())
    groups = {g: fit.idata[g].to_dataset() for g in ("sample_stats", "observed_data", "constant_data")}
    tree = xr.DataTree.from_dict({"posterior": posterior, **groups})
    tree.attrs = dict(fit.idata.attrs)
    return replace(fit, idata=tree)


@pytest.fixture(scope="session")
def bad(fit: Any) -> Any:
    """Return a fit that did not converge."""
    return astray(fit)


@pytest.fixture(scope="session")
def comparison(fit: Any, flat: Any) -> Any:
    """Return what a comparison looks like to a report: a table, calibration, fits and notes."""
    columns = {"rank": [0, 1], "elpd": [-130.0, -190.0], "elpd_diff": [0.0, -60.0], "dse": [0.0, 9.0], "p": [13.0, 3.0]}
    table = pd.DataFrame(
        {**columns, "weight": [1.0, 0.0], "warning": ["", "two rows are odd"]}, index=["groups", "flat"]
    )
    table.attrs["scored_on"] = "scored by PSIS leave-one-out"
    calibration = pd.DataFrame({"groups": [0.5, 0.91], "flat": [0.6, 0.92]}, index=[0.5, 0.9])
    return Comparison(table, calibration, {}, {"groups": fit, "flat": flat})
