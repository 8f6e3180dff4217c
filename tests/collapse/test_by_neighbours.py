"""Normal responses with maps: the sparse factorisation says what the dense one of independent columns says."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse import centre_of, layout_of, moments_of, posterior_arrays, system_of
from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.by_neighbours import ByNeighbours
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.numerics.sparse_factors import available

pytestmark = pytest.mark.skipif(not available(), reason="without a compiler there are no loops in C")


def near(pieces: bool) -> pd.DataFrame:
    """Return a map of 5 by 6 squares; in ``pieces`` its first row is apart and its last square an island."""
    rows, columns = 5, 6
    found = np.zeros((30, 30))
    for k in range(rows * columns):
        steps = [1] * ((k + 1) % columns > 0) + [columns] * (k + columns < 30)
        for step in steps:
            found[k, k + step] = found[k + step, k] = 1.0 + 0.5 * (k % 3)
    if pieces:
        found[:6, 6:] = found[6:, :6] = 0.0
        found[-1] = found[:, -1] = 0.0
    labels = [f"r{k:02d}" for k in range(30)]
    return pd.DataFrame(found, index=labels, columns=labels)


def model_of(text: str, *, pieces: bool = True, left: str = "y", **more: Any) -> bd.Model:
    table = near(pieces)
    rng = np.random.default_rng(0)
    region = np.repeat([name for name in table.index if name != "r03"], 3)  # a region without rows
    data = pd.DataFrame({"region": region, "x": rng.normal(3, 2, len(region)), "w": rng.uniform(0.5, 2, len(region))})
    data["g"], data["z"] = rng.choice(list("abcde"), len(region)), rng.normal(size=len(region))
    bumps = np.sin(np.arange(30) / 4.0)[pd.Categorical(region, table.index).codes]
    data["y"] = 10 + 0.4 * data["x"] + bumps + rng.normal(size=len(region))
    return bd.Model(f"{left} ~ {text}", data, arrays={"W": table}, **more)


def systems(model: bd.Model, *, sparse: bool) -> tuple[LinearSystem, Any]:
    rows = model.__dict__["_rows"]
    layout = layout_of(model.spec, sparse=sparse)
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)

    def named(points: np.ndarray, coefficients: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        return posterior_arrays(model.spec, layout, system, centre, points, coefficients)

    return system, named


CASES: dict[str, dict[str, Any]] = {
    "neighbours alone": {"text": "x + car(region, W, type='icar')"},
    "one piece": {"text": "x + car(region, W)", "pieces": False},
    "pieces and an island": {"text": "x + car(region, W)"},
    "without an intercept": {"text": "0 + x + car(region, W, type='icar')"},
    "a flat intercept": {"text": "x + car(region, W, type='icar')", "priors": {"Intercept": "Flat()"}},
    "beside groups": {"text": "car(region, W) + (1 + x | g)"},
    "beside a smooth": {"text": "s(x, k=5) + car(region, W) + (1 | g)"},
    "weights": {"text": "z + car(region, W)", "left": "weighted(y, w)"},
    "known errors": {"text": "x + car(region, W, type='icar')", "sigma": bd.known(0.9)},
}


@pytest.mark.parametrize("case", CASES)
def test_marginal_density_is_that_of_columns(case: str) -> None:
    model = model_of(**CASES[case])
    (sparse, _), (dense, _) = (systems(model, sparse=own) for own in (True, False))
    assert [h.name for h in sparse.hyperparameters] == [h.name for h in dense.hyperparameters]
    points = np.random.default_rng(1).normal(scale=0.8, size=(20, sparse.dim))
    points[:2] += [[-4.0], [4.0]]  # little noise, and much
    solver = plan(sparse)
    assert isinstance(solver, ByNeighbours)
    found, wanted = (
        solver.log_likelihood(scales_of(sparse, points)),
        plan(dense).log_likelihood(scales_of(dense, points)),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-7)


DEARER = [pytest.param(case, marks=pytest.mark.integration) for case in ("neighbours alone", "beside groups")]


@pytest.mark.parametrize("case", ["pieces and an island", *DEARER])
def test_coefficients_have_the_distribution_that_columns_give_them(case: str) -> None:
    count, model = 6000, model_of(**CASES[case])
    made = []
    for own in (True, False):
        system, named = systems(model, sparse=own)
        point = np.random.default_rng(2).normal(scale=0.5, size=(1, system.dim))
        points = np.repeat(point, count, axis=0)
        found = named(points, plan(system).draw(scales_of(system, points), np.random.default_rng(3)))
        made.append(np.column_stack([found[name].reshape(count, -1) for name in sorted(found)]))
    first, second = made
    moving = first.std(axis=0) > 1e-9
    spread = second[:, moving].std(axis=0)
    apart = (first.mean(axis=0) - second.mean(axis=0))[moving] / spread
    assert np.abs(apart).max() < 5 * np.sqrt(2 / count)
    np.testing.assert_allclose(first[:, moving].std(axis=0) / spread, 1.0, atol=5 / np.sqrt(count))
    correlations = [np.corrcoef(one[:, moving].T) for one in made]
    assert np.abs(correlations[0] - correlations[1]).max() < 7 / np.sqrt(count)
    np.testing.assert_allclose(first[:, ~moving].mean(axis=0), second[:, ~moving].mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("type_", ["icar", "bym2"])
def test_neighbours_alone_sum_to_zero_over_pieces(type_: str) -> None:
    system, _ = systems(model_of(f"car(region, W, type='{type_}')"), sparse=True)
    graph = system.factors[0].neighbours
    assert graph is not None
    points = np.zeros((5, system.dim))
    drawn = plan(system).draw(scales_of(system, points), np.random.default_rng(0))[1][:, :, -1]
    assert len(graph.pieces) == 2
    for piece in graph.pieces:
        np.testing.assert_allclose(drawn[:, piece].sum(axis=1), 0.0, atol=1e-9)


def test_a_scale_of_zero_and_one_beyond_numbers() -> None:
    system, _ = systems(model_of("x + car(region, W)"), sparse=True)
    solver = plan(system)
    points = np.zeros((3, system.dim))
    names = [h.name for h in system.hyperparameters]
    points[0, names.index("car(region)_sigma")] = -np.inf
    points[1, names.index("car(region)_sigma")] = 800.0
    value = solver.log_likelihood(scales_of(system, points))
    flat, _ = systems(model_of("x + car(region, W)"), sparse=False)
    np.testing.assert_allclose(value[0], plan(flat).log_likelihood(scales_of(flat, points[:1]))[0], rtol=1e-8)
    assert value[1] == -np.inf
    assert np.isfinite(value[2])


def test_fits_of_maps_go_by_neighbours_whatever_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out = []
    monkeypatch.setattr(
        "bayesdeep.engines.collapsed.plan", lambda system: laid_out.append(plan(system)) or laid_out[-1]
    )
    fit = model_of("x + car(region, W, type='icar')").fit(seed=1, draws=100, chains=2, progress=False)
    assert fit.idata.attrs["method"] == "collapsed"
    assert isinstance(laid_out[0], ByNeighbours)


@pytest.mark.slow
@pytest.mark.parametrize("type_", ["icar", "bym2"])
def test_a_thousand_regions_with_a_row_each(type_: str) -> None:
    side = 32
    count = side * side
    k = np.arange(count)
    found = np.zeros((count, count))
    for step, there in ((1, (k + 1) % side > 0), (side, k + side < count)):
        found[k[there], k[there] + step] = found[k[there] + step, k[there]] = 1.0
    labels = [f"r{i:04d}" for i in k]
    rng = np.random.default_rng(1)
    bumps = np.sin(k // side / 5) + np.cos(k % side / 6)
    data = pd.DataFrame({"region": labels, "y": bumps + 0.5 * rng.standard_normal(count)})
    table = pd.DataFrame(found, index=labels, columns=labels)
    fit = bd.Model(f"y ~ car(region, W, type='{type_}')", data, arrays={"W": table}).fit(seed=1, progress=False)
    assert fit.diagnose().verdict != "do not trust"
    shown = fit.summary(var_names=["sigma", "car(region)_sigma"])
    assert shown["ess_bulk"].min() > 400
