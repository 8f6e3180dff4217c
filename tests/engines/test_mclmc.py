"""Microcanonical sampling of networks: the posterior NUTS finds, and honesty where the test is left out."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError

rng = np.random.default_rng(0)
X = rng.uniform(-2, 2, 300)
Y = np.sin(2 * X) + rng.normal(0, 0.3, 300)
DATA, NEW = {"x": X[:200], "y": Y[:200]}, {"x": X[200:], "y": Y[200:]}


@pytest.fixture(scope="module")
def model() -> bd.Model:
    return bd.Model("y ~ net(x, hidden=[10])", DATA)


@pytest.mark.slow
def test_noise_and_predictions_are_those_of_nuts(model: bd.Model) -> None:
    found = model.fit("mclmc", draws=250, tune=250, seed=1, progress=False)
    nuts = model.fit("nuts", draws=500, tune=300, seed=1, progress=False)
    assert found.idata.attrs["exact"]
    own, other = (np.log(fit.posterior["sigma"].to_numpy().ravel()) for fit in (found, nuts))
    assert 0.8 < own.std() / other.std() < 1.25
    assert abs(own.mean() - other.mean()) < 0.4 * other.std()
    assert found.log_score(NEW) == pytest.approx(nuts.log_score(NEW), abs=0.02)


@pytest.mark.slow
def test_draws_without_a_test_are_not_called_the_posteriors(model: bd.Model) -> None:
    found = model.fit("mclmc", draws=100, tune=100, chains=2, adjust=False, seed=1, progress=False)
    assert not found.idata.attrs["exact"]
    assert found.idata.attrs["details"]["adjusted"] == 0.0


@pytest.mark.slow
def test_the_normal_posterior_of_a_last_layer_knows_the_noise(model: bd.Model) -> None:
    found = model.fit("laplace", seed=1, progress=False)
    sigma = found.posterior["sigma"].to_numpy()
    # 200 rows, true noise 0.3: its posterior sd is about 0.3 / sqrt(400).
    assert abs(sigma.mean() - 0.3) < 4 * 0.015
    assert 0.7 * 0.015 < sigma.std() < 1.4 * 0.015
    assert found.log_score(NEW) > -0.3
    assert not found.idata.attrs["exact"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"energy_variance": 0.0}, "energy_variance is 0"),
        ({"start": "traned"}, "did you mean 'trained'"),
        ({"path": -1}, "path is -1"),
    ],
)
def test_options_that_make_no_sense(model: bd.Model, options: dict, words: str) -> None:
    with pytest.raises(FitError, match=words):
        model.fit("mclmc", seed=1, progress=False, **options)
