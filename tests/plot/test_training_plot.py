"""How training went, as it is kept and drawn."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.plot import training

EPOCHS = 12


def data(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=rows), "z": rng.normal(size=rows)})
    return frame.assign(y=np.sin(2 * frame["x"]) + 0.3 * rng.normal(size=rows))


def test_lines_are_the_losses_and_scores_of_training(tmp_path) -> None:
    fit = bd.Model("y ~ net(x, z, hidden=[4])", data()).fit("ensemble", members=2, epochs=EPOCHS, seed=1, progress=False)
    course = fit.idata["training"].to_dataset()
    assert course["loss"].shape == course["held_out"].shape == (EPOCHS + 1, 2)
    assert course["kept"].to_numpy().tolist() == [1, 1]
    scores = course["held_out"].to_numpy()
    assert (course["best"].to_numpy() == scores.argmax(axis=0)).all()
    assert (course["loss"][-1] < course["loss"][0]).all()
    upper, lower = training(fit).axes
    for axes, name in ((upper, "loss"), (lower, "held_out")):
        lines = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) > 1]
        np.testing.assert_array_equal(np.array(lines).T, course[name])
    marks = [line.get_xdata()[0] for line in lower.lines if len(line.get_xdata()) == 1]
    assert sorted(marks) == sorted(course["best"].to_numpy().tolist())
    fit.save(tmp_path / "fit.nc")
    again = bd.load(tmp_path / "fit.nc").idata["training"].to_dataset()
    np.testing.assert_array_equal(again["held_out"], course["held_out"])


def test_folds_that_judge_are_no_networks_that_are_kept() -> None:
    fit = bd.Model("y ~ net(x, hidden=[3])", data(120)).fit("sgd", epochs=5, seed=1, progress=False)
    course = fit.idata["training"].to_dataset()
    assert course["kept"].to_numpy().tolist() == [0, 0, 0, 0, 0, 1]
    assert np.isnan(course["held_out"][:, -1]).all()
    upper, lower = training(fit).axes
    assert len([line for line in lower.lines if np.isfinite(line.get_ydata()).all() and len(line.get_ydata()) > 1]) == 1
    assert len([line for line in upper.lines if len(line.get_ydata()) > 1]) == 6


def test_a_fit_that_was_not_trained_is_told_so() -> None:
    fit = bd.Model("y ~ x", data(50)).fit(seed=1, progress=False)
    with pytest.raises(bd.FitError, match="a fit by 'collapsed' was not trained"):
        training(fit)
