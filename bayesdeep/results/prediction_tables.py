"""Blocks of predictive draws to tables."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .predictive_distribution import Predicted

COLUMNS = ["mean", "sd", "lower", "upper"]
Block = tuple[int, int, np.ndarray]


def summary_table(
    blocks: Iterable[Block],
    rows: int,
    interval: float,
) -> pd.DataFrame:
    """Return means, sds and equal-tailed intervals a row.

    Parameters
    ----------
    blocks
        First row, last row + 1 and draws ``(draw, row)`` of a quantity.
    rows
        Number of rows in all.
    interval
        Probability of the interval.
    """
    found = np.empty((rows, len(COLUMNS)))
    for start, stop, value in blocks:
        found[start:stop] = np.column_stack([value.mean(axis=0), value.std(axis=0), *ends(value, interval)])
    return pd.DataFrame(found, columns=COLUMNS)


def response_table(blocks: Iterable[Predicted], rows: int, interval: float) -> pd.DataFrame:
    """Return mean, sd and equal-tailed interval of each row's predictive distribution; see :func:`summary_table`."""
    found = np.empty((rows, len(COLUMNS)))
    for one in blocks:
        found[one.start : one.stop] = np.column_stack([one.mean, one.sd, *ends(one.draws, interval)])
    return pd.DataFrame(found, columns=COLUMNS)


def level_table(blocks: Iterable[Block], rows: int, levels: Sequence[Any], *, mode: bool) -> pd.DataFrame:
    """Return mean probabilities, a column a level, and the most probable level; of expected counts and shares there is no mode.

    ``blocks`` are of draws ``(draw, row, level)``.
    """
    means = np.empty((rows, len(levels)))
    for start, stop, value in blocks:
        means[start:stop] = value.mean(axis=0)
    table = pd.DataFrame(means, columns=list(levels))
    if mode:
        # A level of that name keeps its own column.
        table["mode" if "mode" not in levels else "mode_"] = [levels[i] for i in means.argmax(axis=1)]
    return table


def predictor_table(blocks: Iterable[Block], rows: int, interval: float, levels: Sequence[Any]) -> pd.DataFrame:
    """Return means, sds and intervals of several predictors a row: columns ``(level, "mean")``, ``(level, "sd")``, ….

    ``blocks`` are of draws ``(draw, row, level)``.
    """
    found = np.empty((rows, len(levels), len(COLUMNS)))
    for start, stop, value in blocks:
        parts = [value.mean(axis=0), value.std(axis=0), *ends(value, interval)]
        found[start:stop] = np.stack(parts, axis=-1)
    columns = pd.MultiIndex.from_product([list(levels), COLUMNS])
    return pd.DataFrame(found.reshape(rows, -1), columns=columns)


def ends(draws: np.ndarray, interval: float) -> np.ndarray:
    """Return the ends of the equal-tailed interval of draws ``(draw, …)``, lower and upper on a first axis."""
    tail = (1 - interval) / 2
    return np.quantile(draws, [tail, 1 - tail], axis=0)
