"""Scores against closed forms, and on arrays small enough to do by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from bayesdeep.compare import proper_scores as scores
from bayesdeep.core.errors import FitError

HAND = np.array([[1.0], [2.0], [4.0], [5.0]])


def test_crps_by_hand():
    y = np.array([3.0])
    error = (2 + 1 + 1 + 2) / 4
    pairs = np.abs(HAND - HAND.T)
    assert scores.crps(HAND, y) == pytest.approx(error - pairs.sum() / (2 * 16))
    assert scores.crps(HAND, y, fair=True) == pytest.approx(error - pairs.sum() / (2 * 12))


def test_crps_with_weights_by_hand():
    y, w = np.array([3.0]), np.array([[0.1], [0.2], [0.3], [0.4]])
    pairs = np.abs(HAND - HAND.T) * (w @ w.T)
    error = float((w * np.abs(HAND - y)).sum())
    shuffled = [2, 0, 3, 1]
    assert scores.crps(HAND[shuffled], y, 7 * w[shuffled]) == pytest.approx(error - pairs.sum() / 2)


def test_crps_of_one_draw_is_the_absolute_error():
    assert scores.crps(np.array([[2.0, 5.0]]), np.array([3.0, 3.0])) == pytest.approx([1.0, 2.0])
    with pytest.raises(FitError):
        scores.crps(np.array([[2.0]]), np.array([3.0]), fair=True)


def test_crps_of_a_normal():
    rng = np.random.default_rng(1)
    y = np.array([-2.0, 0.0, 0.7])
    found = scores.crps(rng.normal(size=(40_000, 3)), y)
    exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert found == pytest.approx(exact, abs=0.02)


def test_coverage_width_and_pit_of_calibrated_predictions():
    rng = np.random.default_rng(2)
    draws, y = rng.normal(size=(2000, 4000)), rng.normal(size=4000)
    found = scores.row_scores(draws, y)
    for nominal in scores.NOMINAL:
        assert found.coverage(nominal) == pytest.approx(nominal, abs=4 * np.sqrt(0.25 / 4000))
    assert found.width.mean() == pytest.approx(2 * norm.ppf(0.95), rel=0.02)
    assert scores.mean_width(draws[:, :50], 0.5) == pytest.approx(2 * norm.ppf(0.75), rel=0.05)
    assert np.quantile(found.pit, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.03)
    assert found.rmse == pytest.approx(np.sqrt(np.mean(y**2)), rel=0.01)
    assert scores.coverage(0.5 * draws, y, 0.9) < 0.7


def test_ties_of_counts():
    draws = np.array([[0], [0], [1], [1], [1], [2], [2], [3], [3], [4]])
    found = scores.row_scores(draws, np.array([1]))
    assert found.below == pytest.approx([0.2])
    assert found.upto == pytest.approx([0.5])
    assert found.pit == pytest.approx([0.35])
    assert found.median == [1]
    assert found.coverage(0.9) == 1


def test_weights_shift_what_is_predicted():
    draws = np.array([[0.0], [10.0]])
    found = scores.row_scores(draws, np.array([10.0]), np.array([[1.0], [9.0]]))
    assert found.mean == pytest.approx([9.0])
    assert found.median == [10.0]
    joined = scores.join([found, found])
    assert joined.rmse == pytest.approx(1.0)
    assert joined.mae == 0
    assert scores.take(joined, np.array([1])).y.tolist() == [10.0]


def test_levels():
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.3, 0.7], [0.8, 0.2]])
    codes = np.array([0, 1, 1, 0])
    assert scores.accuracy(p, codes) == 0.75
    assert scores.calibration_error(p, codes) == pytest.approx(0.75 * (0.8 - 2 / 3) + 0.25 * 0.3)


@pytest.mark.parametrize("seed", range(5))
def test_all_scores_equal_their_definitions_on_random_input(seed):
    """Every pair of draws, and the distribution function itself; with ties and unequal weights."""
    rng = np.random.default_rng(seed)
    draws = np.round(rng.normal(size=(37, 5)) * 3, rng.integers(0, 3))
    y = np.round(rng.normal(size=5) * 3, 1)
    w = rng.dirichlet(np.full(37, 0.3), size=5).T if seed % 2 else np.full((37, 5), 1 / 37)
    found = scores.row_scores(draws, y, 3 * w)
    for i in range(5):
        x, own = draws[:, i], w[:, i]
        pairs = np.abs(x[:, None] - x) * own[:, None] * own
        assert found.crps[i] == pytest.approx(own @ np.abs(x - y[i]) - pairs.sum() / 2)
        # The score is also the area between the two distribution functions, squared.
        at = np.unique(np.append(x, y[i]))
        below = np.array([own[x <= a].sum() for a in at[:-1]]) - (y[i] <= at[:-1])
        assert found.crps[i] == pytest.approx((below**2) @ np.diff(at))
        assert found.below[i] == pytest.approx(own[x < y[i]].sum())
        assert found.upto[i] == pytest.approx(own[x <= y[i]].sum())
        assert found.mean[i] == pytest.approx(own @ x)
        assert own[x <= found.median[i]].sum() >= 0.5 - 1e-9
        assert own[x < found.median[i]].sum() <= 0.5 + 1e-9


def test_a_normal_forecast_has_the_scores_of_its_closed_form():
    """Draws at equal probabilities stand for the distribution without Monte Carlo error."""
    mu, sd, y = np.array([0.0, 1.0, -3.0]), np.array([1.0, 0.3, 5.0]), np.array([0.4, 2.0, -3.0])
    draws = mu + sd * norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    found, z = scores.row_scores(draws, y), (y - mu) / sd
    exact = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(found.crps, exact, rtol=2e-4)
    np.testing.assert_allclose(found.pit, norm.cdf(z), atol=1e-4)
    np.testing.assert_allclose(found.width, 2 * norm.ppf(0.95) * sd, rtol=2e-3)
    assert found.coverage(0.95) == pytest.approx(2 / 3)
    assert found.rmse == pytest.approx(np.sqrt(np.mean((mu - y) ** 2)), abs=1e-3)
