"""Linear Gaussian models are worked out without a graph: the same names, and the same values as the graph's to rounding."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.posterior_layout import shown_names
from bayesdeep.collapse.row_system import why_not_rows
from bayesdeep.collapse.row_values import is_linear, log_density, noise_sd, predictor
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.linear_rows import linear_function
from bayesdeep.results.new_groups import _with_levels, with_new_groups
from bayesdeep.results.rows import containers, rows_of

FORMULAS = {
    "slopes": ("y ~ x + (1 + x | g)", {}),
    "no intercept": ("y ~ 0 + x + c", {}),
    "offset": ("y ~ x + offset(z)", {}),
    "weights": ("weighted(y, w) ~ x + (1 | g)", {}),
    "column of errors": ("y ~ x + (1 | g)", {"sigma": bd.known("w")}),
    "known error": ("y ~ x + (1 | g)", {"sigma": bd.known(0.7)}),
    "scaled": ("y ~ scale(x) * c + (c || g) + (0 + x | h)", {}),
    "nested": ("log(w) ~ poly(x, 2) + (c | g) + (1 | g:h)", {}),
    "own prior": ("y ~ x + (1 | g)", {"priors": {"1|g": "Normal(0, HalfNormal(1))"}}),
    "given scale": ("y ~ x + (1 + x || g)", {"priors": {"x|g": "Normal(0, 0.3)"}}),
    "names": ("y ~ draw + (1 | obs)", {}),
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    n = 40
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "w": rng.uniform(0.5, 2, n),
            "draw": rng.normal(size=n),
            "c": rng.choice(list("abc"), n),
            "g": rng.choice(["p", "q", "r", "s"], n),
            "h": rng.choice(["1", "2"], n),
            "obs": rng.choice(["u", "v"], n),
        }
    )


@pytest.fixture(scope="module", params=FORMULAS)
def case(request, data):
    formula, options = FORMULAS[request.param]
    model = bd.Model(formula, data, **options)
    assert is_linear(model.spec)
    rows = model.__dict__["_rows"]
    graph = rows.graph(model.spec)
    return model.spec, rows, graph, forward_draws(graph, list(graph.reported), 7, {}, 5)


def test_names_dimensions_and_labels_are_the_graphs(case):
    spec, _, graph, _ = case
    shown = shown_names(spec)
    assert list(shown.reported) == list(graph.reported)
    for name, theirs in graph.reported.items():
        assert (shown.reported[name].dims, shown.reported[name].entry) == (tuple(theirs.dims), theirs.entry), name
    used = {dim for quantity in shown.reported.values() for dim in quantity.dims}
    assert {dim: tuple(shown.coords[dim]) for dim in used} == {dim: tuple(graph.coords[dim]) for dim in used}


@pytest.mark.few(6)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_names_of_a_model_of_any_family_are_its_graphs(name, of_family):
    model = of_family(name, "x + s(z, k=4) + (1 + x | g) + (1 | f)")
    check_names(model)
    if why_not_rows(model.spec) is None:
        for parameter in (p for p in FAMILIES[name].parameters[1:] if p.links):
            check_names(of_family(name, "x + (1 + x | g)", **{parameter.name: "~ x + (1 + x | g) + (0 + z | f)"}))


def check_names(model):
    spec = model.spec
    if why_not_rows(spec) is not None:
        pytest.skip("its predictors are not linear, or there is one for each level")
    graph, shown = model._graph, shown_names(spec)
    assert list(shown.reported) == list(graph.reported)
    for quantity, theirs in graph.reported.items():
        assert (shown.reported[quantity].dims, shown.reported[quantity].entry) == (tuple(theirs.dims), theirs.entry), quantity
        for dim in theirs.dims:
            assert tuple(shown.coords[dim]) == tuple(graph.coords[dim])


@pytest.mark.parametrize("what", ["linear", "mean", "pointwise"])
def test_values_are_the_graphs(case, what):
    spec, rows, graph, draws = case
    arrays = containers(rows, 0, rows.rows)
    theirs = np.broadcast_to(row_function(graph, [what])(draws, arrays)[0], (7, rows.rows))
    np.testing.assert_allclose(linear_function(spec, what, 1)(draws, arrays)[0], theirs, rtol=1e-9, atol=1e-9)


def test_responses_have_the_graphs_mean_and_sd(case):
    spec, rows, _, draws = case
    arrays = containers(rows, 0, rows.rows)
    many = {name: np.repeat(value[:1], 4000, axis=0) for name, value in draws.items()}
    made = linear_function(spec, "predictive", 1)(many, arrays)[0]
    sd = np.broadcast_to(noise_sd(spec, many, arrays), made.shape)[0]
    mean = predictor(spec, many, arrays, rows.rows)[0]
    assert np.abs((made.mean(axis=0) - mean) / sd * np.sqrt(4000)).max() < 5
    assert np.abs(made.std(axis=0) / sd - 1).max() < 5 / np.sqrt(2 * 4000)
    first = log_density(spec, draws, arrays, rows.rows)
    assert first.shape == (7, rows.rows)


def test_new_groups_are_drawn_as_the_graph_draws_them(data):
    model = bd.Model("y ~ x + (1 + x + c | g)", data)
    graph = model.__dict__["_rows"].graph(model.spec)
    one = {name: np.repeat(v, 20_000, axis=0) for name, v in forward_draws(graph, list(graph.reported), 1, {}, 5).items()}
    rows = rows_of(model.spec, read_frame(data.assign(g="new")), observed=False)
    names = ["1|g", "x|g", "c|g"]
    own = with_new_groups(model.spec, one, rows, "sample", 3)
    other = rows.graph(_with_levels(model.spec, dict(rows.unseen), rows))
    theirs = forward_draws(other, names, 20_000, {n: one[n] for n in ("1|g_sigma", "x|g_sigma", "c|g_sigma", "g_corr")}, 4)
    ours = np.concatenate([own[n][..., -1].reshape(20_000, -1) for n in names], axis=1)
    expected = np.concatenate([theirs[n][..., 0].reshape(20_000, -1) for n in names], axis=1)
    assert np.abs(ours.std(axis=0) / expected.std(axis=0) - 1).max() < 0.05
    assert np.abs(np.corrcoef(ours.T) - np.corrcoef(expected.T)).max() < 0.05
    centre = with_new_groups(model.spec, one, rows, "average", 3)
    assert all((centre[n][..., -1] == 0).all() for n in names)


def test_the_tree_is_that_of_the_arrays(data):
    fit = bd.Model("y ~ x + (1 + c | g)", data).fit("collapsed", seed=1, draws=60, chains=2, progress=False)
    before, held = fit.summary(), fit.held["posterior"]
    posterior = fit.idata["posterior"].to_dataset()
    assert list(posterior.data_vars) == list(held.data_vars)
    for name, array in held.data_vars.items():
        assert posterior[name].dims == array.dims
        np.testing.assert_array_equal(posterior[name], array.values)
    pd.testing.assert_frame_equal(fit.summary(), before)
    assert fit.held is fit.idata
    flat = flat_posterior(posterior, fit.spec)
    assert all(np.array_equal(flat[name], value) for name, value in flat_posterior(held, fit.spec).items())
