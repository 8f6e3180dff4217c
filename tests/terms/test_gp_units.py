"""A process is the same whatever unit its column has."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_length_scales_are_found_in_any_unit(unit: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 40)
    y = np.sin(x) + 0.4 * rng.normal(size=40)
    found = []
    for own in (1.0, unit):
        data = pd.DataFrame({"x": x * own, "y": y})
        fit = bd.Model("y ~ gp(x, m=12)", data).fit("collapsed", seed=1, draws=100, chains=2, progress=False)
        found.append(float(fit.idata.posterior["gp(x)_lengthscale"].mean()) / own)
    assert found[1] == pytest.approx(found[0], rel=1e-4)
