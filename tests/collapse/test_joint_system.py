"""Several normal responses as one linear system, against the dense normal distribution of all their rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import bayesdeep as bd
from bayesdeep.collapse.joint_system import joint_system
from bayesdeep.graph.joint_graph import patterns
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of


def data(rows: int = 60, groups: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g, h = rng.integers(groups, size=rows), rng.integers(3, size=rows)
    x = rng.normal(size=rows)
    made = pd.DataFrame({"x": x, "g": [f"g{i}" for i in g], "h": [f"h{i}" for i in h]})
    for k, name in enumerate(("a", "b", "c")):
        made[name] = k + x + 0.5 * g + rng.normal(size=rows)
    return made


def missing_some(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[:9, "b"] = np.nan
    frame.loc[5:14, "c"] = np.nan
    frame.loc[20, ["a", "b"]] = np.nan
    return frame


CASES = {
    "effects and residuals correlated": (["a ~ x + (1 |p| g)", "b ~ x + (1 |p| g)"], True, False),
    "three responses, slopes, a crossed factor": (
        ["a ~ x + (1 + x |p| g)", "b ~ 1 + (1 |p| g) + (1 | h)", "c ~ x + (1 | h)"], True, False,
    ),
    "rows lack responses": (["a ~ x + (1 |p| g)", "b ~ x + (1 |p| g)", "c ~ 1 + (1 | g)"], True, True),
    "independent residuals": (["a ~ x + (1 |p| g)", "b ~ 1 + (0 + x |p| g)"], False, True),
}  # fmt: skip


def dense_density(joint: Any, point: np.ndarray, frame: pd.DataFrame) -> float:
    """Return the log density of all responses that are there, by their covariance matrix; every prior is normal."""
    spec, system = joint.spec, joint.system
    scales = scales_of(system, point[None])
    noise = system.noise
    sds = np.array([np.exp(point[s.index]) for s in noise.scales])
    size, corr = len(sds), np.eye(len(sds))
    if noise.first is not None:
        pairs = joint.values(point[None], _no_coefficients(joint))["residual_corr"][0]
        for pair, (i, j) in zip(pairs, ((a, b) for a in range(1, size) for b in range(a)), strict=True):
            corr[i, j] = corr[j, i] = pair
    covariance, y, blocks, where = [], [], [], []
    for one, part in zip(spec.responses, joint.parts, strict=True):
        there = frame[one.response.name].notna().to_numpy()
        own = frame[there]
        design = np.stack([np.ones(len(own)), *([own["x"]] if any(p.name == "x" for p in one.priors) else [])], axis=1)
        variance, mean = [], []
        for name in ("Intercept", "x")[: design.shape[1]]:
            chosen = one.prior(name)
            mean.append(chosen.prior.get("mu"))
            variance.append(chosen.prior.get("sigma") ** 2)
        if design.shape[1] == 2:
            design[:, 1] -= part.layout.means[1]
        y.append(own[one.response.name].to_numpy() - design @ np.array(mean))
        blocks.append(design * np.sqrt(variance))
        where.append(np.flatnonzero(there))
    offsets = np.cumsum([0, *(len(v) for v in y)])
    total = offsets[-1]
    covariance = np.zeros((total, total))
    for k in range(size):
        for m in range(size):
            a, b = slice(offsets[k], offsets[k + 1]), slice(offsets[m], offsets[m + 1])
            same = where[k][:, None] == where[m][None]
            covariance[a, b] += sds[k] * sds[m] * corr[k, m] * same
        own = slice(offsets[k], offsets[k + 1])
        covariance[own, own] += blocks[k] @ blocks[k].T
    for number, factor in enumerate(system.factors):
        root = np.zeros((factor.width, factor.width))
        for i, row in enumerate(scales.roots[number]):
            for j, entry in enumerate(row):
                root[i, j] = 0.0 if entry is None else entry[0]
        column, codes = np.zeros((total, factor.width)), np.zeros(total, dtype=int)
        name = factor.name
        labels = sorted(frame[name].unique())
        for k, part in enumerate(joint.parts):
            own = slice(offsets[k], offsets[k + 1])
            codes[own] = [labels.index(v) for v in frame[name].to_numpy()[where[k]]]
            for f, (target, spots) in enumerate(part.places):
                if target != number:
                    continue
                effects = [e for e in part.layout.effects if e.factor == f]
                for e in effects:
                    for c, piece in enumerate(e.effect.pieces):
                        values = frame["x"].to_numpy()[where[k]] if piece.name == "x" else 1.0
                        column[own, spots[e.start + c]] = values
        covariance += (codes[:, None] == codes[None]) * (column @ root @ root.T @ column.T)
    return float(multivariate_normal(np.zeros(total), covariance).logpdf(np.concatenate(y)))


def _no_coefficients(joint: Any) -> tuple[np.ndarray, ...]:
    system = joint.system
    return (np.zeros((1, system.columns)), *(np.zeros((1, f.levels, f.width)) for f in system.factors))


@pytest.mark.parametrize("case", CASES)
def test_marginal_density_is_that_of_the_dense_normal_distribution(case: str) -> None:
    formulas, residual, gaps = CASES[case]
    frame = missing_some(data()) if gaps else data()
    model = bd.Model(formulas, frame, missing="model", residual_correlation=residual)
    rows = model._rows
    joint = joint_system(model.spec, rows.each, rows.places, patterns(rows.places, rows.rows))
    solver, rng = plan(joint.system), np.random.default_rng(1)
    for _ in range(3):
        point = rng.normal(0, 0.4, joint.system.dim)
        found = solver.log_likelihood(scales_of(joint.system, point[None]))[0]
        assert found == pytest.approx(dense_density(joint, point, frame), abs=1e-7)


def test_coefficients_are_drawn_from_their_conditional_distribution() -> None:
    frame = data(40, 4)
    model = bd.Model(["a ~ x + (1 |p| g)", "b ~ x + (1 |p| g)"], frame, residual_correlation=True)
    rows = model._rows
    joint = joint_system(model.spec, rows.each, rows.places, patterns(rows.places, rows.rows))
    solver = plan(joint.system)
    scales = scales_of(joint.system, np.full((1, joint.system.dim), 0.3))
    many = scales_of(joint.system, np.full((4000, joint.system.dim), 0.3))
    drawn = solver.draw(many, np.random.default_rng(2))
    flat = np.concatenate([drawn[0], drawn[1].reshape(4000, -1)], axis=1)
    # By the density of everything: its curvature is the precision, its mode the mean.
    noise, weights = joint.system.noise, scales.weights[0]
    p, factor = joint.system.columns, joint.system.factors[0]
    size = p + factor.levels * factor.width
    precision, right = np.zeros((size, size)), np.zeros(size)
    for one, weight in zip(noise.moments, weights, strict=True):
        precision[:p, :p] += weight * one.gram[:-1, :-1]
        right[:p] += weight * one.gram[:-1, -1]
        for level in range(factor.levels):
            span = slice(p + level * factor.width, p + (level + 1) * factor.width)
            precision[span, span] += weight * one.own[0][level]
            precision[span, :p] += weight * one.with_columns[0][level][:, :-1]
            precision[:p, span] += weight * one.with_columns[0][level][:, :-1].T
            right[span] += weight * one.with_columns[0][level][:, -1]
    root = np.zeros((factor.width, factor.width))
    for i, row in enumerate(scales.roots[0]):
        for j, entry in enumerate(row):
            root[i, j] = 0.0 if entry is None else entry[0]
    precision[:p, :p] += joint.system.precision
    for level in range(factor.levels):
        span = slice(p + level * factor.width, p + (level + 1) * factor.width)
        precision[span, span] += np.linalg.inv(root @ root.T)
    mean, covariance = np.linalg.solve(precision, right), np.linalg.inv(precision)
    sds = np.sqrt(np.diag(covariance))
    assert (np.abs(flat.mean(axis=0) - mean) < 5 * sds / np.sqrt(4000)).all()
    assert np.cov(flat.T) / np.outer(sds, sds) == pytest.approx(covariance / np.outer(sds, sds), abs=5 / np.sqrt(4000))
