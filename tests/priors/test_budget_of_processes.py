"""A budget of variance over terms whose scales several numbers make: processes and effects of regions, exact as in NUTS."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(4)
ROWS = pd.DataFrame({"x": RNG.uniform(0, 10, 60), "z": RNG.normal(size=60), "region": [f"r{k % 5}" for k in range(60)]})
ROWS["y"] = np.sin(ROWS.x) + 0.5 * ROWS.z + 0.5 * RNG.normal(size=60)
W = pd.DataFrame(np.eye(5, k=1) + np.eye(5, k=-1), *(2 * [[f"r{k}" for k in range(5)]]))


def fitted(formula: str, method: str) -> pd.DataFrame:
    priors, arrays = {"R2": "R2D2(mean=0.5, precision=2)"}, {"W": W} if "W" in formula else None
    model = bd.Model(formula, ROWS, priors=priors, arrays=arrays)
    fit = model.fit(method, seed=1, draws=500, chains=2, progress=False)
    return fit.summary(kind="stats")


@pytest.mark.parametrize("formula", ["y ~ z + gp(x)", "y ~ z + car(region, W)"])
def test_shares_of_processes_and_regions_are_integrated(formula: str) -> None:
    table = fitted(formula, "collapsed")
    shares = table.filter(like="R2_share", axis=0)["mean"]
    assert len(shares) == 2
    assert abs(shares.sum() - 1) < 1e-9
    assert 0 < table.loc["R2", "mean"] < 1


@pytest.mark.integration
def test_collapsed_is_nuts() -> None:
    ours, reference = (fitted("y ~ z + gp(x)", method) for method in ("collapsed", "nuts"))
    for name in ("z", "sigma", "gp(x)_sigma", "gp(x)_lengthscale", "R2", "R2_share[z]"):
        assert abs(ours.loc[name, "mean"] - reference.loc[name, "mean"]) < 0.25 * reference.loc[name, "sd"], name
        assert 0.75 < ours.loc[name, "sd"] / reference.loc[name, "sd"] < 1.33, name
