"""Numbers as a reader wants them: as many digits as their uncertainty allows, and a proper minus sign."""

import math
from typing import Any

import pandas as pd

from .document import Format, Table


def number(value: Any, spec: str = ".3g") -> str:
    """Return a number as text; not-a-number becomes a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    text = format(value, spec)
    return "−" + text[1:] if text.startswith("-") else text


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


def cell(table: Table, column: str, value: Any) -> str:
    """Return what stands in a cell of a table."""
    chosen: Format | None = table.formats.get(column)
    if callable(chosen):
        return chosen(value)
    if isinstance(value, bool) or (hasattr(value, "dtype") and value.dtype == bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT:
        return "–"
    try:
        whole = float(value).is_integer() and not isinstance(value, float)
    except (TypeError, ValueError):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return "–"
    return number(value, chosen if chosen else (",d" if whole else ".3g"))


def numeric(table: Table, column: str) -> bool:
    """Return whether a column is set flush right: numbers, and texts that a format marks as numbers."""
    return column in table.formats or pd.api.types.is_numeric_dtype(table.frame[column])
