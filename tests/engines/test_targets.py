"""The flat log density of a PyMC model: its gradient, its layout, its errors and its C function."""

import ctypes

import numpy as np
import pymc as pm
import pytest

from bayesdeep.core.errors import FitError
from bayesdeep.graph.target import target_from_pymc


@pytest.fixture(scope="module")
def target():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(4), 5)
    coords = {"group": ["a", "b", "c", "d"], "part": ["x", "y", "z"]}
    with pm.Model(coords=coords) as model:
        rows = pm.Data("rows", group)
        b = pm.Normal("b", 0, 2)
        sigma = pm.HalfNormal("sigma", 1)
        p = pm.Beta("p", 2, 2)
        w = pm.Dirichlet("w", np.ones(3), dims="part")
        z = pm.Normal("z", dims="group")
        mu = b + sigma * z[rows] + p + w[0]
        pm.Normal("y", mu, sigma, observed=rng.normal(size=20))
    return target_from_pymc(model, frozenset({"hierarchical"}))


def test_gradient_is_that_of_the_log_density(target):
    x = target.initial(np.random.default_rng(1))
    value, gradient = target.logp_dlogp(x)
    assert isinstance(value, float)
    assert gradient.shape == (target.dim,)
    assert gradient.dtype == np.float64
    for i in range(target.dim):
        step = np.eye(target.dim)[i] * 1e-5
        slope = (target.logp_dlogp(x + step)[0] - target.logp_dlogp(x - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_value_is_the_models_own(target):
    x = target.initial(np.random.default_rng(2))
    point = target.unravel(x)
    assert target.logp_dlogp(x)[0] == pytest.approx(float(target.model.compile_logp()(point)), rel=1e-10)


def test_layout_names_and_words(target):
    assert target.dim == len(target.names) == 1 + 1 + 1 + 2 + 4
    assert target.names[0] == "b"
    assert "sigma (log)" in target.names
    assert "z[c]" in target.names
    assert target.words == {"hierarchical"}
    assert target.seconds_compile > 0
    draws = np.arange(2 * 3 * target.dim, dtype=float).reshape(2, 3, target.dim)
    parts = target.unravel(draws)
    assert parts["z"].shape == (2, 3, 4)
    assert parts["b"].shape == (2, 3)
    np.testing.assert_array_equal(np.concatenate([p.reshape(2, 3, -1) for p in parts.values()], axis=-1), draws)


def test_native_function_is_the_same_function(target):
    double = ctypes.POINTER(ctypes.c_double)
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, double, double, double, ctypes.c_void_p)
    function = kind(target.native.address)
    x = target.initial(np.random.default_rng(3))
    gradient, value = np.zeros(target.dim), np.zeros(1)
    pointers = [a.ctypes.data_as(double) for a in (x, gradient, value)]
    assert function(target.dim, *pointers, None) == 0
    expected = target.logp_dlogp(x)
    assert value[0] == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    x[:] = np.nan
    assert function(target.dim, *pointers, None) != 0


def test_starting_points_are_jittered_and_reproducible(target):
    one, same, other = (target.initial(np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def test_impossible_data_name_the_variable():
    with pm.Model() as model:
        rate = pm.HalfNormal("rate", 1)
        pm.Exponential("wait", rate, observed=np.array([1.0, -1.0]))
    with pytest.raises(FitError, match="'wait'"):
        target_from_pymc(model, frozenset()).initial(np.random.default_rng(0))


def test_discrete_parameters_are_refused():
    with pm.Model() as model:
        pm.Poisson("k", 2)
    with pytest.raises(FitError, match="discrete: k"):
        target_from_pymc(model, frozenset())


def test_model_without_parameters():
    with pm.Model() as model:
        pm.Normal("y", 0, 1, observed=np.zeros(3))
    target = target_from_pymc(model, frozenset())
    value, gradient = target.logp_dlogp(np.zeros(0))
    assert value == pytest.approx(-1.5 * np.log(2 * np.pi))
    assert target.dim == gradient.size == 0
