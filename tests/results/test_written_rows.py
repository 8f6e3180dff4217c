"""Models of rows with linear predictors are worked out without a graph: the same values as the graph's, for every family."""

from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import forward_draws, function_of, row_function
from bayesdeep.results.new_groups import _with_levels, group_axes, needed_hyper, with_new_groups
from bayesdeep.results.predictive_distribution import predictive_blocks
from bayesdeep.results.rows import containers, rows_of
from bayesdeep.results.written_rows import law_of, params_of, written_function

RIGHT = "x + s(z, k=4) + (1 + x | g)"
DRAWS = 6
CASES = [
    (name, other)
    for name, family in FAMILIES.items()
    for other in (None, *(p.name for p in family.parameters[1:] if p.links))
]


def draws_of(model: bd.Model, draws: int = DRAWS) -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Return rows, graph, and draws from the prior, of which numbers that are wide are kept within reach."""
    rows = model.__dict__["_rows"]
    graph = rows.graph(model.spec)
    values = forward_draws(graph, list(graph.reported), draws, {}, 5)
    near = {n: v if n.endswith("corr") or n in ("zi", "hu", "threshold") else np.clip(v, -1.5, 1.5) for n, v in values.items()}
    return rows, graph, near


def made(name: str, other: str | None, of_family: Any, modifiers: tuple[str, ...] = ()) -> bd.Model:
    return of_family(name, RIGHT, modifiers, **({} if other is None else {other: "~ x + (1 | f)"}))


@pytest.mark.few(4, more=12)
@pytest.mark.parametrize(("name", "other"), CASES)
def test_values_are_the_graphs(name: str, other: str | None, of_family: Any) -> None:
    """Predictors, means and log likelihoods, wherever there is a function in NumPy; with weights, too."""
    family = FAMILIES[name]
    for modifiers in ((), ("weighted",)) if "weighted" in family.modifiers else ((),):
        model = made(name, other, of_family, modifiers)
        rows, graph, draws = draws_of(model)
        arrays, found = containers(rows, 0, rows.rows), []
        for what in ("linear", "mean", "pointwise"):
            function = written_function(model.spec, rows, what, 1)
            if function is None:
                continue
            theirs = row_function(graph, [what])(draws, arrays)[0]
            np.testing.assert_allclose(function(draws, arrays)[0], theirs, rtol=1e-7, atol=1e-9, err_msg=what)
            found.append(what)
        assert ("mean" in found) == (family.row_law is not None)
        assert ("pointwise" in found) == (family.row_terms is not None)
        assert "linear" in found or family.main.shape == "contrast" or "several_columns" in family.words


@pytest.mark.few(5, more=12)
@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.row_law is not None])
def test_new_responses_have_the_moments_that_are_said(name: str, of_family: Any) -> None:
    model = of_family(name)
    law = law_of(model.spec)
    assert law is not None
    rows, graph, draws = draws_of(model, 1)
    arrays = containers(rows, 0, rows.rows)
    trials = arrays.get(f"{rows.response.name}_trials")
    given = params_of(model.spec, {n: np.repeat(v, 20_000, axis=0) for n, v in draws.items()}, arrays)
    trials = None if trials is None else trials[None]
    new, mean = law.draw(np.random.default_rng(2), given, trials), law.mean(given, trials)[0]
    if mean.ndim == 2:
        new = (new[..., None] == np.arange(mean.shape[1])).astype(float)
    assert (law.variance is None) == (FAMILIES[name].variance is None)
    variance = None if law.variance is None else law.variance(given, trials)[:1]
    if variance is not None:
        theirs = function_of(graph, [graph.response.variance])(draws, arrays)[0]
        np.testing.assert_allclose(variance, np.broadcast_to(theirs, variance.shape), rtol=1e-9)
        if np.isposinf(variance).all():
            return  # that the graph says so too is all there is to see: the average of draws has no standard error
    spread = new.std(axis=0) if np.ndim(mean) < 2 else np.sqrt(mean * (1.0 - mean))
    error = spread / np.sqrt(len(new)) + 1e-3 / len(new)
    assert (np.abs(new.mean(axis=0) - mean) < 5 * error).all()
    if variance is None:
        return
    squares = (new - mean) ** 2
    apart = np.abs(squares.mean(axis=0) - variance[0]) / (squares.std(axis=0) / np.sqrt(len(new)) + 1e-3 / len(new))
    assert np.median(apart) < 2, "a heavy tail hides some of a variance, not half the rows'"


def test_new_groups_of_every_predictor_are_drawn_as_the_graph_draws_them(of_family: Any) -> None:
    model = of_family("zero_inflated_poisson", "x + (1 + x | g)", zi="~ x + (1 + x | g)")
    _, graph, draws = draws_of(model, 1)
    one = {name: np.repeat(v, 20_000, axis=0) for name, v in draws.items()}
    frame = read_frame({"x": [0.0], "g": ["new"]})
    rows = rows_of(model.spec, frame, observed=False)
    own = with_new_groups(model.spec, one, rows, "sample", 3)
    other = rows.graph(_with_levels(model.spec, dict(rows.unseen), rows))
    names = list(group_axes(other, rows.unseen))
    assert set(names) == {"1|g", "x|g", "zi_1|g", "zi_x|g"}
    theirs = forward_draws(other, names, 20_000, {n: one[n] for n in needed_hyper(other, names)}, 4)
    ours, expected = (np.stack(columns) for columns in zip(*((own[n][:, -1], theirs[n][:, 0]) for n in names), strict=True))
    assert np.abs(ours.std(axis=1) / expected.std(axis=1) - 1).max() < 5 / np.sqrt(2 * 20_000) * 2
    assert np.abs(np.corrcoef(ours) - np.corrcoef(expected)).max() < 0.05
    centre = with_new_groups(model.spec, one, rows, "average", 3)
    assert all((centre[n][:, -1] == 0).all() for n in names)
    for name in graph.reported:
        assert own[name].shape[1:] == one[name].shape[1:] or name in names


def test_a_table_of_new_responses_goes_block_by_block(of_family: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a block ends in the middle, and for rows with numbers of trials."""
    model = of_family("binomial")
    rows, _, draws = draws_of(model, 50)
    monkeypatch.setattr("bayesdeep.results.prediction_blocks.BLOCK", 7 * 50 * 80)
    parts = list(predictive_blocks(model.spec, draws, rows, "sample", 1))
    assert [p.start for p in parts] == list(range(0, rows.rows, 7))
    mean = np.concatenate([p.mean for p in parts])
    drawn = np.concatenate([p.draws for p in parts], axis=1)
    error = drawn.std(axis=0) / np.sqrt(50)
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * error + 1e-9).all()
    assert (drawn <= rows.response.trials).all()
