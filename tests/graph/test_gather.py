"""Effects brought to the rows: what the definition says, its transpose, and its stretching over draws."""

import numpy as np
import pytest
from pytensor.graph.replace import vectorize_graph

from bayesdeep.core.lazy import pm, pt
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.gather import _backward, _forward, gather

ROWS, GROUPS = 40, 6
WAYS = [(1, True), (1, False), (3, True), (2, False)]


def data(width: int, intercept: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return effects ``(width, group)``, codes, columns and all factors ``(obs, width)``."""
    rng = np.random.default_rng(width)
    effects, codes = rng.normal(size=(width, GROUPS)), rng.integers(0, GROUPS - 1, ROWS).astype(np.int32)
    columns = rng.normal(size=(ROWS, width - intercept))
    factors = np.hstack([np.ones((ROWS, int(intercept))), columns])
    return effects, codes, columns, factors


@pytest.mark.parametrize(("width", "intercept"), WAYS)
def test_sum_of_effects_times_columns_and_gradient(width, intercept):
    effects, codes, columns, factors = data(width, intercept)
    inputs = [pt.vector(f"u{k}") for k in range(width)]
    out = gather(inputs, pt.constant(codes), pt.constant(columns) if columns.size else None, intercept)
    weights = np.random.default_rng(0).normal(size=ROWS)
    run = pm.pytensorf.compile(inputs, [out, *pt.grad((out * weights).sum(), inputs)], mode=array_mode())
    found, *slopes = run(*effects)
    np.testing.assert_allclose(found, (effects[:, codes].T * factors).sum(axis=1), rtol=1e-12)
    expected = np.stack([np.bincount(codes, weights * f, minlength=GROUPS) for f in factors.T])
    np.testing.assert_allclose(slopes, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("width", "intercept"), WAYS)
def test_loops(width, intercept):
    effects, codes, columns, factors = data(width, intercept)
    found = _forward(width, intercept).py_func(effects.T.copy(), codes, columns)
    np.testing.assert_allclose(found, (effects[:, codes].T * factors).sum(axis=1), rtol=1e-12)
    slope = np.random.default_rng(0).normal(size=ROWS)
    back = _backward(width, intercept).py_func(slope, codes, columns, np.array(GROUPS))
    expected = np.stack([np.bincount(codes, slope * f, minlength=GROUPS) for f in factors.T], axis=1)
    np.testing.assert_allclose(back, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("width", "intercept"), WAYS)
def test_over_draws(width, intercept):
    _effects, codes, columns, factors = data(width, intercept)
    inputs = [pt.vector(f"u{k}") for k in range(width)]
    out = gather(inputs, pt.constant(codes), pt.constant(columns) if columns.size else None, intercept)
    many = [pt.matrix(f"U{k}") for k in range(width)]
    run = pm.pytensorf.compile(many, vectorize_graph(out, dict(zip(inputs, many, strict=True))), mode=array_mode())
    draws = np.random.default_rng(1).normal(size=(width, 5, GROUPS))
    expected = np.einsum("kdn,nk->dn", draws[:, :, codes], factors)
    np.testing.assert_allclose(run(*draws), expected, rtol=1e-12)
