"""Refits give the same numbers wherever they run; one that fails ends those of its own fit alone."""

import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.display.progress import Silent
from bayesdeep.inference import refit as module
from bayesdeep.inference.kfold import fold_refits
from bayesdeep.inference.refit import run_refits


class Elsewhere(Executor):
    """Works at once, on a copy of what it is given as another machine would get it; answers in reverse."""

    def __init__(self) -> None:
        self.sent = 0

    def submit(self, fn, /, *args, **kwargs):
        self.sent += 1
        future: Future = Future()
        there, given = pickle.loads(pickle.dumps((fn, args)))
        try:
            future.set_result(pickle.loads(pickle.dumps(there(*given, **kwargs))))
        except Exception as error:
            future.set_exception(error)
        return future


def data(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    y = 1 + x + 0.5 * rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "county": [f"c{i % 5}" for i in range(rows)]}, index=range(100, 100 + rows))


@pytest.fixture(scope="module")
def fit():
    return bd.Model("y ~ x", data()).fit("laplace", draws=100, chains=2, seed=1, progress=False)


class Bar(Silent):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.seen = []

    def update(self, done: int, total: int, note: str = "") -> None:
        self.seen.append((done, total))


@pytest.mark.integration
def test_numbers_do_not_depend_on_where_refits_run(fit):
    here = fit.kfold(k=4, progress=False)
    away = Elsewhere()
    for executor in (away, ThreadPoolExecutor(2)):
        there = fit.kfold(k=4, progress=False, executor=executor)
        assert np.array_equal(here.elpd_i, there.elpd_i)
        assert there.doubtful == here.doubtful
    assert away.sent == 4


def test_a_task_is_small(fit):
    """The rows' index and the columns for predictions stay at home."""
    task = fold_refits(fit, 2)[0]
    assert task.rows.index is None
    assert not task.rows.columns
    assert len(pickle.dumps(task)) < 20_000


def test_one_bar_counts_all_refits(fit):
    bar = Bar()
    run_refits({"a": fold_refits(fit, 3), "b": fold_refits(fit, 2)}, None, 1, bar)
    assert bar.seen[0] == (0, 5)
    assert bar.seen[-1] == (5, 5)
    assert [done for done, _ in bar.seen] == sorted(done for done, _ in bar.seen)


@pytest.mark.parametrize("executor", [None, Elsewhere()])
def test_a_failure_ends_the_refits_of_its_fit_alone(fit, monkeypatch, executor):
    real, calls = module.run_engine, []

    def failing(spec, rows, *others):
        calls.append(rows.rows)
        if rows.rows == 30:
            raise FitError("no, not these rows")
        return real(spec, rows, *others)

    monkeypatch.setattr(module, "run_engine", failing)
    found = run_refits({"bad": fold_refits(fit, 4), "good": fold_refits(fit, 2)}, executor, 1, Silent())
    assert isinstance(found["bad"], FitError)
    assert [len(one.values) for one in found["good"]] == [20, 20]
    if executor is None:
        assert calls == [30, 20, 20]
    with pytest.raises(FitError, match="not these rows"):
        fit.kfold(k=4, progress=False, executor=executor)


def test_stopping_says_what_is_kept(fit, monkeypatch):
    real, calls = module.run_engine, []

    def stopped(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(module, "run_engine", stopped)
    with pytest.raises(KeyboardInterrupt, match="after 2 of 4 refits; nothing of them is kept"):
        fit.kfold(k=4, progress=False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": 1.5}, "whole number"),
        ({"workers": True}, "whole number"),
        ({"workers": 2, "executor": Elsewhere()}, "not both"),
    ],
)
def test_where_makes_sense(fit, options, text):
    with pytest.raises(FitError, match=text):
        fit.kfold(k=2, progress=False, **options)


def test_a_stacked_fit_cannot_be_repeated(fit):
    from bayesdeep.fit import Fit

    tree = fit.idata.copy()
    tree.attrs = {**fit.idata.attrs, "chain_weights": {"0": 1.0}}
    with pytest.raises(FitError, match="chains were weighted"):
        fold_refits(Fit(fit.spec, fit.rows, tree), 2)


@pytest.mark.slow
def test_real_processes_give_the_same_numbers(fit):
    here = fit.kfold(k=4, progress=False)
    assert np.array_equal(here.elpd_i, fit.kfold(k=4, progress=False, workers=2).elpd_i)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert np.array_equal(here.elpd_i, fit.kfold(k=4, progress=False, executor=pool).elpd_i)
