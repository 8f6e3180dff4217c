"""Scales drawn one after another, against quadrature of the marginal posterior and the dense normal distribution."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesdeep as bd
from bayesdeep.core.linear import Factor, Hyperparameter, LinearSystem, Moments, Scale
from bayesdeep.linear import scale_sweeps
from bayesdeep.linear.block_layout import lay_out
from bayesdeep.linear.explore import Plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.numerics.piecewise import redraw


class Silent:
    def update(self, done: int, total: int, note: str = "") -> None:
        """Say nothing."""


def test_a_grid_makes_exact_draws() -> None:
    """The logarithm of a gamma variable of shape 3, from a grid so coarse that its straight lines are well off."""
    rng = np.random.default_rng(0)
    grid, points = np.tile(np.linspace(-12.0, 6.0, 25), (20_000, 1)), np.zeros(20_000)
    for _ in range(12):
        points = redraw(lambda at: 3.0 * at - np.exp(at), grid, points, rng)
    error = np.sqrt(0.3949 / len(points))
    assert abs(points.mean() - 0.92278) < 4 * error
    assert abs(points.var() - 0.39493) < 4 * 0.39493 * np.sqrt(3.0 / len(points))


def system(rows: int = 40) -> tuple[LinearSystem, np.ndarray, np.ndarray]:
    """Return a system of two scales, one of whose effects are hardly there, its columns and its response."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(rows, 7)) @ (np.eye(7) + 0.4)
    y = z @ np.r_[rng.normal(size=4), 0.02 * rng.normal(size=3)] + 0.7 * rng.normal(size=rows)
    both = np.column_stack([np.ones(rows), y])
    moments = Moments(float(rows), 0.0, both.T @ both, ((z.T @ z)[None],), ((z.T @ both)[None],))
    hyper = [Hyperparameter(name, "scale", lambda s: -2.0 * np.log1p(s**2 / 3.0), 1.0) for name in ("a", "b", "sigma")]
    factor = Factor("f", 1, 7, (Scale(0),) * 4 + (Scale(1),) * 3)
    made = LinearSystem(moments, (factor,), Scale(2), tuple(hyper), np.array([[0.1]]), 0.0, np.zeros(1))
    return made, np.column_stack([np.ones(rows), z]), y


def test_covariances_stay_those_of_the_dense_normal() -> None:
    """Also where a scale is far below what the rows can tell."""
    made, columns, y = system()
    points = np.array([[0.0, 0.3, 0.1], [-1.0, -9.0, 0.4]])
    mean, covariance = scale_sweeps._conditional(scale_sweeps.Dense.of(made), points)
    for point, m, c in zip(points, mean, covariance, strict=True):
        prior = np.diag(np.r_[0.1, np.exp(-2 * point[[0] * 4 + [1] * 3])])
        wanted = np.linalg.inv(columns.T @ columns / np.exp(2 * point[2]) + prior)
        assert_allclose(c, wanted, rtol=1e-8, atol=1e-14)
        assert_allclose(m, wanted @ columns.T @ y / np.exp(2 * point[2]), rtol=1e-7, atol=1e-12)


def test_sweeps_find_the_posterior_of_quadrature() -> None:
    """Means and variances of all log scales, one of them with a tail to 0, and of coefficients."""
    made, columns, _ = system()
    axes = [np.linspace(-2.5, 4.0, 60), np.linspace(-9.0, 3.0, 90), np.linspace(-1.2, 0.6, 50)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    blocks = lay_out(made, (), {})
    log_p = np.concatenate(
        [blocks.log_likelihood(scales_of(made, part)) + scale_sweeps._prior(made, part) for part in np.array_split(points, 20)]
    )
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    mean = weights @ points
    sd = np.sqrt(weights @ (points - mean) ** 2)
    chains = 40
    found = scale_sweeps.swept_chains(Plan(chains, 250, 250), made, np.zeros(3), np.random.default_rng(1), Silent())
    flat = found.positions
    each = flat.mean(axis=1)
    error = each.std(axis=0) / np.sqrt(chains)
    assert (error < 0.05 * sd).all(), "sweeps forget too little"
    assert (np.abs(each.mean(axis=0) - mean) < 4 * error).all()
    squares = ((flat - mean) ** 2).mean(axis=1)
    assert (np.abs(squares.mean(axis=0) - sd**2) < 4 * squares.std(axis=0) / np.sqrt(chains)).all()
    assert found.coefficients[0].shape == (chains, 250, columns.shape[1] - 7)


def test_both_roads_lead_to_one_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proposals for all scales together, and one scale after another."""
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.uniform(size=150), "g": rng.integers(9, size=150)})
    data["y"] = np.sin(6 * data["x"]) + rng.normal(size=9)[data["g"]] + 0.5 * rng.normal(size=150)
    model = bd.Model("y ~ s(x, k=6) + (1 | g)", data)
    one = model.fit("collapsed", seed=1, progress=False)
    monkeypatch.setattr(scale_sweeps, "FEWEST_SCALES", 2)
    other = model.fit("collapsed", seed=1, progress=False)
    assert "sweeps" not in one.idata.attrs["details"]["explored_by"]
    assert "sweeps" in other.idata.attrs["details"]["explored_by"]
    # Effective degrees of freedom are worked out for a few draws, each of which stands for several.
    first, second = (s[~s.index.str.endswith("_edf")] for s in (one.summary(), other.summary()))
    off = np.abs(first["mean"] - second["mean"]) / np.hypot(first["mcse_mean"], second["mcse_mean"])
    assert off.max() < 4.5
    assert np.allclose(first["sd"], second["sd"], rtol=0.2)
    assert second["ess_bulk"].min() > 400
