"""How far a score depends on which chains there are."""

import numpy as np
import pytest

from bayesdeep.results.log_score import chain_variance, log_score_chains, log_score_rows, sums_without

CHAINS, DRAWS, ROWS = 5, 8, 11


def blocks(value: np.ndarray, size: int = 4):
    return [(k, min(k + size, value.shape[1]), value[:, k : k + size]) for k in range(0, value.shape[1], size)]


def likelihood(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(-2, 1, (CHAINS * DRAWS, ROWS)) + np.repeat(rng.normal(0, 2, (CHAINS, 1)), DRAWS, axis=0)


@pytest.mark.parametrize("times", [1, 3])
def test_sums_without_a_chain_are_those_of_the_others(times: int) -> None:
    value = likelihood()
    found, without = log_score_chains(blocks(np.repeat(value, times, axis=0)), ROWS, (CHAINS, DRAWS))
    np.testing.assert_allclose(found, np.log(np.exp(value).mean(axis=0)), rtol=1e-12)
    for chain in range(CHAINS):
        others = np.delete(value.reshape(CHAINS, DRAWS, ROWS), chain, axis=0).reshape(-1, ROWS)
        np.testing.assert_allclose(without[chain], log_score_rows(blocks(others), ROWS).sum(), rtol=1e-12)


def test_weighted_draws_are_weighed_without_a_chain_too() -> None:
    value, weight = likelihood(2).reshape(CHAINS, DRAWS, ROWS), np.random.default_rng(3).gamma(1.0, size=(CHAINS, DRAWS, ROWS))
    each = np.log((weight * np.exp(value)).sum(axis=1)), np.log(weight.sum(axis=1))
    for chain, found in enumerate(sums_without(*each)):
        w, p = (np.delete(v, chain, axis=0) for v in (weight, np.exp(value)))
        np.testing.assert_allclose(found, np.log((w * p).sum(axis=(0, 1)) / w.sum(axis=(0, 1))).sum(), rtol=1e-12)


def test_one_chain_cannot_tell() -> None:
    found, without = log_score_chains(blocks(likelihood()), ROWS, (1, CHAINS * DRAWS))
    assert chain_variance(without) == 0.0
    assert np.isfinite(found).all()


def test_the_variance_is_that_of_new_chains() -> None:
    """Chains near different modes: what the jackknife says on average is how the score varies when all chains are new."""
    rng = np.random.default_rng(4)
    scores, said = [], []
    for _ in range(600):
        modes = np.repeat(rng.normal(size=(CHAINS, ROWS)), DRAWS, axis=0)
        value = -0.5 * (0.7 * modes + 0.1 * rng.normal(size=modes.shape)) ** 2
        found, without = log_score_chains(blocks(value), ROWS, (CHAINS, DRAWS))
        scores.append(found.sum())
        said.append(chain_variance(without))
    # Of a variance over 600 sets the standard error is 6 %; the jackknife tends to be too large (Efron and Stein 1981).
    assert np.mean(said) == pytest.approx(np.var(scores), rel=0.25)
    assert np.mean(said) > 0.85 * np.var(scores)
