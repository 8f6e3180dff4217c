"""Turned coordinates: the same density, an exact gradient, and values that come back as they went in."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

import bayesdeep as bd
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import target_from_pymc


def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    n = 60
    x = rng.normal(100, 1, n)
    return {
        "x": x,
        "z": x + rng.normal(0, 0.1, n),
        "a": np.array(list("pqrst"))[rng.integers(0, 5, n)],
        "g": rng.integers(0, 6, n),
        "y": rng.normal(size=n),
        "kind": np.array(["u", "v", "w"])[rng.integers(0, 3, n)],
    }


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("formula", "family", "options"),
    [
        ("y ~ x + z + a + (1 | g)", "gaussian", {}),
        ("y ~ 0 + a + x", "gaussian", {"priors": {"x": "Flat()", "a": "StudentT(3, 0, 2)"}}),
        ("y ~ 1", "gaussian", {"sigma": "~ x + z"}),
        ("kind ~ x + z + a", "categorical", {}),
    ],
)
def test_same_density_and_exact_gradient(formula: str, family: str, options: dict[str, object]) -> None:
    model = bd.Model(formula, data(), family, **options)
    found = mixings(model.spec, model._graph.data and model.__dict__["_rows"].arrays)
    assert found, "these columns are correlated"
    plain, turned = target_from_pymc(model.pymc), target_from_pymc(model.pymc, mixings=found)
    assert turned.layout.mixed
    q = turned.start + 0.1 * np.random.default_rng(1).normal(size=turned.dim)
    values = turned.unravel(q)
    x = np.concatenate([np.ravel(values[name]) for name in plain.layout.shapes])
    assert turned.logp_dlogp(q)[0] == pytest.approx(plain.logp_dlogp(x)[0], rel=1e-9)
    numeric = approx_fprime(q, lambda at: turned.logp_dlogp(at)[0], 1e-6)
    np.testing.assert_allclose(turned.logp_dlogp(q)[1], numeric, rtol=1e-3, atol=1e-3)
    start = turned.unravel(turned.start)
    np.testing.assert_allclose(
        np.concatenate([np.ravel(start[name]) for name in plain.layout.shapes]), plain.start, atol=1e-9
    )


def test_the_posterior_of_nearly_collinear_columns_is_round_in_turned_coordinates() -> None:
    """Against the curvature at the centre: the turned Hessian of the coefficients is near the identity."""
    model = bd.Model("y ~ x + z", data(), sigma=bd.known(1.0))
    (mixing,) = mixings(model.spec, model.__dict__["_rows"].arrays)
    target = target_from_pymc(model.pymc, mixings=[mixing])
    (at, _), = target.layout.mixed
    step, size = 1e-4, len(at)
    hessian = np.empty((size, size))
    for i, k in enumerate(at):
        bump = np.zeros(target.dim)
        bump[k] = step
        hessian[i] = (target.logp_dlogp(target.start + bump)[1] - target.logp_dlogp(target.start - bump)[1])[at]
    values = np.linalg.eigvalsh(-hessian / (2 * step))
    assert values[-1] / values[0] < 2


def test_uncorrelated_columns_bounds_and_hyperparameters_are_left_alone() -> None:
    frame = data()
    assert not mixings(bd.Model("y ~ x + g", frame).spec, bd.Model("y ~ x + g", frame).__dict__["_rows"].arrays)
    for priors in ({"population": "Horseshoe()"}, {"x": "Normal(0, HalfNormal(1))"}, {"x": "Exponential(1)"}):
        model = bd.Model("y ~ x + z", frame, priors=priors)
        assert not mixings(model.spec, model.__dict__["_rows"].arrays)
