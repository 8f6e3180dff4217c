"""Blocks of predictive draws to tables."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def predictive_table(
    blocks: Iterable[tuple[int, int, np.ndarray]],
    rows: int,
    interval: float,
    levels: tuple[Any, ...] | None,
    *,
    counts: bool = False,
) -> pd.DataFrame:
    """Return means, sds and equal-tailed intervals a row; with ``levels``, a column a level and the mode.

    Parameters
    ----------
    blocks
        First row, last row + 1 and draws ``(draw, rows[, level])``.
    rows
        Number of rows in all.
    interval
        Probability of the interval.
    levels
        Labels of the last axis.
    counts
        Whether the last axis holds expected counts; these have no mode.
    """
    if levels is not None:
        means = np.empty((rows, len(levels)))
        for start, stop, value in blocks:
            means[start:stop] = value.mean(axis=0)
        table = pd.DataFrame(means, columns=list(levels))
        if not counts:
            # A level of that name keeps its own column.
            table["mode" if "mode" not in levels else "mode_"] = [levels[i] for i in means.argmax(axis=1)]
        return table
    tail = (1 - interval) / 2
    found = np.empty((rows, 4))
    for start, stop, value in blocks:
        if value.ndim == 3:
            value = value.reshape(value.shape[0], -1)
            found = np.empty((rows * (value.shape[1] // (stop - start)), 4)) if start == 0 else found
        lower, upper = np.quantile(value, [tail, 1 - tail], axis=0)
        found[start:stop] = np.column_stack([value.mean(axis=0), value.std(axis=0), lower, upper])
    return pd.DataFrame(found, columns=["mean", "sd", "lower", "upper"])
