"""The rows for a method that needs all of them."""

from bayesdeep.core.errors import FitError
from bayesdeep.results.rows import Rows, StreamedRows, TrainingRows


def rows_for(method: str, rows: TrainingRows) -> Rows:
    """Return rows that are in memory.

    Raises
    ------
    FitError
        Where they were only summed up, which is enough for ``collapsed`` alone.
    """
    if isinstance(rows, StreamedRows):
        raise FitError(f"fit: method '{method}' needs all rows, and they are not in memory; use method='collapsed'")
    return rows
