"""Levels that categories declare and no row has: which families keep them."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES

NAMES = ["none", "little", "some", "more", "a lot"]
SEEN = ["little", "some", "a lot"]


def data(names: list[str], seen: list[str], ordered: bool = True, rows: int = 30) -> pd.DataFrame:
    values = [seen[i % len(seen)] for i in range(rows)]
    return pd.DataFrame({"y": pd.Categorical(values, names, ordered=ordered), "x": np.linspace(-1, 1, rows)})


@pytest.mark.few(1)
@pytest.mark.parametrize("name", [name for name in FAMILIES if "ordered" in FAMILIES[name].words])
@pytest.mark.parametrize("missing", ["error", "drop"])
def test_an_ordered_scale_keeps_all_its_levels(name: str, missing: str) -> None:
    frame = data(NAMES, SEEN)
    if missing == "drop":
        frame = pd.concat([frame, pd.DataFrame({"y": pd.Categorical(["more"], NAMES, ordered=True), "x": [np.nan]})])
    with pytest.warns(UserWarning, match="left out 1") if missing == "drop" else nullcontext():
        model = bd.Model("y ~ x", frame, name, missing=missing)
    assert model.spec.response.levels == tuple(NAMES)
    assert set(model.__dict__["_rows"].response.value) == {1, 2, 4}
    prior = model.prior_predictive(3, seed=1)["prior"]
    assert prior["threshold"].shape[-1] == len(NAMES) - 1


def test_a_level_without_rows_is_predicted_with_its_small_probability(made_up) -> None:
    """Right values by hand: P(y <= k) = logistic(threshold_k - eta)."""
    model = bd.Model("y ~ x", data(NAMES, SEEN), "cumulative")
    cuts = np.array([-4.0, -1.0, 1.0, 1.25])
    fit = made_up(model, values={"x": 0.0, "threshold": cuts})
    table = fit.predict({"x": [0.0]}, kind="mean")
    expected = np.diff([0.0, *(1 / (1 + np.exp(-cuts))), 1.0])
    np.testing.assert_allclose(table[NAMES].to_numpy()[0], expected, rtol=1e-6)


def test_enums_of_polars_are_such_a_scale() -> None:
    frame = data(NAMES, SEEN)
    table = pl.DataFrame({"y": pl.Series(list(frame["y"]), dtype=pl.Enum(NAMES)), "x": frame["x"].to_numpy()})
    assert bd.Model("y ~ x", table, "cumulative").spec.response.levels == tuple(NAMES)


def test_numbers_as_categories_keep_theirs_in_order() -> None:
    y = pd.Categorical([5, 1, 2] * 10, [5, 4, 3, 2, 1])
    assert bd.Model("y ~ x", {"y": y, "x": np.linspace(0, 1, 30)}, "cumulative").spec.response.levels == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("ordered", [True, False])
def test_classes_without_rows_are_no_classes(ordered: bool) -> None:
    model = bd.Model("y ~ x", data(NAMES, SEEN, ordered), "categorical")
    assert model.spec.response.levels == tuple(SEEN)
    two = bd.Model("y ~ x", data(NAMES, ["a lot", "none"], ordered), "bernoulli")
    assert two.spec.response.levels == ("none", "a lot")


def test_two_declared_levels_say_what_success_is() -> None:
    for seen, value in (("no", 0), ("yes", 1)):
        model = bd.Model("y ~ x", data(["no", "yes"], [seen], ordered=False), "bernoulli")
        assert model.spec.response.levels == ("no", "yes")
        assert set(model.__dict__["_rows"].response.value) == {value}


def test_a_scale_with_one_declared_level_is_refused() -> None:
    with pytest.raises(bd.DataError, match="it only has one"):
        bd.Model("y ~ x", data(["some"], ["some"]), "cumulative")


def test_an_improper_prior_cannot_hold_a_level_without_rows() -> None:
    with pytest.raises(bd.PriorError, match="no row has the level 'none' of 'y'"):
        bd.Model("y ~ x", data(NAMES, SEEN), "cumulative", priors={"threshold": "Flat()"})
    bd.Model("y ~ x", data(NAMES, NAMES), "cumulative", priors={"threshold": "Flat()"})


def test_predictors_learn_of_levels_with_rows_only() -> None:
    frame = data(NAMES, SEEN).rename(columns={"y": "a"}).assign(y=np.arange(30.0))
    terms = bd.Model("y ~ a + (1 | a)", frame).spec
    assert terms.predictors[0].terms[1].state["labels"] == SEEN
