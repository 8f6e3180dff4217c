"""Smooths beside mgcv and beside quadrature: curves with their sds, and effective degrees of freedom.

``smooths.json`` has mgcv's numbers with the calls that made them. Its estimates are those of the largest restricted likelihood,
its sds those given that (or with a correction for not knowing it); ours average over the standard deviations.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

SAID = json.loads((Path(__file__).parent / "smooths.json").read_text(encoding="utf-8"))
FLAT = {"Intercept": "Flat()", "sigma": "HalfFlat()"}


def frame(name: str) -> pd.DataFrame:
    return pd.DataFrame(SAID["data"]["mcycle" if name.startswith("mcycle") else "made"])


def new(name: str) -> pd.DataFrame:
    return pd.DataFrame(SAID["new"]["mcycle" if name.startswith("mcycle") else "made"])


def ends(column: pd.Series) -> list[float]:
    """Return what mgcv makes of the outer knots of P-splines: a thousandth of the range wider at both ends."""
    wider = 0.001 * (column.max() - column.min())
    return [float(column.min() - wider), float(column.max() + wider)]


FORMULAS = {
    "mcycle": "accel ~ s(times, k=20)",
    "mcycle_cr": "accel ~ s(times, k=20, bs='cr')",
    "additive": f"y ~ s(x0) + s(x1, bs='cr') + s(x2, bs='ps', k=12, knots={ends(frame('made').x2)})",
    "cyclic": "yc ~ s(x0, bs='cc', k=8, knots=[0, 1])",
    "by_levels": "yg ~ g + s(x0, by=g)",
    "by_number": "yz ~ s(x0, by=z)",
    "plane": "ys ~ s(x0, x1)",
}


def flat(model: bd.Model) -> dict[str, str]:
    """Return flat priors for all that has one of its own."""
    return {p.name.removesuffix("_raw"): "Flat()" if p.role in ("coefficient", "intercept") else "HalfFlat()"
            for p in model.spec.priors}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_degrees_of_freedom_at_the_largest_restricted_likelihood_are_those_of_mgcv(name: str) -> None:
    fit = bd.Model(FORMULAS[name], frame(name)).fit("reml", progress=False)
    table = fit.summary()
    own = [float(value) for label, value in table["estimate"].items() if str(label).endswith("_edf")]
    said = SAID["fits"][name]
    # How far a search for a flat maximum goes; of a curve that is nearly a line most.
    np.testing.assert_allclose(own, said["edf"], atol=1e-3)
    assert table.loc["sigma", "estimate"] == pytest.approx(said["sigma"], rel=1e-4)
    assert table.loc[[label for label in table.index if str(label).endswith("_edf")], "se"].isna().all()
    np.testing.assert_allclose(fit.predict(new(name), kind="linear")["mean"], said["curve"], atol=2e-3 * max(said["se"]))


def test_degrees_of_freedom_of_counts_are_those_of_mgcv() -> None:
    fit = bd.Model("c ~ s(x0) + s(x2)", frame("made"), family="poisson").fit("ml", progress=False)
    found = [float(fit.posterior[f"{name}_edf"].squeeze()) for name in ("s(x0)", "s(x2)")]
    np.testing.assert_allclose(found, SAID["poisson_ml"]["edf"], atol=5e-3)


@pytest.mark.parametrize("name", FORMULAS)
def test_with_flat_priors_the_posterior_is_near_mgcvs_estimate(name: str) -> None:
    model = bd.Model(FORMULAS[name], frame(name))
    fit = bd.Model(FORMULAS[name], frame(name), priors=flat(model)).fit(seed=1, progress=False)
    assert fit.idata.attrs["method"] == "collapsed"
    draws, said = fit.draws(new(name), kind="linear"), SAID["fits"][name]
    se = np.asarray(said["se_unconditional"])
    away = np.abs(draws.mean(("chain", "draw")).to_numpy() - said["curve"]) / se
    # Of mcycle as it should be; curves of few rows whose sd may as well be 0 are pulled less by an average than by a maximum.
    assert away.max() < (0.1 if name.startswith("mcycle") else 0.5), away
    np.testing.assert_allclose(draws.std(("chain", "draw")).to_numpy() / se, 1.0, atol=0.1 if name.startswith("mcycle") else 0.4)


def quadrature(model: bd.Model, at: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of a curve at rows by a grid over (sigma, tau), flat in both, with dense algebra for the rest."""
    from bayesdeep.design.frame import read_frame
    from bayesdeep.results.rows import rows_of

    arrays = model.__dict__["_rows"].arrays
    y = np.asarray(model.__dict__["_rows"].response.value, dtype=float)
    free, basis = np.column_stack([np.ones(len(y)), arrays["mu_s_1.line"]]), arrays["mu_s_1.Z"]
    there = rows_of(model.spec, read_frame(at), observed=False).arrays
    free_at, basis_at = np.column_stack([np.ones(len(at)), there["mu_s_1.line"]]), there["mu_s_1.Z"]
    weights, means, squares = [], [], []
    for sigma in np.linspace(17, 31, 20):
        for tau in np.geomspace(40, 1200, 30):
            covariance = sigma**2 * np.eye(len(y)) + tau**2 * basis @ basis.T
            inverse = np.linalg.inv(covariance)
            precision = free.T @ inverse @ free
            line = np.linalg.solve(precision, free.T @ inverse @ y)
            left = y - free @ line
            volumes = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precision)[1]
            # The steps of tau grow with it.
            weights.append(-0.5 * (volumes + left @ inverse @ left) + np.log(tau))
            across = tau**2 * basis_at @ basis.T
            mean = free_at @ line + across @ inverse @ left
            own = free_at - across @ inverse @ free
            variance = tau**2 * (basis_at**2).sum(1) - np.einsum("ij,jk,ik->i", across, inverse, across)
            variance += np.einsum("ij,jk,ik->i", own, np.linalg.inv(precision), own)
            means.append(mean)
            squares.append(variance + mean**2)
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    return mean, np.sqrt(share @ np.array(squares) - mean**2)


@pytest.mark.parametrize("name", ["mcycle", "mcycle_cr"])
def test_mean_and_sd_of_the_curve_are_those_of_quadrature(name: str) -> None:
    priors: dict[str, Any] = {**FLAT, "s(times)_linear": "Flat()", "s(times)_sigma": "HalfFlat()"}
    model = bd.Model(FORMULAS[name], frame(name), priors=priors)
    mean, sd = quadrature(model, new(name))
    draws = model.fit(draws=2000, seed=2, progress=False).draws(new(name), kind="linear")
    # 8,000 draws: a standard error of 0.011 sd of a mean and 0.8 % of an sd.
    np.testing.assert_allclose((draws.mean(("chain", "draw")).to_numpy() - mean) / sd, 0.0, atol=0.05)
    np.testing.assert_allclose(draws.std(("chain", "draw")).to_numpy() / sd, 1.0, atol=0.05)
