"""Whatever engine made the draws, and however few these are, predictions are of the whole predictive distribution."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import ENGINES

ROWS, NOISE = 160, 0.3
NETWORKS = {name for name, engine in ENGINES.items() if "batches" in engine.needs}
QUICK: dict[str, dict[str, Any]] = {
    "nuts": {"draws": 150, "tune": 150, "chains": 2},
    "gibbs": {"draws": 150, "tune": 50, "chains": 2},
    "collapsed": {"draws": 150, "chains": 2},
    "mclmc": {"draws": 150, "tune": 150, "chains": 2},
    "ensemble": {"members": 4},
    "advi": {"draws": 150},
    "fullrank_advi": {"draws": 150},
}
"""Settings that are quicker than the defaults; an engine that is not here is tried as it comes."""


def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, ROWS)
    return pd.DataFrame({"x": x, "y": 1.0 + 1.5 * x + NOISE * rng.normal(size=ROWS)})


@pytest.mark.few(2)
@pytest.mark.parametrize("method", list(ENGINES))
def test_intervals_hold_what_they_say_and_the_mean_is_smooth(method: str) -> None:
    frame = data()
    network = method in NETWORKS
    model = bd.Model("y ~ net(x, hidden=[4])" if network else "y ~ x", frame)
    if "rows" in ENGINES[method].needs:
        model = bd.Model("y ~ x", frame, family="student_t")
    fit = model.fit(method, seed=2, progress=False, **QUICK.get(method, {}))
    table = fit.predict(frame)
    np.testing.assert_allclose(table["mean"], fit.predict(frame, kind="mean")["mean"], rtol=1e-12)
    new = 1.0 + 1.5 * frame.x.to_numpy() + NOISE * np.random.default_rng(6).normal(size=(200, ROWS))
    inside = ((new >= table["lower"].to_numpy()) & (new <= table["upper"].to_numpy())).mean()
    assert 0.83 < inside < 0.97  # the noise is learned from 160 rows: its sd has a standard error of 6 %
    own = np.asarray(fit.draws(frame, kind="mean")).reshape(-1, ROWS)
    assert np.all(table["sd"] > own.std(axis=0))
    assert np.all((table["sd"] > 0.7 * NOISE) & (table["sd"] < 2.0 * NOISE))
    assert np.sqrt(np.mean((table["mean"] - 1.0 - 1.5 * frame.x) ** 2)) < 0.5 * NOISE
