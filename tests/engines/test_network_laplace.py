"""Derivatives that Laplace's method of networks goes by: row by row, and through what all rows decide."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.engines._network_laplace_functions import functions_of
from bayesdeep.results.batches import batches_of
from bayesdeep.results.run import starting_units, words_of

ROWS = 60


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "x": rng.normal(size=ROWS),
        "z": rng.normal(size=ROWS),
        "g": rng.choice(list("abcd"), ROWS),
        "y": rng.normal(size=ROWS),
        "b": rng.integers(0, 2, ROWS),
        "k": rng.poisson(2, ROWS),
    }


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x + (1 | g) + net(x, z, hidden=[4, 3])", "gaussian"),
        ("b ~ net(x, z, hidden=[3], orthogonal=False) + (1 | g)", "bernoulli"),
        ("k ~ (net(x, hidden=[3]) | g)", "poisson"),
    ],
)
def test_slopes_by_row_are_those_of_all_rows_together(data, formula: str, family: str) -> None:
    import jax

    model, rng = bd.Model(formula, data, family), np.random.default_rng(1)
    with jax.enable_x64(True):
        _, target = batches_of(model.spec, model.__dict__["_rows"], "laplace", words_of(model.spec), starting_units(model.spec))
        functions, x = functions_of(target, rng), target.initial(rng)
        whole = jax.jacfwd(lambda v: target.linear_function(ROWS)(v, target.arrays, ()))(x)
    np.testing.assert_allclose(functions.slopes(x, functions.held(x)), whole, atol=1e-12)
    some = np.array([2, 0])
    eta, slopes = functions.jacobian(x, some)
    np.testing.assert_allclose(slopes, whole[:, some], atol=1e-12)
    step = 1e-6 * np.eye(target.dim)[2]
    change = functions.predictor(x + step, functions.held(x + step)) - functions.predictor(x - step, functions.held(x - step))
    np.testing.assert_allclose(change / 2e-6, slopes[:, 0], atol=1e-6)
    assert eta.shape == (ROWS,)
