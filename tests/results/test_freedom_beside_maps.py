"""Degrees of freedom of a smooth beside effects of regions, against the trace of the smoother by dense normal algebra."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(2)
N, REGIONS = 30, 6
X = np.sort(RNG.uniform(0, 10, N))
REGION = RNG.integers(0, REGIONS, N)
DATA = pd.DataFrame({"x": X, "region": [f"r{k}" for k in REGION], "y": np.sin(X) + 0.3 * REGION + 0.3 * RNG.normal(size=N)})
NEAR = np.eye(REGIONS, k=1) + np.eye(REGIONS, k=-1)
W = pd.DataFrame(NEAR, *(2 * [[f"r{k}" for k in range(REGIONS)]]))


def wanted(draw, kind: str) -> float:
    """Return the trace of what makes the response the curve, its line's one included."""
    line = np.stack([np.ones(N), X - X.mean()], axis=1)
    off = np.eye(N) - line @ np.linalg.pinv(line)
    curve = off @ (np.abs(X[:, None] - X) ** 3 / 12) @ off
    curve *= float(draw["s(x)_sigma"]) ** 2 / np.diag(curve).mean()
    law = np.linalg.pinv(np.diag(NEAR.sum(axis=0)) - NEAR)
    law /= np.exp(np.log(np.diag(law)).mean())
    share = float(draw["car(region)_rho"]) if kind == "bym2" else 1.0
    law = float(draw["car(region)_sigma"]) ** 2 * (share * law + (1 - share) * np.eye(REGIONS))
    inverse = np.linalg.inv(curve + law[np.ix_(REGION, REGION)] + float(draw["sigma"]) ** 2 * np.eye(N))
    less = inverse @ line @ np.linalg.inv(line.T @ inverse @ line) @ line.T @ inverse
    return float(np.trace(curve @ (inverse - less))) + 1.0


@pytest.mark.parametrize("kind", ["icar", "bym2"])
def test_smooths_beside_maps_have_their_degrees_of_freedom(kind: str) -> None:
    model = bd.Model(
        f"y ~ s(x, k={N}) + car(region, W, type='{kind}')",
        DATA,
        priors={"Intercept": "Flat()", "s(x)_linear": "Flat()"},
        arrays={"W": W},
    )
    fit = model.fit("collapsed", seed=1, draws=20, chains=2, progress=False)
    for k in (0, 7):
        draw = fit.idata.posterior.isel(chain=1, draw=k)
        assert abs(float(draw["s(x)_edf"]) - wanted(draw, kind)) < 0.02
