"""Degrees of freedom of a smooth beside groups with a covariance for each class, against dense normal algebra."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

N, LEVELS = 40, 8
X = np.linspace(0, 10, N)
G = np.arange(N) * 7 % LEVELS
Z = np.cos(1.7 * np.arange(N))
NOISE = np.random.default_rng(4).normal(size=(3, N))
DATA = pd.DataFrame(
    {
        "x": X,
        "z": Z,
        "g": [f"g{k}" for k in G],
        "f": np.where(G < 4, "u", "v"),
        "y": np.sin(X) + np.where(G < 4, 0.1, 2.0) * NOISE[0, G] + 0.5 * Z * NOISE[1, G] + 0.3 * NOISE[2],
    }
)


def wanted(draw, slopes: bool) -> float:
    """Return the trace of what makes the response the curve, its line's one included."""
    line = np.stack([np.ones(N), X - X.mean()], axis=1)
    off = np.eye(N) - line @ np.linalg.pinv(line)
    curve = off @ (np.abs(X[:, None] - X) ** 3 / 12) @ off
    curve *= float(draw["s(x)_sigma"]) ** 2 / np.diag(curve).mean()
    groups = np.zeros((N, N))
    for k, own in enumerate("uv"):
        sds = [float(draw[name].sel(f=own)) for name in ("1|g_sigma", *(("z|g_sigma",) if slopes else ()))]
        law = np.diag(np.square(sds))
        if slopes:
            law[0, 1] = law[1, 0] = sds[0] * sds[1] * float(draw["g_corr"].sel(f=own).squeeze())
        columns = np.stack([np.ones(N), Z], axis=1)[:, : len(sds)]
        groups += (columns @ law @ columns.T) * (G[:, None] == G) * ((G < 4) == (k == 0))[:, None]
    inverse = np.linalg.inv(curve + groups + float(draw["sigma"]) ** 2 * np.eye(N))
    less = inverse @ line @ np.linalg.inv(line.T @ inverse @ line) @ line.T @ inverse
    return float(np.trace(curve @ (inverse - less))) + 1.0


@pytest.mark.parametrize("term", ["(1 | gr(g, by=f))", "(1 + z | gr(g, by=f))"])
def test_each_class_of_groups_counts_with_its_own_covariance(term: str) -> None:
    flat = {"Intercept": "Flat()", "s(x)_linear": "Flat()"}
    fit = bd.Model(f"y ~ s(x, k={N}) + {term}", DATA, priors=flat).fit(
        "collapsed", seed=1, draws=20, chains=2, progress=False
    )
    for k in (0, 7):
        draw = fit.idata.posterior.isel(chain=1, draw=k)
        assert abs(float(draw["s(x)_edf"]) - wanted(draw, "z" in term)) < 0.02
