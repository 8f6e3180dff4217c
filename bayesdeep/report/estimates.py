"""Estimates as tables of a report, each number with the digits its uncertainty allows."""

import pandas as pd

from bayesdeep.plot.parts import estimates
from bayesdeep.results.fitted import Fitted

from .document import Table
from .numbers import written
from .section import INTERVAL

COLUMNS = {"mean": "mean", "sd": "sd", "lower": "5 %", "upper": "95 %"}


def estimates_of(fit: Fitted, roles: tuple[str, ...]) -> pd.DataFrame:
    """Return mean, sd and 90 % interval of the parameters with these roles."""
    return estimates(fit, roles, INTERVAL)


def estimates_table(frame: pd.DataFrame, caption: str, index: str, struck: bool = False) -> Table:
    """Return a table of ``mean sd lower upper`` (and more columns, as they are)."""
    own = {c: ",d" for c in frame.columns if c not in COLUMNS}
    texts = written(frame, own).rename(columns=COLUMNS)
    return Table(texts, caption, dict.fromkeys(texts.columns, str), index, struck)
