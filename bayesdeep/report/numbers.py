"""Numbers as a reader wants them: as many digits as their uncertainty allows, and a proper minus sign."""

import math
from typing import Any

import pandas as pd

from bayesdeep.display.text_table import TextTable, number, text_table

from .document import Table


def percent(value: Any) -> str:
    """Return a share as a percentage."""
    return "–" if math.isnan(float(value)) else f"{100 * float(value):.0f}\u00a0%"


def decimals(uncertainty: float) -> int:
    """Return how many decimals a number with this standard deviation deserves: two digits of it, 0 to 6 decimals."""
    if not math.isfinite(uncertainty) or uncertainty <= 0:
        return 2
    return min(6, max(0, 1 - math.floor(math.log10(uncertainty))))


def between(lower: float, upper: float, places: int) -> str:
    """Return an interval in words: ``0.54 to 0.82``."""
    return f"{number(lower, f'.{places}f')} to {number(upper, f'.{places}f')}"


def written(frame: pd.DataFrame, formats: "dict[str, str]", digits: str = "sd") -> pd.DataFrame:
    """Return a table of estimates as texts, each row with the decimals that its ``digits`` column allows."""
    rows = []
    for _, row in frame.iterrows():
        spec = f".{decimals(float(row[digits]))}f"
        rows.append([number(row[c], formats.get(c, spec)) for c in frame.columns])
    return pd.DataFrame(rows, columns=frame.columns, index=frame.index)


def texts(table: Table) -> TextTable:
    """Return the texts of a table."""
    return text_table(table.frame, table.formats, index=table.index)
