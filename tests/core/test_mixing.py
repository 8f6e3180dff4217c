"""Measures of mixing for a block of quantities are ArviZ's for each of them, and have their known values."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from scipy.stats import norm, rankdata

from bayesdeep.numerics import autocorrelation
from bayesdeep.numerics import mcmc as mixing
from bayesdeep.numerics.mcmc import MEASURES, ess_bulk, ess_tail, measure, rhat
from bayesdeep.numerics.rank_scores import normal_scores

pytestmark = pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # ArviZ divides by zero where nothing varies

TAILS = (0.11, 0.89)
EDGES = (0.055, 0.945)


def autoregressive(rng, shape, by):
    values = rng.normal(size=shape)
    for t in range(1, shape[1]):
        values[:, t] += by * values[:, t - 1]
    return values


def with_some(values, rng, what, share=0.03):
    return np.where(rng.random(values.shape) < share, what, values)


KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "slow": lambda rng, shape: autoregressive(rng, shape, 0.95),
    "antithetic": lambda rng, shape: autoregressive(rng, shape, -0.6),
    "apart": lambda rng, shape: rng.normal(size=shape) + np.arange(shape[0])[:, None, None],
    "far": lambda rng, shape: rng.normal(size=shape) + 1e6,
    "heavy": lambda rng, shape: rng.standard_cauchy(size=shape),
    "repeated": lambda rng, shape: np.repeat(rng.normal(size=shape), 3, axis=1)[:, : shape[1]],
    "rounded": lambda rng, shape: rng.normal(size=shape).round(1),
    "integers": lambda rng, shape: rng.poisson(1.5, size=shape),
    "rare": lambda rng, shape: rng.integers(0, 20, size=shape) // 19,
    "constant": lambda rng, shape: np.broadcast_to(np.arange(shape[2]) * 1e6, shape),
    "trend": lambda rng, shape: np.broadcast_to(np.arange(shape[1])[:, None] * 1.0, shape),
    "nan": lambda rng, shape: with_some(rng.normal(size=shape), rng, np.nan),
    "infinite": lambda rng, shape: with_some(rng.normal(size=shape), rng, np.inf),
    "mostly infinite": lambda rng, shape: with_some(rng.normal(size=shape), rng, np.inf, 0.6),
    "both infinite": lambda rng, shape: with_some(with_some(rng.normal(size=shape), rng, np.inf), rng, -np.inf),
}
SHAPES = [(1, 1), (4, 1), (2, 3), (1, 4), (4, 4), (4, 5), (2, 8), (1, 50), (3, 77), (4, 256), (2, 257), (5, 301)]


def by_arviz(draws):
    values = np.moveaxis(draws, 2, 0)
    return {
        "mean": values.astype(float).mean(axis=(1, 2)),
        "sd": array_stats.std(values, axis=(-2, -1)),
        "quantiles": array_stats.quantile(values, EDGES, axis=(-2, -1)),
        "rhat": array_stats.rhat(values),
        "ess_bulk": array_stats.ess(values),
        "ess_tail": array_stats.ess(values, method="tail", prob=TAILS),
        "ess_mean": array_stats.ess(values, method="mean"),
        "mcse_mean": array_stats.mcse(values),
        "mcse_sd": array_stats.mcse(values, method="sd"),
    }


@pytest.mark.few(60)
@pytest.mark.parametrize(("chains", "draws"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_measure_is_that_of_arviz(kind, chains, draws):
    rng = np.random.default_rng([chains, draws, list(KINDS).index(kind)])
    values = KINDS[kind](rng, (chains, draws, 12))
    found = measure(values, (*MEASURES, "quantiles"), tails=TAILS, quantiles=EDGES)
    for name, expected in by_arviz(values).items():
        # A fourth moment less a squared variance cancels where there are two values: then only 8 digits stay.
        slack = 1e-7 * np.nanmax(expected, initial=1.0) if name == "mcse_sd" else 1e-12
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=slack, err_msg=name)


@pytest.mark.parametrize("draws", [130, 200])
def test_the_number_in_a_block_does_not_matter(draws, monkeypatch):
    values = autoregressive(np.random.default_rng(3), (4, draws, 30), 0.7)
    whole = measure(values, MEASURES)
    monkeypatch.setattr(mixing, "BLOCK", 7 * 4 * draws)
    parts = measure(values, MEASURES)
    for name in MEASURES:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_both_ways_of_averaging_chains_agree(monkeypatch):
    series = autoregressive(np.random.default_rng(4), (4, 100, 20), 0.7).transpose(2, 0, 1)
    exact = autocorrelation.effective_sizes(series)
    monkeypatch.setattr(autocorrelation, "CHAIN_BY_CHAIN", 0)
    np.testing.assert_allclose(autocorrelation.effective_sizes(series), exact, rtol=1e-10)


def test_a_first_order_autoregression_has_its_known_size():
    values = autoregressive(np.random.default_rng(5), (4, 4000, 100), 0.5)
    # tau = (1 + 0.5) / (1 - 0.5); the estimate's sd is about 3 % each, so 0.3 % of the mean of 100; bias below 2 %.
    assert measure(values, ("ess_mean",))["ess_mean"].mean() == pytest.approx(16000 / 3, rel=0.03)


def test_independent_draws_count_in_full_and_monotone_changes_do_not_matter():
    values = np.random.default_rng(6).normal(size=(4, 1000, 50))
    assert ess_bulk(values).mean() == pytest.approx(4000, rel=0.03)
    # The smaller of two estimates, each with an sd of a few per cent.
    assert 3600 < ess_tail(values).mean() < 4000
    assert rhat(values).max() < 1.01
    np.testing.assert_array_equal(ess_bulk(np.exp(values)), ess_bulk(values))
    np.testing.assert_allclose(rhat(-values), rhat(values), rtol=1e-12)


def test_any_memory_order_will_do():
    values = np.random.default_rng(7).normal(size=(9, 2, 40))
    np.testing.assert_array_equal(
        rhat(np.moveaxis(values, 0, 2)), rhat(np.ascontiguousarray(np.moveaxis(values, 0, 2)))
    )


def test_scores_are_of_scipys_ranks():
    rng = np.random.default_rng(8)
    values = np.stack([rng.normal(size=41), rng.integers(0, 5, 41), np.zeros(41)])
    order = np.argsort(values, axis=1)
    expected = norm.ppf((rankdata(values, axis=1) - 3 / 8) / (41 + 1 / 4))
    np.testing.assert_array_equal(normal_scores(np.take_along_axis(values, order, 1), order), expected)


def test_no_quantities_and_truth_values():
    assert all(len(values) == 0 for values in measure(np.zeros((2, 10, 0)), MEASURES).values())
    truths = np.random.default_rng(9).random((2, 50, 3)) < 0.5
    for name, values in measure(truths, MEASURES).items():
        np.testing.assert_array_equal(values, measure(truths.astype(float), (name,))[name])
