"""Effects of one fit, or of several fits of one model together, as a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError

from .marginal_grid import Base
from .marginal_source import Source
from .marginal_table import effect_rows, finished


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of one fit, which are worked out one after another.

    Attributes
    ----------
    source, base
        What they are made from, and the rows they are averaged over.
    named
        Of each the columns that say what it is, and its draws ``(draw, group[, level])``.
    null
        What no effect is.
    """

    source: Source
    base: Base
    named: Iterable[tuple[Mapping[str, Any], np.ndarray]]
    null: float = 0.0


def effects_table(every: Sequence[Effects], kind: str, interval: float) -> pd.DataFrame:
    """Return the table of effects; of several fits that of their draws together, of which each fit has the same share.

    Raises
    ------
    FitError
        Where the fits have not the same effects and groups.
    """
    first, tables = every[0], []
    source, labels = first.source, first.base.labels
    for k, one in enumerate(every, start=1):
        if not one.base.labels.equals(labels):
            raise FitError(
                f"{source.where}: data set {k} has other groups of rows than data set 1; pass rows as data=…"
            )
    for parts in zip_longest(*(one.named for one in every)):
        if any(part is None or part[0] != (parts[0] or part)[0] for part in parts):
            raise FitError(f"{source.where}: what is compared is not the same in all data sets; pass rows as data=…")
        name, draws = parts[0] if len(parts) == 1 else (parts[0][0], np.concatenate([value for _, value in parts]))
        tables.append(effect_rows(draws, labels, source.spec.response.levels, interval, name, first.null))
    table = finished(tables, source, first.base.over, kind, interval)
    table.attrs["draws"] = sum(one.source.draws for one in every)
    return table
