"""Halves of chains, and the normal scores of ranks, for many series at once."""

from functools import lru_cache

import numpy as np


def split(draws: np.ndarray) -> np.ndarray:
    """Return the chains of ``(scalar, chain, draw)`` in halves, all first ones first; a middle draw is left out."""
    half = draws.shape[2] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=1)


def normal_scores(ordered: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of the ranks of values ``(scalar, value)``, equal values having their mean rank.

    Parameters
    ----------
    ordered, order
        The values in order, and from where each came: both ``(scalar, value)``.
    """
    by_rank = _blom(ordered.shape[1])
    in_order = _with_ties(np.tile(by_rank[2::2], (len(ordered), 1)), ordered, by_rank)
    scores = np.empty(ordered.shape)
    for i in range(len(ordered)):
        scores[i, order[i]] = in_order[i]
    return scores


def _with_ties(in_order: np.ndarray, ordered: np.ndarray, by_rank: np.ndarray) -> np.ndarray:
    """Give runs of equal values in ``ordered`` the score of their mean rank, in place."""
    size = ordered.shape[1]
    same = np.zeros(ordered.shape, dtype=bool)
    np.equal(ordered[:, 1:], ordered[:, :-1], out=same[:, :-1])
    links = np.flatnonzero(same)
    if len(links):
        # A run is a stretch of links to the next value; runs end with their row, as its last value has no link.
        gaps = np.flatnonzero(np.diff(links) > 1)
        first = links[np.concatenate([[0], gaps + 1])]
        last = links[np.concatenate([gaps, [-1]])] + 1
        counts = last - first + 1
        places = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        in_order.reshape(-1)[places] = np.repeat(by_rank[first % size + last % size + 2], counts)
    return in_order


@lru_cache(maxsize=4)
def _blom(size: int) -> np.ndarray:
    """Return the score of each half rank 0, 1/2, 1, … of ``size`` values (Blom 1958: offset 3/8)."""
    from scipy.special import ndtri

    half_ranks = np.maximum(np.arange(2 * size + 1), 1) / 2
    return np.asarray(ndtri((half_ranks - 3 / 8) / (size - 2 * (3 / 8) + 1)))
