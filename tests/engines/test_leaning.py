"""Coefficients that lean on neighbours: their sparse system says what independent columns say, and its gradients are right."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.linear_layout import can_be_sparse
from bayesdeep.collapse.row_system import row_system_of
from bayesdeep.display.progress import Silent
from bayesdeep.engines._laplace.by_columns import ByColumns
from bayesdeep.engines._laplace.inner_newton import Inner
from bayesdeep.engines._laplace.marginal_posterior import centred
from bayesdeep.engines._laplace.newton_step import noise_like
from bayesdeep.engines.transport.moving_map import MovingMap, first_sites
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.numerics.sparse_factors import available

needs_compiler = pytest.mark.skipif(not available(), reason="without a compiler there are no loops in C")


def grid(side: int, far: int) -> pd.DataFrame:
    """Return a map of squares, with another piece of three regions, an island, and a region far away without rows."""
    count = side * side
    found = np.zeros((count + 5, count + 5))
    for k in range(count):
        for step in [1] * ((k + 1) % side > 0) + [side] * (k + side < count):
            found[k, k + step] = found[k + step, k] = 1.0
    for one, other in ((count, count + 1), (count + 1, count + 2), (far, count + 3)):
        found[one, other] = found[other, one] = 1.0
    labels = [f"r{k}" for k in range(len(found))]
    return pd.DataFrame(found, index=labels, columns=labels)


def model_of(text: str, prior: str = "Normal(0, 2)") -> bd.Model:
    near = grid(4, 2)
    rng = np.random.default_rng(0)
    region = np.repeat([r for k, r in enumerate(near.index) if k != 19], 2)
    data = pd.DataFrame({"region": region, "x": rng.normal(size=len(region)), "e": rng.uniform(1, 9, len(region))})
    data["count"] = rng.poisson(data["e"] * np.exp(0.3 * data["x"] + 0.5 * rng.normal(size=len(region))))
    data["h"] = rng.choice(list("pqr"), len(data))
    priors = {"Intercept": prior, "x": "Normal(0, 1)"}
    return bd.Model(f"count ~ x + offset(log(e)) + {text}", data, "poisson", arrays={"W": near}, priors=priors)


def inner_of(model: bd.Model, *, sparse: bool) -> Inner:
    rows = model.__dict__["_rows"]
    likelihood = row_likelihood(model.spec, rows.arrays, rows.response)
    return Inner.of(row_system_of(model.spec, rows.arrays, rows.response, likelihood, sparse=sparse).rows)


TEXTS = ["car(region, W)", "car(region, W, type='icar')", "car(region, W) + (1 + x | h)"]


@needs_compiler
@pytest.mark.parametrize("prior", ["Normal(0, 2)", "Flat()"])
@pytest.mark.parametrize("text", TEXTS)
def test_hyperparameters_have_the_posterior_that_columns_give_them(text: str, prior: str) -> None:
    model = model_of(text, prior)
    assert can_be_sparse(model.spec)
    sparse, dense = (inner_of(model, sparse=own) for own in (True, False))
    assert sparse.gaussian is not None
    assert sparse.gaussian.leaning
    assert [h.name for h in sparse.rows.system.hyperparameters] == [h.name for h in dense.rows.system.hyperparameters]
    points = np.random.default_rng(1).normal(scale=0.7, size=(9, sparse.rows.system.dim)) - 0.5
    apart = sparse.log_marginal(points) - dense.log_marginal(points)
    np.testing.assert_allclose(apart, apart[0], atol=1e-4)


@needs_compiler
def test_several_predictors_may_have_some() -> None:
    """One leans in what is eliminated first, and one in what is left."""
    near = grid(3, 2)
    data = pd.DataFrame({"region": np.repeat(near.index, 3), "other": np.repeat(near.index[::-1], 3)})
    data["y"] = np.random.default_rng(5).normal(size=len(data))
    formula = "y ~ car(region, W) + car(other, W, type='icar')"
    model = bd.Model(formula, data, arrays={"W": near}, sigma="~ car(region, W, type='icar')")
    assert can_be_sparse(model.spec)
    sparse, dense = (inner_of(model, sparse=own) for own in (True, False))
    assert sparse.gaussian is not None
    assert len(sparse.gaussian.leaning) == 3
    points = np.random.default_rng(1).normal(scale=0.5, size=(5, sparse.rows.system.dim)) - 0.5
    apart = sparse.log_marginal(points) - dense.log_marginal(points)
    np.testing.assert_allclose(apart, apart[0], atol=1e-3)


@needs_compiler
def test_modes_and_spreads_of_effects_are_those_of_columns() -> None:
    model = model_of(TEXTS[0])
    found = []
    for own in (True, False):
        inner = inner_of(model, sparse=own)
        mode = inner.mode(np.array([[-0.4, 0.3]]))
        eta = inner.predictor(mode.scales, mode.at)[:, 0]
        rng = np.random.default_rng(2)
        every = (inner._solved(mode.scales, mode.factored, noise_like(mode.at, rng)) for _ in range(2000))
        drawn = [inner.predictor(mode.scales, at)[:, 0] for at in every]
        found.append((eta, np.std(drawn, axis=0)))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0.1)


@needs_compiler
@pytest.mark.parametrize("text", TEXTS)
def test_the_density_in_the_moving_map_has_its_gradient_and_its_sums_are_0(text: str) -> None:
    inner = inner_of(model_of(text), sparse=True)
    marginal, shape = centred(inner, Silent(), "transport")
    assert shape is not None
    moving = MovingMap.of(marginal, first_sites(marginal, shape))
    gaussian = moving.gaussian
    assert isinstance(gaussian, ByColumns)
    rng = np.random.default_rng(3)
    moving = replace(moving, stretch=rng.uniform(1.0, 1.5, gaussian.layout.size))
    z, theta = rng.standard_normal((gaussian.layout.size, 2)), shape.centre + 0.2 * rng.standard_normal((2, len(shape.centre)))
    placed = moving.placed(theta)
    value, gradient = moving.gradient(placed, z)
    np.testing.assert_allclose(value, moving.log_density(placed, z), rtol=1e-10)
    for direction in rng.standard_normal((4, *z.shape)):
        step = 1e-5 * direction
        slope = (moving.log_density(placed, z + step) - moving.log_density(placed, z - step)) / 2e-5
        np.testing.assert_allclose((gradient * direction).sum(axis=0), slope, rtol=1e-5, atol=1e-5)
    at = moving.effects(placed, z)
    for own in gaussian.leaning:
        for piece in own.pieces:
            np.testing.assert_allclose(at[piece].sum(axis=0), 0.0, atol=1e-8)


@needs_compiler
def test_z_is_standard_normal_where_rows_are_normal_and_sums_are_held() -> None:
    """Of a normal response the map is exact, so that the log density is a constant less ``z'z / 2``, also along what is held."""
    near = grid(4, 2)
    data = pd.DataFrame({"region": [r for k, r in enumerate(near.index) if k != 19]})
    data["y"] = np.random.default_rng(5).normal(size=len(data))
    exact = bd.Model("y ~ car(region, W)", data, arrays={"W": grid(4, 2)}, sigma=bd.known(0.5))
    inner = inner_of(exact, sparse=True)
    marginal, shape = centred(inner, Silent(), "transport")
    assert shape is not None
    moving = MovingMap.of(marginal, first_sites(marginal, shape))
    z = np.random.default_rng(4).standard_normal((moving.gaussian.layout.size, 6))
    placed = moving.placed(np.tile(shape.centre, (6, 1)))
    total = moving.log_density(placed, z) + 0.5 * (z**2).sum(axis=0)
    np.testing.assert_allclose(total, total[0], atol=1e-3)
