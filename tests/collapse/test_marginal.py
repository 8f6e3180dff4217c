"""The marginal likelihood and the conditional draws of a linear system, against the dense normal distribution they stand for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

import bayesdeep as bd
from bayesdeep.collapse import centre_of, layout_of, moments_of, posterior_arrays, system_of
from bayesdeep.core.effects import Columns
from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.block_elimination import Blocks
from bayesdeep.linear.crossed import lay_out_crossed
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of


def frame(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    made = pd.DataFrame(
        {
            "x": rng.normal(50, 3, rows),
            "z": rng.normal(size=rows),
            "g": rng.integers(0, 12, rows).astype(str),
            "h": rng.integers(0, 5, rows).astype(str),
            "w": rng.integers(1, 4, rows).astype(float),
            "se": rng.uniform(0.5, 2, rows),
            "c": rng.choice(list("abc"), rows),
        }
    )
    made["s"] = (made.g.astype(int) // 3).astype(str)
    made["t"] = (made.s.astype(int) // 2).astype(str)
    return made.assign(y=100 + 0.5 * made.x + made.z + rng.normal(size=rows) + rng.normal(size=12)[made.g.astype(int)])


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "no group": ("y ~ x + c", {}),
    "intercept only": ("y ~ 1", {}),
    "correlated": ("y ~ x + (1 + x | g)", {}),
    "uncorrelated": ("y ~ z + (1 + z || g)", {}),
    "three coefficients": ("y ~ z + (1 + c | g)", {}),
    "nested": ("y ~ z + (1 + z | s/g)", {}),
    "nested three deep": ("y ~ z + (1 + z | t/s/g)", {}),
    "crossed": ("y ~ z + (1 + z | g) + (1 + c | h)", {}),
    "crossed and nested": ("y ~ (1 | s/g) + (1 | h)", {}),
    "no intercept": ("y ~ 0 + x + (1 | g)", {}),
    "offset": ("y ~ offset(x) + z + (1 | g)", {}),
    "weights": ("weighted(y, w) ~ z + (1 | g)", {}),
    "known errors": ("y ~ z + (1 | g)", {"sigma": bd.known("se")}),
    "known number": ("y ~ z + (1 | g)", {"sigma": bd.known(0.8)}),
    "raw intercept": ("y ~ x + (1 | g)", {"priors": {"Intercept_raw": "Normal(20, 30)"}}),
    "priors far from 0": ("y ~ x + z + (1 | g)", {"priors": {"x": "Normal(-20, 0.1)", "z": "Normal(500, 1)"}}),
    "a smooth": ("y ~ s(x, k=6)", {}),
    "a smooth without an intercept": ("y ~ 0 + z + s(x, k=5, bs='cr')", {}),
    "smooths beside groups": ("y ~ s(x, k=5) + s(z, k=6, bs='cr') + (1 + c | g) + (1 | h)", {}),
    "tensor products by category": ("y ~ t2(x, z, by=c, k=4)", {}),
    "given effects": ("y ~ z + (1 | g) + (0 + z | g)", {"priors": {"1|g": "Normal(0, 1.5)", "z|g": "Normal(0, Exponential(1))"}}),
}


@dataclass
class Dense:
    """The same model written out: covariances of everything, by hand."""

    log_likelihood: float
    mean: np.ndarray
    covariance: np.ndarray


def made(case: str) -> tuple[Any, Any, LinearSystem, float]:
    formula, options = CASES[case]
    model = bd.Model(formula, frame(), **options)
    rows = model.__dict__["_rows"]
    layout = layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
    return model, layout, system, centre


def roots(system: LinearSystem, point: np.ndarray) -> list[np.ndarray]:
    found = []
    for entries in scales_of(system, point[None]).roots:
        root = np.zeros((len(entries), len(entries)))
        for k, row in enumerate(entries):
            for m, entry in enumerate(row):
                root[k, m] = 0.0 if entry is None else entry[0]
        found.append(root)
    return found


def dense(case: str, model: Any, layout: Any, system: LinearSystem, centre: float, point: np.ndarray) -> Dense:
    """Write down X, Z and every covariance matrix row by row from the model's arrays."""
    arrays, response = model.__dict__["_rows"].arrays, model.__dict__["_rows"].response
    y = response.value.astype(float) - centre
    for key in layout.shifts:
        y = y - arrays[key]
    n = len(y)
    columns = [np.ones((n, 1))] if layout.intercept else []
    columns += [arrays[f"{p.key}.{p.rows.array}"] for p in layout.columns if p.rows.array is not None]
    design = (np.hstack(columns) - layout.means) / layout.sds if columns else np.zeros((n, 0))
    blocks, priors = [design], [np.linalg.inv(system.precision)] if design.shape[1] else []
    pieces: list[list[np.ndarray]] = [[] for _ in layout.factors]
    codes: list[np.ndarray] = [np.zeros(0)] * len(layout.factors)
    for place in layout.effects:
        of_rows = isinstance(place.rows, Columns)
        codes[place.factor] = np.zeros(n, dtype=int) if of_rows else arrays[f"{place.key}.codes"]
        if place.rows.intercept and not of_rows:
            pieces[place.factor].append(np.ones(n))
        if place.rows.array is not None:
            pieces[place.factor] += list(arrays[f"{place.key}.{place.rows.array}"].T)
    for (_, levels, width), code, own, root in zip(layout.factors, codes, pieces, roots(system, point), strict=True):
        z = np.zeros((n, levels, width))
        z[np.arange(n), code] = np.stack(own, axis=1)
        blocks.append(z.reshape(n, -1))
        priors.append(np.kron(np.eye(levels), root @ root.T))
    whole, prior = np.hstack(blocks), linalg.block_diag(*priors)
    prior_mean = np.zeros(whole.shape[1])
    if design.shape[1]:
        prior_mean[: design.shape[1]] = system.origin
    sigma = float(scales_of(system, point[None]).sigma[0])
    errors = {"known errors": arrays.get("sigma"), "known number": np.full(n, 0.8)}.get(case)
    noise = np.full(n, sigma**2) if errors is None else errors**2
    if response.weights is not None:
        noise = noise / response.weights
    marginal = whole @ prior @ whole.T + np.diag(noise)
    value = stats.multivariate_normal(whole @ prior_mean, marginal, allow_singular=False).logpdf(y)
    if response.weights is not None:
        # A weight multiplies a row's log density; the normal with variance sigma² / w has another constant.
        w = response.weights
        value += float((0.5 * (1 - w) * np.log(2 * np.pi * sigma**2) - 0.5 * np.log(w)).sum())
    gain = prior @ whole.T @ np.linalg.inv(marginal)
    return Dense(float(value), prior_mean + gain @ (y - whole @ prior_mean), prior - gain @ whole @ prior)


def a_point(system: LinearSystem, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scales, correlations = rng.uniform(-1.0, 0.7, system.dim), rng.uniform(-0.6, 0.6, system.dim)
    return np.where([h.kind == "scale" for h in system.hyperparameters], scales, correlations)


@pytest.mark.few(6)
@pytest.mark.parametrize("case", CASES)
def test_marginal_likelihood_is_the_dense_normal_density(case: str) -> None:
    model, layout, system, centre = made(case)
    solver = plan(system)
    points = np.stack([a_point(system, seed) for seed in range(3)])
    values = solver.log_likelihood(scales_of(system, points))
    for value, point in zip(values, points, strict=True):
        assert value == pytest.approx(dense(case, model, layout, system, centre, point).log_likelihood, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if len(made(c)[2].factors)])
def test_both_layouts_agree(case: str) -> None:
    system = made(case)[2]
    points = np.stack([a_point(system, seed) for seed in range(3)])
    blocks = plan(system)
    assert isinstance(blocks, Blocks)
    largest = max(range(len(system.factors)), key=lambda f: system.factors[f].levels)
    crossed = lay_out_crossed(system, largest)
    scales = scales_of(system, points)
    np.testing.assert_allclose(crossed.log_likelihood(scales), blocks.log_likelihood(scales), rtol=1e-10, atol=1e-7)


@pytest.mark.few(10)
@pytest.mark.parametrize("layout_name", ["blocks", "crossed"])
@pytest.mark.parametrize("case", [c for c in CASES if len(made(c)[2].factors)])
def test_coefficients_are_drawn_from_their_conditional(case: str, layout_name: str) -> None:
    model, layout, system, centre = made(case)
    point = a_point(system, 7)
    draws = 4000
    largest = max(range(len(system.factors)), key=lambda f: system.factors[f].levels)
    solver = plan(system) if layout_name == "blocks" else lay_out_crossed(system, largest)
    drawn = solver.draw(scales_of(system, np.repeat(point[None], draws, axis=0)), np.random.default_rng(5))
    flat = np.hstack([drawn[0] + system.origin, *(d.reshape(draws, -1) for d in drawn[1:])])
    wanted = dense(case, model, layout, system, centre, point)
    sds = np.sqrt(np.diag(wanted.covariance))
    # 4.5 standard errors: of a few hundred comparisons of right numbers none fails in a lifetime.
    assert np.abs((flat.mean(axis=0) - wanted.mean) / sds).max() < 4.5 / np.sqrt(draws)
    correlation = wanted.covariance / np.outer(sds, sds)
    found = (flat - wanted.mean).T @ (flat - wanted.mean) / draws / np.outer(sds, sds)
    assert np.abs(found - correlation).max() < 4.5 * np.sqrt(2 / draws)


@pytest.mark.few(5)
@pytest.mark.parametrize("case", CASES)
def test_names_give_back_the_predictor(case: str) -> None:
    """The model's own graph, fed with the named arrays, predicts what the system's coefficients predict."""
    from bayesdeep.graph.evaluate import row_function

    model, layout, system, centre = made(case)
    points = np.stack([a_point(system, seed) for seed in range(4)])
    drawn = plan(system).draw(scales_of(system, points), np.random.default_rng(1))
    named = posterior_arrays(model.spec, layout, system, centre, points, drawn)
    graph = model._graph
    assert set(named) == set(graph.reported)
    (linear,) = row_function(graph, ["linear"])(named)
    moments = system.moments
    # Residual sum of squares, once from the predictor and once from the sufficient statistics.
    arrays, response = model.__dict__["_rows"].arrays, model.__dict__["_rows"].response
    precision = np.ones(model.rows) if response.weights is None else response.weights
    if layout.standard_error is not None:
        given = layout.standard_error
        precision = precision / (arrays[given] if isinstance(given, str) else given) ** 2
    direct = (precision * (response.value - linear) ** 2).sum(axis=1)
    beta = np.hstack([-drawn[0], np.ones((4, 1))])
    total = np.einsum("bi,ij,bj->b", beta, moments.gram, beta)
    for f, u in enumerate(drawn[1:]):
        total += np.einsum("bjk,jkm,bjm->b", u, moments.own[f], u)
        total -= 2 * np.einsum("bjk,jkc,bc->b", u, moments.with_columns[f], beta)
    for (f, g), table in moments.between.items():
        left, right = drawn[1 + f].reshape(4, -1), drawn[1 + g].reshape(4, -1)
        total += 2 * np.array([left[i] @ (table @ right[i]) for i in range(4)])
    np.testing.assert_allclose(direct, total, rtol=1e-8)
