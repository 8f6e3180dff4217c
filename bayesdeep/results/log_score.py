"""Scores of predictions from blocks of pointwise log likelihood, and how far they depend on which chains there are.

A sum over rows of log mean likelihoods has two errors: that of the rows, which are a sample, and that of the draws. Where
chains stay near different modes, as those of networks do, effective sizes say nothing of the second; leaving out one chain after
another does (the jackknife: Miller 1974, Biometrika 61, 1-15, doi:10.1093/biomet/61.1.1).
"""

from collections.abc import Iterable

import numpy as np
from scipy.special import logsumexp


def log_score_rows(blocks: Iterable[tuple[int, int, np.ndarray]], rows: int) -> np.ndarray:
    """Return the log of the mean likelihood over draws, a row ``(obs,)``."""
    return log_score_chains(blocks, rows, (1, 1))[0]


def log_score_chains(
    blocks: Iterable[tuple[int, int, np.ndarray]], rows: int, sizes: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the mean likelihood over draws, a row ``(obs,)``, and its sums without each chain ``(chain,)``.

    ``sizes`` are the numbers of chains and of draws of each, one chain after the other; every draw may come several times.
    """
    found, without = np.empty(rows), np.zeros(sizes[0])
    for start, stop, value in blocks:
        found[start:stop] = logsumexp(value, axis=0) - np.log(len(value))
        if sizes[0] > 1:
            by_chain = value.reshape(sizes[0], -1, value.shape[1])
            each = logsumexp(by_chain, axis=1)
            without += sums_without(each, np.zeros_like(each) + np.log(by_chain.shape[1]))
    return found, without


def sums_without(likelihood: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the sums over rows of log mean likelihoods without each chain ``(chain,)``.

    Parameters
    ----------
    likelihood, weight
        Logs of each chain's sums of weighted likelihoods, and of weights, ``(chain, obs)``.
    """
    others = [np.arange(len(weight)) != chain for chain in range(len(weight))]
    return np.array([(logsumexp(likelihood[k], axis=0) - logsumexp(weight[k], axis=0)).sum() for k in others])


def chain_variance(without: np.ndarray) -> float:
    """Return the jackknife's variance of a score from its values without each chain; 0 for one chain, which cannot tell."""
    count = len(without)
    return float((count - 1) / count * ((without - without.mean()) ** 2).sum()) if count > 1 else 0.0
