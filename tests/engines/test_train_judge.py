"""Optimisers reach what they should, and a network that came out worse than its folds is noticed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.engines._training import train_draws as _train_draws
from bayesdeep.engines._training.train_judge import shortfall
from bayesdeep.engines._training.train_loop import Trained, train
from bayesdeep.engines._training.train_settings import OPTIMIZERS
from bayesdeep.engines._training.train_split import Split
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of


def wave(rows: int, noise: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, rows)
    return {"x": x, "y": np.sin(2 * x) + noise * rng.normal(size=rows)}, np.sin(2 * x)


@pytest.mark.integration
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_learns_a_smooth_function_with_little_noise(optimizer: str) -> None:
    # Slopes grow as the noise that is found gets small.
    rows, truth = wave(2500, 0.02)
    for seed in (1, 2):
        fit = bd.Model("y ~ net(x, hidden=[12])", rows).fit("sgd", optimizer=optimizer, epochs=80, seed=seed, progress=False)
        mean = fit.predict(rows, kind="mean")["mean"].to_numpy()
        assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.04
        assert fit.idata.posterior["sigma"].item() < 0.05


def test_a_network_is_measured_by_its_folds() -> None:
    model = bd.Model("y ~ x", wave(60, 0.5)[0])
    words = words_of(model.spec)
    target = batches_of(model.spec, model.__dict__["_rows"], "sgd", words)[1]
    rows = np.arange(60)
    folds = tuple(np.setdiff1d(rows, own) for own in np.array_split(rows, 5))
    held = tuple(np.setdiff1d(rows, own) for own in folds)
    parts = Split((*folds, rows), (*held, rows[:0]), True, (5,))
    positions = np.tile(target.start, (6, 1))
    assert shortfall(target, positions, parts, rows) < 0
    positions[5, target.roles == "intercept"] += 3.0
    x = positions[5]
    sigma = float(np.exp(x[target.roles == "parameter"][0]))
    worse = 0.5 * 3.0**2 / sigma**2
    # The mean of the residuals is nearly 0, so that a shift costs its square.
    assert shortfall(target, positions, parts, rows) == pytest.approx(worse - 3.0 / np.sqrt(60), abs=0.25 * worse + 0.3)
    single = Split((rows,), (rows[:12],), False, (0,))
    assert shortfall(target, positions[:1], single, rows) == 0


@pytest.mark.integration
@pytest.mark.parametrize("always", [False, True])
def test_a_network_worse_than_its_folds_is_trained_again_or_doubtful(always: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    def spoilt(target: Any, recipe: Any, *rest: Any) -> Trained:
        found = train(target, recipe, *rest)
        rates.append(recipe.learning_rate)
        if always or len(rates) == 1:
            positions = found.positions.copy()
            positions[-1, target.roles == "intercept"] += 5.0
            found = replace(found, positions=positions)
        return found

    monkeypatch.setattr(_train_draws, "train", spoilt)
    fit = bd.Model("y ~ x", wave(80, 0.3)[0]).fit("sgd", epochs=60, seed=1, progress=False)
    assert rates == [0.01, pytest.approx(0.01 / 3)]
    said = [text for text in fit.idata.attrs["advice"] if "worse than those that cross-validated it" in text]
    assert (fit.idata.attrs["status"], len(said)) == (("doubtful", 1) if always else ("ok", 0))
