"""JAX's density is the model's, and BlackJAX's NUTS draws from the same posterior as nutpie's."""

import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.mixing import ess_bulk, measure, rhat
from bayesdeep.core.progress import Silent
from bayesdeep.core.registry import FAMILIES
from bayesdeep.engines import nuts
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import target_from_pymc

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'bayesdeep[jax]'")
pytest.importorskip("blackjax", reason="BlackJAX is not installed: pip install 'bayesdeep[jax]'")

from bayesdeep.engines import _jax_nuts, _jax_tuning  # noqa: E402
from bayesdeep.graph import jax_target as jax_module  # noqa: E402
from bayesdeep.graph.jax_target import JaxTarget, jax_target, require_device  # noqa: E402

RESPONSES = {
    "bernoulli": "b",
    "binomial": "prop(k, n)",
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2, m3)",
    "poisson": "k",
    "negative_binomial": "k",
    "hurdle_poisson": "k",
    "zero_inflated_poisson": "k",
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull"], "p"),
}


def data(rows: int = 120) -> pd.DataFrame:
    """Return columns for every family; more than 64 rows, so that arrays of rows are arguments."""
    rng = np.random.default_rng(5)
    d = pd.DataFrame(
        {
            "x": rng.normal(3, 2, rows),
            "z": rng.normal(size=rows),
            "g": np.resize(list("abcdefgh"), rows),
            "p": rng.gamma(2, 1, rows),
            "u": rng.beta(2, 3, rows),
            "k": np.minimum(rng.poisson(2, rows), 9),
            "n": 10 + rng.integers(0, 3, rows),
            "c": np.resize(["one", "two", "three"], rows),
            "w": rng.uniform(0.2, 3, rows),
        }
    )
    # Nearly the same as x, so that the sampler's coordinates are turned.
    d["v"] = d.x + 0.1 * rng.normal(size=rows)
    effect = rng.normal(0, 1, 8)[np.resize(np.arange(8), rows)]
    d["y"] = 1 + 0.5 * d.z + effect + rng.normal(size=rows)
    d["b"] = (rng.uniform(size=rows) < 1 / (1 + np.exp(-0.5 * d.z - effect))).astype(int)
    d["o"] = pd.Categorical(np.resize(["low", "mid", "high"], rows), ["low", "mid", "high"], ordered=True)
    d["m1"], d["m2"], d["m3"] = rng.integers(0, 4, (3, rows)) + 1
    return d


def both(formula: str, family: str, d: pd.DataFrame | None = None, **options: object) -> tuple[object, JaxTarget, tuple]:
    """Return a model's graph, its target on JAX and the turned coordinates."""
    model = bd.Model(formula, data() if d is None else d, family=family, **options)
    rows = model.__dict__["_rows"]
    graph = rows.graph(model.spec, sampled=True)
    turned = mixings(model.spec, rows.arrays, graph.rough)
    return graph, jax_target(graph.model, frozenset({"some"}), mixings=turned), turned


def points(target: JaxTarget, count: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [target.start + 0.3 * target.jitter * rng.normal(size=target.dim) for _ in range(count)]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_density_and_gradient_are_the_models(family):
    graph, target, _ = both(f"{RESPONSES.get(family, 'y')} ~ x + (1 + z | g)", family)
    mode = {"mode": array_mode(), "on_unused_input": "ignore"}
    logp, slope = graph.model.compile_logp(**mode), graph.model.compile_dlogp(**mode)
    assert not target.mixed
    for x in points(target):
        point = target.unravel(x)
        value, gradient = target.logp_dlogp(x)
        assert isinstance(value, float)
        assert gradient.dtype == np.float64
        assert value == pytest.approx(float(logp(point)), rel=1e-9)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-9, atol=1e-9 * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("formula", "family"),
    [("b ~ x + v + z + (1 + z | g)", "bernoulli"), ("y | weights(w) + trunc(lb=-20) ~ x + v + (z | g)", "gaussian")],
)
def test_it_is_the_compiled_target_in_the_same_coordinates(formula, family):
    graph, target, turned = both(formula, family)
    other = target_from_pymc(graph.model, frozenset({"some"}), mixings=turned)
    assert target.mixed, "the coordinates are meant to be turned here"
    assert target.words == other.words | {"jax"}
    assert target.names == other.names
    assert target.native is None
    np.testing.assert_array_equal(target.jitter, other.jitter)
    np.testing.assert_allclose(
        target.initial(np.random.default_rng(3)), other.initial(np.random.default_rng(3)), rtol=1e-12
    )
    for x in points(target):
        (value, gradient), (expected, slope) = target.logp_dlogp(x), other.logp_dlogp(x)
        assert value == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9 * np.abs(slope).max())
        for name, part in target.unravel(x).items():
            np.testing.assert_array_equal(part, other.unravel(x)[name])
