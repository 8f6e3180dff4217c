"""Smooths beside mgcv 1.8-41 (R 4.2.2), whose numbers these are.

    d <- data.frame(x, y); X <- cbind(1, x)
    m <- gam(y ~ s(x, k=k, bs=bs), data=d, method="REML", control=gam.control(epsilon=1e-12, newton=list(conv.tol=1e-12)))
    sqrt(m$reml.scale); predict(m, data.frame(x=NEW))
    Z <- smooth2random(smoothCon(s(x, k=k, bs=bs), data=d, absorb.cons=TRUE)[[1]], "", 2)$rand[[1]]
    mm <- gamm(y ~ s(x, k=k, bs=bs), data=d, method="REML")
    v <- as.numeric(VarCorr(mm$lme)[2, 1]); V <- diag(30) * mm$lme$sigma^2 + v * tcrossprod(Z); Vi <- solve(V)
    r <- y - X %*% solve(t(X) %*% Vi %*% X, t(X) %*% Vi %*% y); ld <- function(A) determinant(A)$modulus
    -0.5 * (ld(V) + ld(t(X) %*% Vi %*% X) - ld(t(X) %*% X) + sum(r * (Vi %*% r)) + 28 * log(2*pi))
    Z <- Z - X %*% qr.solve(X, Z)
    sqrt(sum(Z^2) / 30 * v)          # sd over the rows of the departure from the straight line

The largest restricted likelihood is the same whatever the scale of a basis and whatever of the straight line is left
in it, and only if it spans the same functions, penalised alike. The straight line's coefficients, with flat priors,
are integrated out of it. Of a cyclic smooth X is the constant alone, and 28 is 29; its knots are list(x=c(0, 10)), the range, and
those below. For bs="ps" mgcv widens the range by a thousandth at both ends, which are given here as knots.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import bayesdeep as bd
from bayesdeep.collapse.row_values import addends
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.results.rows import rows_of

X = [0.2, 0.5, 0.9, 1.3, 1.4, 1.9, 2.2, 2.4, 2.8, 3.1, 3.3, 3.3, 3.7, 4.2, 4.4]
X += [4.9, 5.1, 5.6, 5.8, 6.1, 6.1, 6.7, 7.3, 7.6, 7.9, 8.2, 8.8, 9.1, 9.5, 9.9]
Y = [0.51, 0.62, 1.13, 1.21, 1.41, 1.02, 1.28, 0.74, 0.75, 0.12, 0.02, -0.31, -0.33, -0.45, -1.02]
Y += [-0.72, -0.95, -0.31, -0.44, 0.21, -0.11, 0.66, 1.32, 1.13, 1.62, 1.31, 1.42, 1.21, 0.71, 0.42]
NEW = [-1, 0, 2.5, 5, 7.77, 10, 12]

CASES = {
    ("tp", 4): (-27.8381988772, 0.612626797, 0.429753879,
        [2.0128574759, 1.4739147293, 0.2554217150, -0.0456870613, 0.6453575320, 1.3812836348, 2.0433050933]),
    ("tp", 8): (-3.87881429526, 0.182863342, 1.405828334,
        [-0.5399607078, 0.3221428921, 0.8095237967, -0.7810482880, 1.4224367171, 0.3526912084, -1.4522790104]),
    ("cr", 4): (-28.319042785, 0.626631459, 0.399020135,
        [1.8762943285, 1.3867650952, 0.2881973729, -0.0202497307, 0.5921127392, 1.4488692598, 2.2581517954]),
    ("cr", 8): (-3.67791592002, 0.182241899, 1.419707660,
        [-0.6368575268, 0.2924763547, 0.7903514496, -0.7988839481, 1.4150571256, 0.3573975413, -1.4361079503]),
    ("cc", "8, knots=[0, 10]"): (-4.2816021145, 0.182664653, 1.316893750,
        [1.1474425090, 0.5306235763, 0.8036291810, -0.7844804989, 1.4302805929, 0.5306235763, 1.1645156626]),
    ("cc", 6): (-5.0771931836, 0.203726934, 1.374340472,
        [1.2088998284, 0.7245836527, 0.8669514117, -0.7861677834, 1.4596712681, 0.7132820570, 1.0364814200]),
    ("cc", "5, knots=[0, 2, 5, 7, 10]"): (-6.0072572647, 0.222992878, 1.524142621,
        [0.9875238578, 0.7523051200, 0.8211098111, -0.9254499018, 1.3544337463, 0.7523051200, 1.1112296170]),
    ("ps", "8, knots=[0.1903, 9.9097]"): (-3.2270539434, 0.183410415, 1.858602107,
        [-0.7785257519, 0.2724139062, 0.8225453904, -0.7564855311, 1.4212938514, 0.3026152861, -1.8072269119]),
    ("ps", "15, knots=[0.1903, 9.9097]"): (-4.5209077950, 0.185569041, 1.340671667,
        [-0.6134402803, 0.3068189166, 0.8077975033, -0.8022916052, 1.3980016116, 0.3206371521, -1.7096528232]),
}  # fmt: skip


def columns(bs: str, k: int | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return constant and straight line, and the penalised columns, on the rows and on new ones."""
    model = bd.Model(f"y ~ s(x, k={k}, bs='{bs}')", pd.DataFrame({"x": X, "y": Y}))
    found = []
    for data in (pd.DataFrame({"x": X}), pd.DataFrame({"x": NEW})):
        rows = rows_of(model.spec, read_frame(data), observed=False)
        size = len(rows.arrays["mu_s_1.Z"][0])
        both = [addends(model.spec, {"Intercept": np.zeros(count), "s(x)_linear": line, "s(x)": b}, rows.arrays)["mu_s_1"]
                for count, line, b in ((1, np.ones(1), np.zeros((1, size))), (size, np.zeros(size), np.eye(size)))]  # fmt: skip
        line = [] if bs == "cc" else [both[0][0]]
        found += [np.column_stack([np.ones(len(data)), *line]), both[1].T]
    return found[0], found[1], found[2], found[3]


@pytest.mark.parametrize(("bs", "k"), CASES)
def test_largest_restricted_likelihood_its_sds_and_its_curve_are_those_of_mgcv(bs, k):
    likelihood, sigma, spread, curve = CASES[bs, k]
    free, z, free_new, z_new = columns(bs, k)
    y = np.asarray(Y)

    def solved(log_sds: np.ndarray) -> tuple[float, np.ndarray]:
        own, tau = np.exp(log_sds)
        covariance = own**2 * np.eye(len(y)) + tau**2 * z @ z.T
        precision = free.T @ np.linalg.solve(covariance, free)
        lines = np.linalg.solve(precision, free.T @ np.linalg.solve(covariance, y))
        left = y - free @ lines
        weights = np.linalg.solve(covariance, left)
        volumes = [np.linalg.slogdet(a)[1] for a in (covariance, precision, free.T @ free)]
        value = -0.5 * (volumes[0] + volumes[1] - volumes[2] + left @ weights + (len(y) - free.shape[1]) * np.log(2 * np.pi))
        return value, free_new @ lines + tau**2 * z_new @ (z.T @ weights)

    best = minimize(lambda p: -solved(p)[0], np.log([0.3, 0.5]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert -best.fun == pytest.approx(likelihood, abs=1e-7)
    np.testing.assert_allclose(np.exp(best.x), [sigma, spread], rtol=2e-6)
    np.testing.assert_allclose(solved(best.x)[1], curve, atol=5e-6)


PLANE = {
    8: (-22.4803865844, 0.395172852, 0.324420827, [0.5076012410, 0.3620328968, -0.0078252589, 0.3642077698]),
    20: (26.3791295182, 0.027059319, 0.638207139, [0.2157402576, 1.0169296592, -0.0698126111, 0.3474111345]),
}


@pytest.mark.parametrize("k", PLANE)
def test_a_smooth_of_two_columns_is_that_of_mgcv(k):
    """Of ``s(x, z, k=k)``, with X = cbind(1, x, z) in the script above.

    The columns are in units of their common sd, by which ours are divided: which directions of a kernel in two dimensions are
    largest depends on the unit of length, in mgcv on the data's.
    """
    i = np.arange(40)
    x, z = i * 7 % 40 / 10, (i * 11 + 3) % 37 / 12
    unit = np.sqrt((x.var() + z.var()) / 2)
    x, z = x / unit, z / unit
    y = np.sin(2 * x) * np.cos(z) + 0.3 * z + 0.1 * (i * 13 % 17 - 8) / 5
    model = bd.Model(f"y ~ s(x, z, k={k})", pd.DataFrame({"x": x, "z": z, "y": y}))
    designs = []
    for data in (pd.DataFrame({"x": x, "z": z}), pd.DataFrame({"x": [0.5, 1, 2, 3], "z": [2, 0.3, 1, 1.5]})):
        rows = rows_of(model.spec, read_frame(data), observed=False)
        designs.append((np.column_stack([np.ones(len(data)), rows.arrays["mu_s_1.line"]]), rows.arrays["mu_s_1.Z"]))
    (free, basis), (free_new, basis_new) = designs
    likelihood, sigma, spread, curve = PLANE[k]
    covariance = sigma**2 * np.eye(40) + spread**2 * basis @ basis.T
    precision = free.T @ np.linalg.solve(covariance, free)
    plane = np.linalg.solve(precision, free.T @ np.linalg.solve(covariance, y))
    left = y - free @ plane
    weights = np.linalg.solve(covariance, left)
    volumes = [np.linalg.slogdet(a)[1] for a in (covariance, precision, free.T @ free)]
    value = -0.5 * (volumes[0] + volumes[1] - volumes[2] + left @ weights + 37 * np.log(2 * np.pi))
    assert value == pytest.approx(likelihood, abs=1e-6)
    np.testing.assert_allclose(free_new @ plane + spread**2 * basis_new @ (basis.T @ weights), curve, atol=2e-5)


def restricted(free: np.ndarray, z: np.ndarray, y: np.ndarray, sigma: float, sds: np.ndarray) -> tuple[float, Any, Any]:
    """Return the log restricted likelihood but for a constant, coefficients of ``free``, and the rows' weights."""
    covariance = sigma**2 * np.eye(len(y)) + (z * sds**2) @ z.T
    precision = free.T @ np.linalg.solve(covariance, free)
    lines = np.linalg.solve(precision, free.T @ np.linalg.solve(covariance, y))
    left = y - free @ lines
    weights = np.linalg.solve(covariance, left)
    value = -0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precision)[1] + left @ weights)
    return value, lines, weights


def test_a_product_of_bases_is_that_of_mgcv():
    """Each column has every value with each of the other, so that being orthogonal over knots, as in mgcv, is so over rows.

    d <- data.frame(x, z, y)
    m <- gam(y ~ t2(x, z, k=c(5, 5), bs="cr"), data=d, method="REML",
             control=gam.control(epsilon=1e-12, newton=list(conv.tol=1e-12)))
    sqrt(m$reml.scale); predict(m, data.frame(x=c(0.5, 3, 5, 7, -1), z=c(0.2, 1, 2.5, 1, 4)))
    """
    i = np.arange(75)
    x, z = np.array([0, 1, 2.5, 4, 6])[i % 5], np.array([0, 0.5, 1.5, 2, 3])[i // 5 % 5]
    y = np.round(np.sin(x) * np.cos(z) + 0.2 * x + 0.1 * (i * 13 % 17 - 8) / 5, 4)
    model = bd.Model("y ~ t2(x, z, k=[5, 5], bs=['cr', 'cr'])", pd.DataFrame({"x": x, "z": z, "y": y}))
    designs = []
    for data in (pd.DataFrame({"x": x, "z": z}), pd.DataFrame({"x": [0.5, 3, 5, 7, -1], "z": [0.2, 1, 2.5, 1, 4]})):
        rows = rows_of(model.spec, read_frame(data), observed=False)
        designs.append((np.column_stack([np.ones(len(data)), rows.arrays["mu_t2_1.line"]]), rows.arrays["mu_t2_1.Z"]))
    (free, basis), (free_new, basis_new) = designs
    (piece,) = TERMS["t2"].effects(model.spec.predictors[0].terms[1].state)[1].pieces
    of = list(piece.sds.of)
    start = np.log([0.1, 0.5, 0.1, 0.2])
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}

    def lost(p: np.ndarray) -> float:
        return -restricted(free, basis, y, np.exp(p[0]), np.exp(p[1:])[of])[0]

    best = minimize(lost, start, method="Nelder-Mead", options=options)
    sds = np.exp(best.x[1:])[of]
    _, lines, weights = restricted(free, basis, y, np.exp(best.x[0]), sds)
    assert np.exp(best.x[0]) == pytest.approx(0.087663892264, rel=2e-6)
    curve = free_new @ lines + (basis_new * sds**2) @ (basis.T @ weights)
    wanted = [0.573045580794, 0.599083504981, 1.642172435978, 1.673415796695, 1.359372021094]
    np.testing.assert_allclose(curve, wanted, atol=5e-6)


def test_functions_of_levels_are_those_of_mgcv():
    """The covariance of the values that a level's departure has at some rows, of mean variance 1 over all.

    e <- data.frame(x, g=factor(g)); sm <- smoothCon(s(x, g, bs="fs", k=6), data=e)[[1]]
    X <- t(sapply(1:60, function(i) sm$X[i, 6*(as.integer(e$g[i])-1) + 1:4]))
    (X %*% t(X) / (sum(X^2)/60))[1:3, c(1, 2, 3, 10, 31)]
    """
    i = np.arange(60)
    data = pd.DataFrame({"x": i * 7 % 60 / 6, "g": np.array(list("abcd"))[i % 4], "y": np.sin(i)})
    rows = rows_of(bd.Model("y ~ s(x, g, bs='fs', k=6)", data).spec, read_frame(data), observed=False)
    basis = rows.arrays["mu_s_1.X"][:, 1:]
    wanted = [
        [3.667556635905, 1.3546929910785, -0.5362928038878, 2.656854473012, -1.8935475557216],
        [1.354692991079, 0.6309913948825, -0.0819364674723, 1.045459271912, -0.8940104969725],
        [-0.536292803888, -0.0819364674723, 0.2069586575474, -0.333412599649, 0.0786293573238],
    ]
    np.testing.assert_allclose((basis @ basis.T)[:3][:, [0, 1, 2, 9, 30]], wanted, atol=1e-6)
