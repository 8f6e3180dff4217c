"""Estimates as tables of a report, each number with the digits its uncertainty allows."""

import pandas as pd

from bayesdeep.plot.parts import estimates
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.labelled import STANDARD_ERRORS

from .document import Table
from .numbers import written
from .section import INTERVAL

COLUMNS = {"mean": "mean", "sd": "sd", "lower": "5 %", "upper": "95 %"}


def estimates_of(fit: Fitted, roles: tuple[str, ...]) -> pd.DataFrame:
    """Return mean, sd and 90 % interval of the parameters with these roles."""
    return estimates(fit, roles, INTERVAL)


def has_errors(fit: Fitted) -> bool:
    """Return whether a fit is a point estimate with standard errors."""
    return STANDARD_ERRORS in fit.held.children


def estimates_table(frame: pd.DataFrame, caption: str, index: str, struck: bool = False, *, errors: bool = False) -> Table:
    """Return a table of ``mean sd lower upper`` (and more columns, as they are); of estimates and ``errors`` in their place."""
    own = {c: ",d" for c in frame.columns if c not in COLUMNS}
    texts = written(frame, own).rename(columns=COLUMNS | ({"mean": "estimate", "sd": "se"} if errors else {}))
    return Table(texts, caption, dict.fromkeys(texts.columns, str), index, struck)
