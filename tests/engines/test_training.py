"""Laws over the engines that train networks; what each promises of its own is tested beside it."""

import numpy as np
import pytest

import bayesdeep as bd

pytestmark = pytest.mark.slow
rng = np.random.default_rng(11)
ROWS = 120
X, Z = rng.uniform(-2, 2, (2, ROWS))
MEAN = np.sin(2 * X)
DATA = {
    "x": X, "z": Z, "g": rng.choice(list("abcd"), ROWS), "y": MEAN + rng.normal(0, 0.3, ROWS), "noise": rng.normal(0, 2.0, ROWS),
    "b": (MEAN + rng.logistic(0, 0.3, ROWS) > 0).astype(int), "k": rng.poisson(np.exp(1 + MEAN)),
}  # fmt: skip
METHODS = {"sgd": {}, "ensemble": {"members": 2}, "dropout": {"draws": 30}}
SHORT = {"epochs": 60, "seed": 1, "progress": False}


@pytest.mark.parametrize("method", METHODS)
def test_a_network_beats_a_line_on_new_rows_of_a_curve(method: str) -> None:
    x = np.random.default_rng(12).uniform(-2, 2, 400)
    new = {"x": x, "y": np.sin(2 * x) + np.random.default_rng(13).normal(0, 0.3, 400)}
    line = bd.Model("y ~ x", DATA).fit(seed=1, draws=100, progress=False)
    net = bd.Model("y ~ net(x, hidden=[10])", DATA).fit(method, **METHODS[method], seed=1, progress=False)
    assert net.log_score(new) > line.log_score(new) + 0.3
    assert not net.idata.attrs["exact"]
    # Draws as many as there are networks.
    assert net.idata["posterior"].sizes["draw"] == {"sgd": 1, "ensemble": 2, "dropout": 30}[method]


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_networks(method: str) -> None:
    model = bd.Model("b ~ net(x, z, hidden=[4]) + (1 | g)", DATA, "bernoulli")
    one, two, other = (
        model.fit(method, **METHODS[method], **(SHORT | {"epochs": 5, "seed": seed})).draws(kind="linear").to_numpy()
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()
    assert np.abs(one - other).max() > 1e-3


def test_left_out_units_are_weights_that_are_zero() -> None:
    fit = bd.Model("y ~ net(x, hidden=[8])", DATA).fit("dropout", rate=0.5, draws=400, **(SHORT | {"epochs": 5}))
    share = float((fit.posterior["net(x)_w2"] == 0).mean())
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(3200))
