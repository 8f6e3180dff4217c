"""Monte Carlo dropout: a draw is the trained network with whole units left out, and its noise is that of their average."""

import jax
import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.engines._training.train_program import _masks
from bayesdeep.engines._training.train_units import left_out
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of


def data(rows: int = 250, seed: int = 1) -> pd.DataFrame:
    """Return a wave with noise of 0.3, and two levels that follow it."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"x": rng.uniform(-2, 2, rows), "g": np.resize(list("abcde"), rows)})
    wave = 1.5 * np.sin(2 * d.x)
    d["y"] = wave + 0.3 * rng.normal(size=rows)
    d["b"] = (rng.uniform(size=rows) < 1 / (1 + np.exp(-2 * wave))).astype(int)
    return d


def target_of(formula: str) -> object:
    """Return what the engine sees of a model of few rows."""
    model = bd.Model(formula, data(rows=40))
    words = words_of(model.spec)
    return batches_of(model.spec, model.__dict__["_rows"], "dropout", words)[1]


@pytest.mark.few(1)
@pytest.mark.parametrize("formula", ["y ~ net(x, hidden=[6, 4])", "y ~ 1 + (net(x, hidden=[5]) | g)"])
def test_a_draw_is_the_network_with_units_multiplied_by_masks(formula: str) -> None:
    target, rate = target_of(formula), 0.3
    rng = np.random.default_rng(4)
    x = target.start + 0.5 * rng.normal(size=target.dim)
    found = left_out(target, x, rate, 3, np.random.default_rng(7))
    again = np.random.default_rng(7)
    masks = [(again.random((3, size)) >= rate) / (1 - rate) for size in target.masks.values()]
    with jax.enable_x64(True):
        rows, all_rows = target.rows_function(40), target.all_rows_function(40)(x, target.arrays)
        for k in range(3):
            masked = rows(x, target.arrays, tuple(np.tile(m[k], (40, 1)) for m in masks), all_rows)
            np.testing.assert_allclose(np.asarray(rows(found[k], target.arrays, (), all_rows)), np.asarray(masked), rtol=1e-9)
    assert len({row.tobytes() for row in found}) == 3


def test_masks_leave_out_the_share_they_say_and_have_mean_one() -> None:
    target = target_of("y ~ net(x, hidden=[30])")
    key = np.array([3, 4], dtype=np.uint32)
    (mask,) = _masks(target, 0.25, 4000, key, 1, np.dtype("float32"))
    mask = np.asarray(mask)
    assert mask.shape == (4000, 30)
    # The standard error of the share is 0.0013.
    assert np.mean(mask == 0) == pytest.approx(0.25, abs=0.006)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.75)}
    assert len(np.unique(mask > 0, axis=0)) > 3900


@pytest.mark.slow
def test_it_learns_and_its_noise_is_honest() -> None:
    model, test = bd.Model("y ~ net(x, hidden=[20])", data()), data(rows=400, seed=2)
    fit = model.fit("dropout", rate=0.05, draws=200, seed=1, progress=False)
    assert fit.idata.posterior["sigma"].shape == (1, 200)
    assert fit.log_score(test) > bd.Model("y ~ 1", data()).fit("map", seed=1, progress=False).log_score(test) + 0.4
    again = model.fit("dropout", rate=0.05, draws=200, seed=1, progress=False)
    assert np.array_equal(fit.draws(test, kind="mean").values, again.draws(test, kind="mean").values)
    lower, upper = (fit.predict(test, interval=0.9)[side].to_numpy() for side in ("lower", "upper"))
    # The standard error of the share of 400 rows is 0.015; noise and units left out are told apart only roughly.
    assert 0.82 < np.mean((test.y > lower) & (test.y < upper)) < 0.97


@pytest.mark.slow
def test_two_levels_are_learned() -> None:
    fit = bd.Model("b ~ net(x, hidden=[16])", data(), "bernoulli").fit("dropout", draws=100, seed=1, progress=False)
    test = data(rows=400, seed=2)
    assert fit.log_score(test) > bd.Model("b ~ 1", data(), "bernoulli").fit("map", seed=1, progress=False).log_score(test) + 0.1


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ net(x, hidden=[])"])
def test_a_model_without_hidden_units_is_refused(formula: str) -> None:
    with pytest.raises(FitError, match=r"dropout: this model has no network with hidden units.*method='sgd'"):
        bd.Model(formula, data(rows=40)).fit("dropout", seed=1, progress=False)
