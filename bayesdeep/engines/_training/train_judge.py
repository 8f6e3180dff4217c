"""Whether the network that is kept came out as well as its folds, which alone are judged by rows they have not seen."""

from collections.abc import Sequence

import numpy as np

from bayesdeep.core.batches import BatchTarget

from .train_program import precision
from .train_split import Split

MIN_SHORTFALL = 0.1
"""Log score a row by which a network may always fall short of its folds."""
CHANCE = 3.0
"""The same by chance, times the square root of the number of rows."""


def shortfall(target: BatchTarget, positions: np.ndarray, parts: Split, refresh: np.ndarray) -> float:
    """Return by how much a row the kept network meets its training rows worse than its folds met theirs, beyond chance.

    Parameters
    ----------
    target, positions, parts
        The model, where the members of a split ended ``(member, dim)``, and the split.
    refresh
        Rows from which what all rows decide is worked out.

    Returns
    -------
    float
        0 or less where nothing is wrong, or every network has been judged by itself.
    """
    folds = [member for member in range(len(positions)) if member not in parts.wanted]
    if not folds or not parts.judged:
        return 0.0
    scores = _scores(target, positions, parts.training, refresh)
    kept = min(scores[member] for member in parts.wanted)
    return float(np.median(scores[folds]) - kept - max(MIN_SHORTFALL, CHANCE / np.sqrt(target.rows)))


def _scores(target: BatchTarget, positions: np.ndarray, training: Sequence[np.ndarray], refresh: np.ndarray) -> np.ndarray:
    """Return each member's mean log likelihood of its training rows ``(member,)``."""
    import jax

    with precision("float64"):
        every, some = target.take(np.arange(target.rows)), target.take(refresh)

        def rows(x: np.ndarray) -> object:
            return target.rows_function(target.rows)(x, every, (), target.all_rows_function(len(refresh))(x, some))

        values = np.asarray(jax.jit(lambda x: jax.lax.map(rows, x))(positions))
    return np.array([own[seen].mean() for own, seen in zip(values, training, strict=True)])
