"""Smooths of two columns: one unit of length, planes that are not penalised, any rotation."""

from pathlib import Path

import numpy as np
import pandas as pd

import bayesdeep as bd
from bayesdeep.design.frame import read_frame
from bayesdeep.results.rows import rows_of

N = 80


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0, 6, N), "z": rng.uniform(0, 4, N)})
    return data.assign(y=np.sin(data.x) * np.cos(data.z) + 0.1 * rng.normal(size=N))


def columns(data: pd.DataFrame, at: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return plane and penalised columns at rows of a smooth learned from data."""
    model = bd.Model("y ~ s(x, z, k=20)", data)
    rows = rows_of(model.spec, read_frame(at), observed=False)
    return rows.arrays["mu_s_1.line"], rows.arrays["mu_s_1.Z"]


def test_columns_are_apart_from_planes_and_of_mean_variance_1() -> None:
    data = frame()
    plane, basis = columns(data, data)
    np.testing.assert_allclose(plane, data[["x", "z"]] - data[["x", "z"]].mean(), atol=1e-12)
    np.testing.assert_allclose(np.column_stack([np.ones(N), plane]).T @ basis, 0.0, atol=1e-7)
    np.testing.assert_allclose((basis**2).sum(axis=1).mean(), 1.0, rtol=1e-9)
    assert basis.shape[1] == 17


def test_order_unit_and_origin_do_not_matter() -> None:
    data = frame()
    basis = columns(data, data)[1]
    np.testing.assert_allclose(columns(data.iloc[::-1], data)[1], basis, atol=1e-8)
    moved = data.assign(x=12.0 * data.x + 30.0, z=12.0 * data.z - 4.0)
    np.testing.assert_allclose(columns(moved, moved)[1], basis, atol=1e-8)


def test_rotations_of_the_plane_do_not_matter() -> None:
    """Neither to what is spanned nor to how likely a function is: to the covariance of its values."""
    data = frame()
    turned = data.assign(x=0.6 * data.x - 0.8 * data.z, z=0.8 * data.x + 0.6 * data.z)
    one, two = columns(data, data)[1], columns(turned, turned)[1]
    np.testing.assert_allclose(one @ one.T, two @ two.T, atol=1e-8)


def _report(fit: bd.Fit, folder: Path) -> str:
    bd.report(fit, folder / "fit.md")
    return (folder / "fit.md").read_text(encoding="utf-8")


def test_it_finds_a_surface_and_what_the_posterior_shows(tmp_path: Path) -> None:
    data = frame()
    fit = bd.Model("y ~ s(x, z)", data).fit("collapsed", draws=100, seed=1, progress=False)
    assert {"s(x, z)_linear[x]", "s(x, z)_linear[z]", "s(x, z)_sigma"} <= set(fit.summary().index)
    assert "β(s(x, z)_linear)[z] · (zᵢ - " in _report(fit, tmp_path)
    assert fit.posterior["s(x, z)"].sizes["s(x, z)_basis"] == 27
    found = fit.predict(data, kind="linear")["mean"]
    assert np.sqrt(np.mean((found - np.sin(data.x) * np.cos(data.z)) ** 2)) < 0.15
