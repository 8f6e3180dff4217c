"""Random walks: their columns undo differences, are set apart from levels and lines, and go on after the last time."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


def frame(times: int = 30, each: int = 3, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    t = np.repeat(np.arange(times), each)
    walk = np.cumsum(rng.normal(0, 0.4, times))
    g = np.tile(list("abc"), times)[: len(t)]
    return pd.DataFrame({"t": 1990 + 2 * t, "g": g, "y": 2.0 + walk[t] + rng.normal(0, 0.3, len(t))})


def arrays_of(formula: str, data: pd.DataFrame) -> dict[str, np.ndarray]:
    rows = bd.Model(formula, data).__dict__["_rows"]
    return {name.rsplit(".", 1)[1]: array for name, array in rows.arrays.items()}


@pytest.mark.parametrize("order", [1, 2])
def test_differences_of_the_columns_are_the_steps(order: int) -> None:
    data = frame(each=1)
    columns = arrays_of(f"y ~ rw(t, order={order})", data)["Z"]
    np.testing.assert_allclose(np.diff(columns, n=order, axis=0), np.eye(30 - order), atol=1e-10)


@pytest.mark.parametrize("order", [1, 2])
def test_columns_are_set_apart_from_the_level_and_the_line_over_the_rows(order: int) -> None:
    data = frame().sample(frac=0.7, random_state=1)  # times with one row, with three and with none
    found = arrays_of(f"y ~ rw(t, order={order})", data)
    np.testing.assert_allclose(found["Z"].mean(axis=0), 0.0, atol=1e-10)
    if order == 2:
        np.testing.assert_allclose(found["line"][:, 0] @ found["Z"], 0.0, atol=1e-8)


def test_each_group_has_its_own_walk() -> None:
    data = frame()
    together = arrays_of("y ~ rw(t, gr=g)", data)["Z"]
    for k, g in enumerate("abc"):
        own = (data.g == g).to_numpy()
        alone = arrays_of("y ~ rw(t)", data[own])["Z"]
        np.testing.assert_allclose(together[own][:, 29 * k : 29 * (k + 1)], alone, atol=1e-10)
        assert not together[~own][:, 29 * k : 29 * (k + 1)].any()


def test_neither_order_of_rows_nor_unit_nor_origin_of_time_matter() -> None:
    data = frame()
    columns = arrays_of("y ~ rw(t, order=2)", data)["Z"]
    mixed = data.sample(frac=1.0, random_state=2)
    np.testing.assert_allclose(arrays_of("y ~ rw(t, order=2)", mixed)["Z"], columns[mixed.index], atol=1e-8)
    moved = data.assign(t=(data.t - 1990) / 2 * 0.1 + 7)
    np.testing.assert_allclose(arrays_of("y ~ rw(t, order=2)", moved)["Z"], columns, atol=1e-6)


@pytest.mark.parametrize("missing", [False, True])
def test_the_posterior_is_that_of_a_hand_made_normal_model(missing: bool) -> None:
    """With both sds known the walk's posterior is a normal distribution, whose mean is one solve without the columns."""
    data = frame(each=2, seed=3)
    if missing:
        data = data[~data.t.isin([2000, 2002, 2020])]
    priors = {"rw(t)_sigma": "Gamma(1e6, 2.5e6)", "Intercept": "Normal(2, 100)"}
    fit = bd.Model("y ~ rw(t)", data, sigma=bd.known(0.3), priors=priors).fit(seed=1, draws=2000, progress=False)
    place = ((data.t - 1990) // 2).to_numpy()
    meet, difference = np.eye(30)[place], np.diff(np.eye(30), axis=0)
    precision = meet.T @ meet / 0.3**2 + difference.T @ difference / 0.4**2
    variance = np.linalg.inv(precision)
    mean, sd = variance @ (meet.T @ data.y.to_numpy()) / 0.3**2, np.sqrt(np.diag(variance))
    draws = fit.draws(pd.DataFrame({"t": 1990 + 2 * np.arange(30)}), kind="linear")
    flat = np.asarray(draws).reshape(-1, 30) if np.shape(draws)[-1] == 30 else np.asarray(draws).reshape(30, -1).T
    assert np.abs((flat.mean(axis=0) - mean) / sd).max() < 5 / np.sqrt(len(flat))
    np.testing.assert_allclose(flat.std(axis=0), sd, rtol=5 / np.sqrt(2 * len(flat)))


def test_it_goes_on_after_the_last_time_with_growing_uncertainty() -> None:
    data = frame()
    fit = bd.Model("y ~ rw(t, ahead=12)", data).fit(seed=1, progress=False)
    last = 1990 + 2 * 29
    ahead = fit.draws(pd.DataFrame({"t": [last, last + 2, last + 24]}), kind="linear")
    flat = np.asarray(ahead).reshape(-1, 3)
    step = np.asarray(fit.posterior["rw(t)_sigma"]).ravel()
    expected = np.sqrt(flat[:, 0].var() + np.array([1, 12]) * (step**2).mean())
    np.testing.assert_allclose(flat[:, 1:].std(axis=0), expected, rtol=5 / np.sqrt(2 * 400))
    assert np.abs(flat.mean(axis=0) - flat[:, 0].mean()).max() < 5 * expected[-1] / np.sqrt(len(flat))


REFUSED: dict[str, tuple[str, Any, str]] = {
    "uneven": ("y ~ rw(t)", lambda d: d.assign(t=d.t + (d.index == 40) * 0.77), "not evenly spaced"),
    "few": ("y ~ rw(t, order=2)", lambda d: d[d.t < 1996], "too few for a walk of order 2"),
    "order": ("y ~ rw(t, order=3)", lambda d: d, "order=3 is not 1 or 2"),
    "option": ("y ~ rw(t, odrer=2)", lambda d: d, "did you mean 'order'"),
    "two columns": ("y ~ rw(t, g)", lambda d: d, "one column of times"),
    "text": ("y ~ rw(t, gr='g')", lambda d: d, "gr='g' is not a column"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_walk_is_refused(name: str) -> None:
    formula, change, message = REFUSED[name]
    with pytest.raises(bd.BayesdeepError, match=message):
        bd.Model(formula, change(frame()))


@pytest.mark.parametrize(
    ("time", "message"), [(2060, "give ahead=6"), (1988, "before the first"), (1999, "between two steps of 2")]
)
def test_times_that_are_no_part_of_it_are_refused_by_name(time: float, message: str) -> None:
    fit = bd.Model("y ~ rw(t)", frame()).fit("map", seed=1, progress=False)
    with pytest.raises(bd.BayesdeepError, match=message):
        fit.predict(pd.DataFrame({"t": [1990, time]}))
