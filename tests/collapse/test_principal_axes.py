"""Bases and covariances of groups in principal axes: the same density, the same coefficients, at the cost of groups."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.crossing import beside_largest
from bayesdeep.collapse.linear_layout import layout_of
from bayesdeep.collapse.moments import centre_of, moments_of
from bayesdeep.collapse.system import system_of
from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.block_elimination import Blocks
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.linear.principal_axes import in_principal_axes

from ..conformance.examples import columns, related

FORMULAS = {
    "s(x, k=6)": True,
    "(1 | gr(g, cov=A))": True,
    "s(x, k=6) + (1 | gr(g, cov=A)) + (1 | h)": True,
    "s(x, k=6) + (1 + x | g)": True,
    "(1 + x | gr(g, cov=A))": False,
    "(1 + x | g) + (1 | h)": False,
}


def made(formula: str) -> tuple[bd.Model, LinearSystem]:
    data = columns()
    model = bd.Model(f"y ~ {formula}", data, arrays={"A": related(data)} if "cov=A" in formula else None)
    rows, layout = model.__dict__["_rows"], layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    return model, system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)


def points(system: LinearSystem, count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 0.7, (count, system.dim))


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_density_is_the_same(formula: str) -> None:
    _, system = made(formula)
    turned = in_principal_axes(system)
    assert bool(turned.axes) is FORMULAS[formula]
    at = points(system, 8)
    expected = plan(system).log_likelihood(scales_of(system, at))
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(plan(turned.system).log_likelihood(scales_of(turned.system, at)), expected, rtol=1e-9)


@pytest.mark.parametrize("formula", [f for f, turned in FORMULAS.items() if turned])
def test_coefficients_come_back(formula: str) -> None:
    """Their mean and sd given the scales, by both systems, lie within Monte Carlo error."""
    _, system = made(formula)
    turned = in_principal_axes(system)
    draws = 4000
    at = np.tile(points(system, 1), (draws, 1))
    expected = plan(system).draw(scales_of(system, at), np.random.default_rng(1))
    found = turned.back(plan(turned.system).draw(scales_of(turned.system, at), np.random.default_rng(2)))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        sd = other.std(axis=0)
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 5 * sd * np.sqrt(2 / draws) + 1e-12).all()
        np.testing.assert_allclose(one.std(axis=0), sd, rtol=6 / np.sqrt(draws), atol=1e-12)


def test_what_is_left_beside_the_largest_is_counted_in_axes() -> None:
    model, system = made("s(x, k=6) + (1 | gr(g, cov=A))")
    solver: Any = plan(in_principal_axes(system).system)
    assert isinstance(solver, Blocks)
    assert [level.own.shape for level in solver.levels] == [(1, 1, 6)]
    left = beside_largest(model.spec, model.__dict__["_rows"].arrays)
    assert left == len(solver.rest) - 1


@pytest.mark.integration
def test_gibbs_agrees_with_what_is_integrated() -> None:
    data = columns(rows=120)
    data["y"] += np.sin(2 * data["x"])
    model = bd.Model("y ~ s(x, k=6) + (1 | h)", data, priors={"s(x)_sigma": "HalfNormal(1)", "1|h": "Normal(0, HalfNormal(1))"})
    exact = model.fit("collapsed", seed=1, progress=False).draws(kind="linear")
    other = model.fit("gibbs", seed=1, draws=500, progress=False).draws(kind="linear")
    dims = ("chain", "draw")
    apart = np.abs(exact.mean(dims) - other.mean(dims)) / exact.std(dims)
    assert float(apart.max()) < 0.2
    ratio = other.std(dims) / exact.std(dims)
    assert float(np.abs(ratio - 1).max()) < 0.15


def test_many_related_groups_cost_as_much_as_independent_ones() -> None:
    """Four hundred levels of a known covariance: one decomposition serves every value of the scales."""
    rng, labels = np.random.default_rng(0), [f"g{i}" for i in range(400)]
    places = np.arange(len(labels))
    values = 0.8 ** np.abs(places[:, None] - places)
    effects = np.linalg.cholesky(values) @ rng.normal(size=len(labels))
    codes = rng.integers(0, len(labels), 1600)
    data = pd.DataFrame({"g": [labels[i] for i in codes], "y": effects[codes] + rng.normal(size=1600)})
    model = bd.Model("y ~ 1 + (1 | gr(g, cov=A))", data, arrays={"A": pd.DataFrame(values, index=labels, columns=labels)})
    fit = model.fit("collapsed", seed=1, progress=False)
    # a factorisation of 400 coefficients takes some 2 ms, and there are thousands of values
    assert float(fit.idata.attrs["details"]["seconds_per_evaluation_expected"]) < 1e-3
    found = fit.idata["posterior"]["1|g"].mean(("chain", "draw")).to_numpy()
    known = [labels.index(label) for label in fit.idata["posterior"]["g"].values]
    assert np.corrcoef(found, effects[known])[0, 1] > 0.8
