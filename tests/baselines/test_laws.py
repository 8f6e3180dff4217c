"""Laws over every baseline: finite scores, probabilities that sum to one, and a seed that repeats."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayesdeep.compare.baseline_data import Problem
from bayesdeep.compare.baseline_fit import by_fold, fit_and_predict, pipeline
from bayesdeep.compare.scored_baseline import assessed_of, find_baselines
from bayesdeep.core.registry import BASELINES
from bayesdeep.inference.kfold import make_folds

ROWS = 90
TASKS = [
    (name, task) for name in BASELINES for task in ("regression", "classification") if task in BASELINES[name].words
]


def problem(task: str, seed: int = 1) -> Problem:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, ROWS))
    g = np.arange(ROWS) % 6
    signal = 2 * x + g / 3 + 0.3 * rng.normal(size=ROWS)
    table = pd.DataFrame({"x": 100 * x, "z": z, "g": [f"g{i}" for i in g]})
    if task == "regression":
        return Problem(table, 50 + 10 * signal, task, 0, False, ("g",))
    return Problem(table, np.digitize(signal, [-0.5, 1.5]), task, 3, False, ("g",))


def predicted(name: str, task: str, seed: int = 3):
    given = problem(task)
    return given, by_fold(BASELINES[name], given, make_folds(ROWS, 3, 0), None, seed)


@pytest.mark.parametrize("name", BASELINES)
def test_its_name_is_its_files_and_it_can_do_something(name):
    baseline = BASELINES[name]
    assert baseline.name == name.replace("_", " ")
    assert baseline.words & {"regression", "classification"}
    assert find_baselines({"a": baseline.name}) == {"a": baseline}


@pytest.mark.few(4)
@pytest.mark.parametrize(("name", "task"), TASKS)
def test_scores_are_finite_and_better_than_no_inputs(name, task):
    given, made = predicted(name, task)
    found = assessed_of(made, given, "folds", ())
    values = np.asarray(found.elpd.elpd_i)
    assert np.isfinite(values).all()
    assert found.log_score == pytest.approx(values.mean())
    if task == "regression":
        assert made.sd.min() > 0
        assert found.scores.rmse < 0.8 * given.y.std()
        assert 0.75 < found.scores.coverage(0.9) <= 1
        assert ((found.scores.pit >= 0) & (found.scores.pit <= 1)).all()
    else:
        assert made.probabilities.sum(axis=1) == pytest.approx(np.ones(ROWS))
        assert made.probabilities.min() > 0
        share = np.bincount(given.y) / ROWS
        assert found.log_score > np.log(share[given.y]).mean()


@pytest.mark.few(4)
@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_seed_repeats_and_rows_left_out_are_not_used(name, task):
    given = problem(task)
    keep = np.arange(ROWS) < 60
    once, again = (fit_and_predict(BASELINES[name], given.take(keep), given.take(~keep), None, 3) for _ in range(2))
    changed = given.y.copy()
    changed[~keep] = changed[~keep][::-1]
    blind = fit_and_predict(BASELINES[name], given.take(keep), replace(given, y=changed).take(~keep), None, 3)
    for field in ("mean", "sd", "probabilities"):
        first, second, third = (getattr(p, field) for p in (once, again, blind))
        if first is not None:
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(first, third)


@pytest.mark.few(4)
@pytest.mark.parametrize(("name", "task"), TASKS)
def test_units_of_columns_do_not_matter(name, task):
    """Numbers are standardised: millimetres predict like metres."""
    given = problem(task)
    other = replace(given, table=given.table.assign(x=given.table["x"] * 1024))
    one, two = (pipeline(BASELINES[name], p, 0).fit(p.table, p.y).predict(p.table) for p in (given, other))
    np.testing.assert_allclose(one, two, rtol=1e-6)
