"""What a comparison found, as a record: pictures, reports and further questions take this."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bayesdeep.core.columns import Frame
from bayesdeep.results.fitted import Fitted

from .assessed_fit import Assessed


@dataclass(frozen=True, eq=False, repr=False)
class Compared:
    """Fits beside each other, by how well they predict rows they have not seen.

    Attributes
    ----------
    table
        A row a fit, best first; see :func:`bayesdeep.compare` for how to read its columns. ``table.attrs["scored_on"]`` says how
        rows were kept from the fit that predicts them.
    calibration
        Index: nominal probability of central intervals; a column a fit: the share of rows inside. On the diagonal is
        calibrated, below it overconfident. Empty for responses with levels.
    assessed
        By name, ArviZ's record (``elpd``), scores by row (``scores``) and sentences to mind (``notes``); fits that failed
        are absent.
    fits
        The fits, by name; without baselines.
    target, by
        What was left out: rows, or the groups of a factor.
    data
        The held-out rows that all fits were scored on, or None.
    """

    table: pd.DataFrame
    calibration: pd.DataFrame
    assessed: Mapping[str, Assessed]
    fits: Mapping[str, Fitted]
    target: str = "rows"
    by: str | None = None
    notes: tuple[str, ...] = ()
    data: Frame | None = None
