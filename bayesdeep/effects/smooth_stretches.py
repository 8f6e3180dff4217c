"""Where a curve rises and where it falls, as far as its slope is sure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

SURE = 0.95
"""Posterior probability of the slope's sign at a point from which on it is called sure there."""


@dataclass(frozen=True)
class Stretch:
    """A stretch over which a curve goes one way.

    Attributes
    ----------
    rises
        Up, and not down.
    start, stop
        Where the estimated curve begins and ends to.
    sure_start, sure_stop
        The longest part of it at whose every point the slope has this sign with the probability :data:`SURE`; None for none.
    """

    rises: bool
    start: float
    stop: float
    sure_start: float | None
    sure_stop: float | None


def stretches(table: pd.DataFrame, column: str) -> list[Stretch]:
    """Return the stretches of a curve, from left to right.

    Parameters
    ----------
    table
        With the column's values, ``slope`` and ``prob_rising``, as curves of smooths have them.
    column
        Its name.
    """
    at, slope, rising = (table[name].to_numpy(float) for name in (column, "slope", "prob_rising"))
    found = []
    for first, last in _runs(np.sign(slope)):
        if slope[first] == 0:
            continue
        rises = bool(slope[first] > 0)
        sure = (rising if rises else 1 - rising)[first : last + 1] >= SURE
        longest = max((run for run in _runs(sure.astype(float)) if sure[run[0]]), key=lambda run: run[1] - run[0], default=None)
        ends = (None, None) if longest is None else (float(at[first + longest[0]]), float(at[first + longest[1]]))
        found.append(Stretch(rises, float(at[first]), float(at[last]), *ends))
    return found


def _runs(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield first and last place of each run of equal values."""
    edges = np.flatnonzero(np.diff(values) != 0)
    yield from zip([0, *(edges + 1)], [*edges, len(values) - 1], strict=True)
