"""Concordance and Brier scores of censored lifetimes against R's survival package, and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesdeep.compare.lifetime_scores import LifetimeScores, brier, concordance, grid_of, same_rows
from bayesdeep.core.records import Response

LUNG = json.loads((Path(__file__).parents[1] / "reference" / "survival.json").read_text())["lung"]
TIME, EVENT = np.array(LUNG["data"]["time"], dtype=float), np.array(LUNG["data"]["status"]) == 2


def test_concordance_is_that_of_r() -> None:
    assert concordance(TIME, EVENT, -np.array(LUNG["linear predictor"])) == pytest.approx(LUNG["concordance"][0], abs=1e-9)


def test_brier_without_censoring_is_the_mean_square_and_with_it_weighted_by_hand() -> None:
    time, survival = np.array([1.0, 2.0, 3.0, 4.0]), np.full((4, 1), 0.3)
    at = np.array([2.5])
    assert brier(time, np.ones(4, dtype=bool), survival, at)[0] == pytest.approx((2 * 0.09 + 2 * 0.49) / 4)
    # The second row is censored: of the three at risk after it each counts 3 / 2, of which two are left at 2.5.
    event = np.array([True, False, True, True])
    assert brier(time, event, survival, at)[0] == pytest.approx((0.09 + 2 * 0.49 * 1.5) / 4)


def test_nothing_is_scored_of_rows_that_are_not_right_censored_or_enter_late() -> None:
    status = np.array([0, 1, 0], dtype=np.int8)
    response = Response("y", np.array([1.0, 2.0, 3.0]), status=status)
    assert grid_of(response) is not None
    assert grid_of(response.with_(lower_bound=np.zeros(3))) is None
    assert grid_of(response.with_(status=np.array([0, -1, 0]))) is None
    assert grid_of(response.with_(status=None)) is None


def test_rows_of_which_a_model_knows_the_same_count_one_half() -> None:
    """With the order that noise gives to twins the share of pairs would be 1 or 0, with theirs it is one half."""
    arrays = {"x": np.array([0.0, 1.0, 0.0, 1.0]), "g.codes": np.array([[2], [2], [2], [2]])}
    same = same_rows(arrays, 4)
    assert same[0] == same[2] != same[1] == same[3]
    time, expected = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.1, 2.1, 1.0, 2.0])
    noisy = LifetimeScores(np.array([0.0, 9.0]), time, np.ones(4, dtype=bool), expected, np.ones((4, 2)))
    assert noisy.concordance == pytest.approx(3 / 6)
    # Of six pairs two are twins, three are in the right order, the third row against the second is not.
    assert noisy.tied(same).concordance == pytest.approx((3 + 2 * 0.5) / 6)
