"""Folds are fair and repeat; a fold's scores are those of a refit by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.fit import Fit
from bayesdeep.inference.kfold import group_codes, kfold, make_folds, number_groups
from bayesdeep.results.draw_arrays import enough_draws

ROWS = 60


def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    county = np.arange(ROWS) % 6
    x = rng.normal(size=ROWS)
    y = 1 + x + rng.normal(size=6)[county] + 0.5 * rng.normal(size=ROWS)
    return pd.DataFrame({"y": y, "x": x, "county": [f"c{i}" for i in county]})


def point(formula: str) -> Fit:
    """Return a quick fit."""
    return bd.Model(formula, data()).fit("map", seed=1, progress=False)


def test_folds_are_balanced_and_repeat():
    folds = make_folds(103, 10, seed=4)
    assert set(np.bincount(folds)) == {10, 11}
    assert np.array_equal(folds, make_folds(103, 10, seed=4))
    assert not np.array_equal(folds, make_folds(103, 10, seed=5))


def test_groups_stay_together_whatever_their_labels():
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 23, 500)
    folds = make_folds(500, 5, seed=0, groups=groups)
    assert all(len(set(folds[groups == g])) == 1 for g in range(23))
    size = np.bincount(folds, minlength=5)
    assert size.min() > 50
    labels = np.array([f"label {(7 * g) % 23}" for g in groups])
    assert np.array_equal(folds, make_folds(500, 5, seed=0, groups=labels))
    assert number_groups(np.array(["b", "a", "b", "c"]))[0].tolist() == [0, 1, 0, 2]
    assert set(make_folds(23, 23, 0, groups=np.arange(23))) == set(range(23))


@pytest.mark.parametrize(("k", "text"), [(1, "2 or more"), (2.5, "whole number"), (11, "only 10 rows")])
def test_impossible_folds(k, text):
    with pytest.raises(FitError, match=text):
        make_folds(10, k, 0)


def test_more_folds_than_groups():
    with pytest.raises(FitError, match="only 2 groups"):
        make_folds(10, 3, 0, groups=np.arange(10) % 2)


def test_few_draws_are_repeated():
    assert enough_draws({"a": np.ones((1, 3))}, 50)["a"].shape == (50, 3)
    assert enough_draws({"a": np.ones((400, 3))}, 1000)["a"].shape == (1200, 3)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return point("y ~ x + (1 | county)")


def test_unknown_factor_and_option(fit):
    assert len(group_codes(fit.spec, fit.rows, "county")) == ROWS
    with pytest.raises(FitError, match="did you mean 'county'"):
        fit.kfold(k=3, by="conty", progress=False)
    with pytest.raises(FitError, match="no option 'start'"):
        fit.kfold(k=3, start=2, progress=False)


def test_groups_left_out_of_a_point_fit(fit):
    found = fit.kfold(k=2, by="county", progress=False)
    assert found.refits == 2
    assert found.units.shape == (6,)
    assert found.units.sum() == pytest.approx(found.elpd)
    assert found.elpd == pytest.approx(float(found.elpd_i.sum()))
    assert "county" in repr(found)
    assert found.doubtful  # the joint mode of a multilevel model says so of itself


def test_a_fold_is_the_refit_by_hand():
    """The one fold is fitted by hand through the public face, with the priors the model had on all rows."""
    frame = data()
    model = bd.Model("y ~ x", frame)
    shell = model.fit("map", seed=1, progress=False)
    shell.idata.attrs["method"] = "nuts"
    shell.idata.attrs["settings"] = {}
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = kfold(
            shell,
            k=2,
            seed=3,
            progress=False,
            options={"draws": 200, "tune": 200, "chains": 2},
            visit=lambda spec, posterior, rows, places, seed: seen.append((posterior, places)),
        )
        out = found.folds == 0
        priors = {p.name: str(p.prior) for p in model.spec.priors}
        by_hand = bd.Model("y ~ x", frame[~out], priors=priors).fit(
            draws=200, tune=200, chains=2, seed=8, progress=False
        )
    assert np.array_equal(seen[0][1], np.flatnonzero(out))
    assert seen[0][0]["x"].shape == (1200,)  # 400 draws, each three times, so that held-out rows are predicted smoothly
    scores = by_hand.log_score(frame[out], pointwise=True)
    assert np.asarray(found.elpd_i)[out] == pytest.approx(scores, abs=0.1)
    assert np.asarray(found.elpd_i)[out].mean() == pytest.approx(scores.mean(), abs=0.03)
    assert found.se == pytest.approx(np.sqrt(ROWS) * np.asarray(found.elpd_i).std(ddof=1))


def test_stopping_keeps_nothing(fit, monkeypatch):
    before = dict(fit.idata.attrs)

    def stopped(*args):
        tree = fit.idata.copy()
        tree.attrs = {**fit.idata.attrs, "status": "interrupted", "advice": []}
        return tree

    monkeypatch.setattr("bayesdeep.inference.refit.run_engine", stopped)
    with pytest.raises(KeyboardInterrupt, match="stopped after 0 of 3 refits"):
        fit.kfold(k=3, progress=False)
    assert fit.idata.attrs == before


def test_refits_of_a_network_use_the_engine_for_networks(monkeypatch):
    """Under one name another engine may run for models with a network; refits must do as the fit did."""
    from dataclasses import dataclass, replace

    from bayesdeep.inference import refit as module

    @dataclass(frozen=True)
    class Settings:
        draws: int = 5
        own: int = 1

    class Seen(Exception):
        pass

    def stop(spec, rows, engine, common, options, *others):
        raise Seen(engine.title, common, options)

    plain = module.find_engine("nuts")
    other = replace(plain, title="for networks", settings=Settings, variants={})
    monkeypatch.setattr(module, "find_engine", lambda name: replace(plain, variants={"network": other}))
    monkeypatch.setattr(module, "run_engine", stop)
    for formula, title in (("y ~ net(x, hidden=[2])", "for networks"), ("y ~ x", plain.title)):
        shell = replace(point("y ~ x"), spec=bd.Model(formula, data()).spec)
        shell.idata.attrs |= {"method": "nuts", "settings": {}}
        with pytest.raises(Seen) as caught:
            kfold(shell, k=2, progress=False)
        assert caught.value.args[0] == title


@pytest.mark.slow
def test_a_network_in_folds_and_left_out_row_by_row():
    rng = np.random.default_rng(2)
    x = rng.uniform(-2, 2, 90)
    frame = pd.DataFrame({"y": np.sin(2 * x) + 0.3 * rng.normal(size=90), "x": x})
    fit = bd.Model("y ~ net(x, hidden=[6])", frame).fit("nuts", draws=150, tune=200, chains=2, seed=3, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        folds, loo = fit.kfold(k=3, draws=100, tune=150, progress=False), fit.loo()
    assert folds.refits == 3
    # Both estimate the log score of a row left out; folds learn from a third fewer rows.
    assert abs(folds.elpd - loo.elpd) < 3 * (folds.se + 5)
    assert folds.elpd / 90 > -1.0  # a constant's score is about -1.1, the noise's own -0.2
