"""Scores beside scoringrules 0.11.0 (Zanetta and Allen, https://github.com/frazane/scoringrules), which made these numbers."""

import numpy as np
import pytest
from scipy import stats

from bayesdeep.compare import proper_scores as scores

rng = np.random.RandomState(7)
DRAWS = np.round(rng.gamma(2.0, 1.5, size=(11, 4)), 3)
Y = np.round(rng.gamma(2.0, 1.5, size=4), 3)
WEIGHTS = np.round(rng.gamma(0.5, 1.0, size=(11, 4)) + 1e-3, 3)
COUNTS = np.array([0, 3, 7, 2])
CENTRE, SCALE = np.array([1.0, 2, 3, 4]), np.array([1.0, 0.5, 2, 3])
# Draws at equal probabilities stand for a distribution without Monte Carlo error.
EQUAL = ((np.arange(40_000) + 0.5) / 40_000)[:, None]


def test_the_numbers_belong_to_these_draws():
    """NumPy promises that this generator's stream does not change; if it did, the numbers below would mean nothing."""
    assert DRAWS[0].tolist() == [1.702, 1.262, 2.504, 5.034]
    assert WEIGHTS[-1].tolist() == [0.368, 0.005, 2.61, 0.084]
    assert Y.tolist() == [1.104, 1.963, 5.946, 3.72]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.721157024793388, 0.4187851239669429, 1.9935785123966947, 0.5670165289256198]),
        ({"fair": True}, [0.6452181818181814, 0.3184181818181828, 1.875236363636364, 0.4882727272727273]),
        ({"weights": WEIGHTS}, [0.5232164576869808, 0.8209239878161916, 3.5336663540644757, 0.8495972778728353]),
    ],
    ids=["crps_ensemble nrg", "crps_ensemble fair", "crps_ensemble ens_w"],
)
def test_crps_of_an_ensemble(options, expected):
    np.testing.assert_allclose(scores.crps(DRAWS, Y, **options), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("draws", "y", "expected"),
    [
        (
            stats.norm(CENTRE, SCALE).ppf(EQUAL),
            Y,
            [0.23800605194543534, 0.11793929440940532, 1.9422545859098312, 0.7115030616676823],
        ),
        (
            stats.t(4, CENTRE, SCALE).ppf(EQUAL),
            Y,
            [0.26774066068578306, 0.13287077579276962, 1.8847915508403443, 0.8008587863846686],
        ),
        (
            stats.poisson(np.array([1.5, 2.0, 4.0, 9.0])).ppf(EQUAL),
            COUNTS,
            [0.8402593988113106, 0.6645295768061845, 2.0592241055225333, 5.322027186926844],
        ),
        (
            stats.nbinom(3, np.array([0.5, 0.4, 0.3, 0.6])).ppf(EQUAL),
            COUNTS,
            [1.691358024691358, 0.818148896484374, 1.1295046604271741, 0.4179209139049206],
        ),
    ],
    ids=["crps_normal", "crps_t", "crps_poisson", "crps_negbinom"],
)
def test_crps_of_a_distribution(draws, y, expected):
    np.testing.assert_allclose(scores.crps(draws, y), expected, rtol=5e-4)
