"""In which unit a response is measured changes an estimate by that unit alone."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

METHODS = ("map", "laplace", "pathfinder", "advi", "fullrank_advi")


def data(unit: float) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    x = rng.normal(size=40)
    return pd.DataFrame({"x": x, "y": unit * (2.0 + 1.5 * x + 0.5 * rng.normal(size=40))})


@pytest.mark.few(1)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("unit", [1e-10, 1e6])
def test_estimates_follow_the_unit_of_the_response(method: str, unit: float) -> None:
    one, other = (bd.Model("y ~ x", data(u)).fit(method, seed=1, progress=False).posterior for u in (1.0, unit))
    for name in ("Intercept", "x", "sigma"):
        first, second = np.asarray(one[name]).ravel(), np.asarray(other[name]).ravel() / unit
        # The sds of slope and intercept are near 0.08; that of laplace's and pathfinder's means of 1,000 draws or more is 0.003.
        assert second.mean() == pytest.approx(first.mean(), abs=1e-4 if method == "map" else 0.015)
        assert second.std() == pytest.approx(first.std(), rel=0.15)
