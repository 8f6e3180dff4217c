"""Scores of predictions from blocks of pointwise log likelihood."""

from collections.abc import Iterable

import numpy as np
from scipy.special import logsumexp


def log_score_rows(blocks: Iterable[tuple[int, int, np.ndarray]], rows: int) -> np.ndarray:
    """Return the log of the mean likelihood over draws, a row ``(obs,)``."""
    found = np.empty(rows)
    for start, stop, value in blocks:
        found[start:stop] = logsumexp(value, axis=0) - np.log(len(value))
    return found
