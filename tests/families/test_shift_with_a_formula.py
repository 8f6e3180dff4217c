"""A shift with a formula of its own stays below every row's response."""

import numpy as np
import pytest

import bayesdeep as bd


@pytest.mark.slow
def test_no_draw_has_a_shift_beyond_a_response() -> None:
    rng = np.random.default_rng(3)
    x, g = rng.normal(size=120), rng.integers(0, 12, 120)
    shift = np.exp(-1.2 + 0.3 * x)
    y = shift + np.exp(-0.5 + 0.3 * x + rng.normal(0, 0.3, 12)[g] + 0.4 * rng.normal(size=120))
    data = {"y": y, "x": x, "g": [f"g{i}" for i in g]}
    fit = bd.Model("y ~ x + (1 | g)", data, family="shifted_lognormal", ndt="~ x").fit(seed=1, progress=False)
    drawn = np.exp(fit.posterior["ndt_Intercept"].values[..., None] + fit.posterior["ndt_x"].values[..., None] * x)
    assert (drawn < y).all()
    # Steps that cross the edge of the support diverge; where many do, the fit's own status says so.
    attrs = fit.idata.attrs
    assert (attrs["status"] == "doubtful") == (attrs["divergences"] > 4)
    assert all("divergence" in text for text in attrs["judged"])
    truth = {"ndt_Intercept": -1.2, "ndt_x": 0.3, "x": 0.3}
    for name, value in truth.items():
        draws = fit.posterior[name].values
        assert abs(draws.mean() - value) < 4 * draws.std()
