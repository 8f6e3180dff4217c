"""Elementary functions of compiled loops are those of the C library, to a few units in the last place."""

import numpy as np
import pytest
from scipy.special import expit

from bayesdeep.numerics.single_math import single_math
from bayesdeep.numerics.vector_math import vector_math

SMALL = np.logspace(-300, 0, 500)


def test_exponential():
    x = np.concatenate([np.linspace(-708, 709, 20_001), -np.logspace(-300, 2, 500)])
    np.testing.assert_allclose([vector_math().exp(v) for v in x], np.exp(x), rtol=5e-16)


def test_logarithm():
    t = np.concatenate([np.linspace(0, 1, 20_001)[1:], SMALL])
    np.testing.assert_allclose([vector_math().log1p(v) for v in t], np.log1p(t), rtol=7e-16)


def test_hyperbolic_tangent():
    """Small arguments keep their digits: nothing is subtracted from 1."""
    x = np.concatenate([np.linspace(-25, 25, 20_001), SMALL, -SMALL, [-1e300, 1e300, -np.inf, np.inf]])
    found = np.array([vector_math().tanh(v) for v in x])
    np.testing.assert_allclose(found, np.tanh(x), rtol=7e-16)
    assert np.abs(found).max() <= 1


def test_logistic_function():
    x = np.concatenate([np.linspace(-708, 709, 20_001), SMALL, -SMALL])
    np.testing.assert_allclose([vector_math().logistic(v) for v in x], expit(x), rtol=7e-16)


def test_sum():
    values = np.random.default_rng(1).normal(size=1003)
    assert vector_math().total(values) == pytest.approx(values.sum(), abs=1e-12)


@pytest.mark.parametrize(("which", "exact"), [(0, np.tanh), (1, expit)])
def test_single_precision(which, exact):
    """Within three units of the last place, also of small numbers, and at the limits for those of any size."""
    beyond = [-np.inf, -3e38, -100.0, 100.0, 3e38, np.inf]
    small = np.logspace(-30, 0, 500)
    x = np.concatenate([np.linspace(-25, 25, 20_001), small, -small, beyond]).astype(np.float32)
    found = np.array([single_math()[which](v) for v in x])
    expected = exact(x.astype(np.float64))
    normal = np.abs(expected) > np.finfo(np.float32).tiny
    np.testing.assert_allclose(found[normal], expected[normal], rtol=3 * np.finfo(np.float32).eps)
    np.testing.assert_allclose(found[~normal], expected[~normal], atol=1e-37)
    assert np.abs(found).max() <= 1
