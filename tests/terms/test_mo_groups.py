"""Monotonic effects whose mean step varies by group, and scales whose end levels no row has."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import array_mode, forward_draws, row_function
from bayesdeep.graph.own_scale import own_scale_density
from bayesdeep.report.mathematics import equations
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.rows import rows_of

LEVELS = ["none", "low", "mid", "high", "top"]
SHARES = np.array([0.1, 0.5, 0.1, 0.3])
GROUPED = "y ~ mo(x) + (1 + z + mo(x) | g)"


def data(rows: int = 200, seed: int = 0, levels: tuple[int, int] = (0, 5), groups: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    codes, g, z = rng.integers(*levels, rows), rng.integers(0, groups, rows), rng.normal(size=rows)
    way = np.concatenate([[0.0], np.cumsum(SHARES)]) * len(SHARES)
    u = rng.normal(size=(groups, 2)) * [0.5, 0.6]
    y = 1.0 + u[g, 0] + (0.8 + u[g, 1]) * way[codes] + rng.normal(0, 0.4, rows)
    x = pd.Categorical([LEVELS[c] for c in codes], categories=LEVELS, ordered=True)
    frame = pd.DataFrame({"y": y, "x": x, "z": z, "g": [f"g{i}" for i in g], "kind": [f"k{i}" for i in rng.integers(0, 3, rows)]})
    return frame.assign(two=(codes > 2).astype(int))


def draws_of(model: bd.Model, count: int) -> dict[str, np.ndarray]:
    return forward_draws(model._graph, list(model._graph.reported), count, {}, 1)


@pytest.mark.parametrize("family", ["gaussian", "categorical"])
def test_the_mean_step_of_a_group_varies_and_the_shares_do_not(family: str) -> None:
    frame = data()
    model = bd.Model(GROUPED.replace("y", "y" if family == "gaussian" else "kind", 1), frame, family)
    graph, draws = model._graph, draws_of(model, 5)
    assert [name for name in graph.reported if "simplex" in name] == ["mo(x)_simplex"]
    assert graph.reported["mo(x)|g_sigma"].entry.role == "sd"
    assert model._graph.coords["g_pair"] == ("1, z", "1, mo(x)", "z, mo(x)")
    found = np.asarray(row_function(graph, ["linear"])(draws)[0])
    way = 4 * np.concatenate([np.zeros_like(draws["mo(x)_simplex"][:, :1]), np.cumsum(draws["mo(x)_simplex"], axis=1)], axis=1)
    steps, g = frame["x"].cat.codes.to_numpy(), pd.Categorical(frame["g"]).codes
    z = frame["z"].to_numpy()
    if family == "categorical":
        found, z = found[..., -2:], z[:, None]
    mean = draws["mo(x)"][:, None] + draws["mo(x)|g"][:, g]
    expected = draws["Intercept"][:, None] + draws["1|g"][:, g] + draws["z|g"][:, g] * z + mean * way[:, steps]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_two_levels_are_a_column_of_0_and_1() -> None:
    frame = data()
    ours = bd.Model("y ~ mo(two) + (1 + mo(two) | g)", frame)
    plain = bd.Model("y ~ two + (1 + two | g)", frame)
    draws = {name.replace("two", "mo(two)"): value for name, value in draws_of(plain, 5).items()}
    assert set(draws) == set(ours._graph.reported)
    expected = row_function(plain._graph, ["linear"])({name.replace("mo(two)", "two"): v for name, v in draws.items()})[0]
    np.testing.assert_allclose(row_function(ours._graph, ["linear"])(draws)[0], expected, rtol=1e-9)
    for one, other in zip(ours.spec.priors, sorted(plain.spec.priors, key=lambda p: _place(ours, p.name)), strict=True):
        if "|g_sigma" in one.name:
            assert str(one.prior) == str(other.prior)


def _place(model: bd.Model, name: str) -> int:
    return [p.name for p in model.spec.priors].index(name.replace("two", "mo(two)"))


def test_new_groups_have_the_sds_and_correlations_of_the_draw() -> None:
    model = bd.Model("y ~ mo(x) + (1 + mo(x) | g)", data())
    draws = draws_of(model, 4_000)
    new = pd.DataFrame({"x": ["top", "mid"], "z": 0.0, "g": ["n1", "n2"]})
    fresh = with_new_groups(model.spec, draws, rows_of(model.spec, read_frame(new), observed=False), "sample", 2)
    first, slope = (fresh[f"{name}|g"][:, 10:] / draws[f"{name}|g_sigma"][:, None] for name in ("1", "mo(x)"))
    rho = draws["g_corr"][:, :1]
    for scaled in (first, slope, (slope - rho * first) / np.sqrt(1 - rho**2)):
        assert (np.abs(scaled.mean(axis=0)) < 4.5 / np.sqrt(4_000)).all()
        assert (np.abs(scaled.var(axis=0) - 1) < 4.5 * np.sqrt(2 / 4_000)).all()
    left = ((slope - rho * first) * first).mean(axis=0)
    assert (np.abs(left) < 4.5 / np.sqrt(4_000)).all()


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("y ~ (mo(x) | g)", r"'mo\(x\)' varies by group about what it is for all of them; write mo\(x\) outside"),
        ("y ~ mo(two) + (mo(x) | g)", "outside of the bracket"),
        ("y ~ mo(x) + (mo(x) | mm(g, kind))", "varies by the levels of columns"),
        ("y ~ mo(x) + (mo(x):z | g)", "cannot vary by group|write the product"),
        ("y ~ mo(x) + (mo(x) | g) + (1 | g)", "would appear twice"),
    ],
)
def test_what_is_refused(formula: str, text: str) -> None:
    with pytest.raises(bd.FormulaError, match=text):
        bd.Model(formula, data())


def test_mathematics_says_what_a_group_has() -> None:
    text = equations(bd.Model(GROUPED, data()).spec)
    assert "u(mo(x)|g)[gᵢ] · 4 · Σ_(j ≤ cᵢ) mo(x)_simplex[j], c the steps of x" in text
    assert "correlations g_corr" in text
    assert "for each of the 10 levels of g" in text


@pytest.mark.few(5, more=5)
@pytest.mark.parametrize("levels", [(0, 4), (1, 4), (1, 5)])
@pytest.mark.parametrize("formula", ["y ~ mo(x) + z", "y ~ mo(x) * z", "y ~ mo(x)"])
@pytest.mark.parametrize("raw", ["", "_raw"])
def test_coordinates_of_ends_without_rows_leave_the_model_as_it_is(levels: tuple[int, int], formula: str, raw: str) -> None:
    """The density in what is reported is that of the priors and the rows, written by hand."""
    frame = data(60, levels=levels)
    priors = {f"Intercept{raw}": "Normal(1, 2)", "mo(x)": "Normal(0.5, 1.5)", "sigma": "HalfNormal(1)"}
    given = priors | {"mo(x)_simplex": "Dirichlet(2.5)"} | ({"z": "Normal(0, 1)"} if "z" in formula else {})
    given |= {"mo(x):z": "StudentT(4, 0, 0.7)"} if "*" in formula else {}
    graph = bd.Model(formula, frame, priors=given)._graph
    names = list(graph.reported)
    inputs = graph.model.value_vars
    ours = graph.model.compile_fn(own_scale_density(graph), inputs=inputs, mode=array_mode())
    tensors = graph.model.replace_rvs_by_values([graph.reported[name].tensor for name in names])
    shown = graph.model.compile_fn(tensors, inputs=inputs, mode=array_mode())
    rng, apart, initial = np.random.default_rng(3), [], graph.model.initial_point()
    for _ in range(5):
        point = {name: rng.normal(size=value.shape) for name, value in initial.items()}
        apart.append(float(ours(point)) - _by_hand(dict(zip(names, shown(point), strict=True)), frame, raw))
    np.testing.assert_allclose(apart, apart[0], atol=1e-8)


def _by_hand(found: dict[str, Any], frame: pd.DataFrame, raw: str) -> float:
    z, steps, shares = frame["z"].to_numpy(), frame["x"].cat.codes.to_numpy(), found["mo(x)_simplex"]
    b_z, product = found.get("z", 0.0), found.get("mo(x):z", 0.0)
    way = 4 * np.concatenate([[0.0], np.cumsum(shares)])[steps]
    mean = found["Intercept"] + b_z * z + (found["mo(x)"] + product * z) * way
    at = found["Intercept"] + (0.0 if raw else b_z * z.mean())
    total = stats.norm(mean, found["sigma"]).logpdf(frame["y"]).sum() + stats.norm(1, 2).logpdf(at)
    total += stats.norm(0.5, 1.5).logpdf(found["mo(x)"]) + 1.5 * np.log(shares).sum() + stats.halfnorm.logpdf(found["sigma"])
    total += stats.norm.logpdf(b_z) if "z" in found else 0.0
    return float(total + (stats.t(4, 0, 0.7).logpdf(product) if "mo(x):z" in found else 0.0))


def test_thresholds_are_those_of_the_lowest_level_of_all() -> None:
    """Also where these are sampled at the lowest level that rows have."""
    frame = data(80, levels=(1, 4)).assign(r=lambda d: pd.Categorical(d["kind"], ordered=True))
    model = bd.Model("r ~ mo(x)", frame, "cumulative", priors={"threshold": "Normal(0, 3)"})
    draws = draws_of(model, 4_000)
    assert np.abs(draws["threshold"].mean()) < 0.3
    np.testing.assert_allclose(draws["mo(x)_simplex"].mean(axis=0), 0.25, atol=0.02)


@pytest.mark.integration
def test_what_was_simulated_is_found_and_kept(tmp_path: Path) -> None:
    frame = data(400, levels=(1, 4), groups=12)
    fit = bd.Model("y ~ mo(x) + (1 + mo(x) | g)", frame).fit("nuts", draws=400, tune=500, seed=1, progress=False)
    table = fit.summary(var_names=["Intercept", "mo(x)", "mo(x)_simplex", "sigma"])
    assert (table["r_hat"] < 1.03).all()
    assert (table["ess_bulk"] > 200).all()
    fit.save(tmp_path / "fit")
    new = pd.DataFrame({"x": ["low", "high", "top"], "g": ["g1", "g1", "new"]})
    found = bd.load(tmp_path / "fit").predict(new, kind="mean", new_groups="sample")
    pd.testing.assert_frame_equal(found, fit.predict(new, kind="mean", new_groups="sample"))
    # From "low" to "high" rows of group g1 rise by what they were made with.
    own = np.random.default_rng(0)
    own.integers(1, 4, 400), own.integers(0, 12, 400), own.normal(size=400)
    rise = (0.8 + (own.normal(size=(12, 2)) * [0.5, 0.6])[1, 1]) * 4 * SHARES[1:3].sum()
    linear = fit.draws(new.head(2), kind="linear").to_numpy()
    draws = (linear[..., 1] - linear[..., 0]).ravel()
    assert abs(draws.mean() - rise) < 4 * draws.std()
    assert draws.std() < 0.3
