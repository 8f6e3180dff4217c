"""Missing and infinite values: an error that counts them, or rows left out on request."""

from collections.abc import Iterable

import numpy as np

from ..core.columns import Frame
from ..core.errors import DataError, nearest
from .frame import column, keep_rows

CHOICES = ("error", "drop")
DROP = 'pass missing="drop" to leave these rows out'


def check_missing(
    frame: Frame, names: Iterable[str], missing: str = "error", where: str = "data", advice: str = DROP
) -> tuple[Frame, int, str]:
    """Return the rows that are complete in the named columns.

    Parameters
    ----------
    frame
        The data.
    names
        The columns the model reads.
    missing
        ``"error"`` or ``"drop"``.
    where
        Begins the error text for a column that is not there.
    advice
        Ends the error text for missing values.

    Returns
    -------
    tuple
        The frame, the number of rows left out, and a sentence about them ("" if there are none).

    Raises
    ------
    DataError
        If values are missing and ``missing="error"``, if no complete row is left, or if values are infinite.
    """
    if missing not in CHOICES:
        raise DataError(f"data: missing={missing!r} is unknown{nearest(str(missing), CHOICES)}")
    columns = [column(frame, name, where) for name in dict.fromkeys(names)]
    gaps = {c.name: c.missing for c in columns if c.missing is not None}
    infinite = {c.name: np.isinf(c.values) for c in columns if c.values.dtype.kind == "f"}
    infinite = {name: found for name, found in infinite.items() if found.any()}
    if infinite:
        rows, by_column = _counts(infinite, frame.rows)
        raise DataError(f"data: {rows} infinite values: {by_column}")
    if not gaps:
        return frame, 0, ""
    incomplete = np.logical_or.reduce(list(gaps.values()))
    dropped = int(np.count_nonzero(incomplete))
    rows, by_column = _counts(gaps, frame.rows)
    if missing == "error":
        raise DataError(f'data: {rows} missing values: {by_column}; {advice}')
    if dropped == frame.rows:
        raise DataError(f"data: every row has missing values: {by_column}; no row is left")
    notice = f"left out {dropped} of {frame.rows} rows with missing values: {by_column}"
    return keep_rows(frame, ~incomplete), dropped, notice


def _counts(bad: dict[str, np.ndarray], rows: int) -> tuple[str, str]:
    """Return ``"12 of 344 rows have"`` and ``"sex 11, bill_length_mm 2"``, the worst column first."""
    affected = int(np.count_nonzero(np.logical_or.reduce(list(bad.values()))))
    counts = sorted(((int(np.count_nonzero(b)), name) for name, b in bad.items()), key=lambda pair: -pair[0])
    verb = "has" if rows == 1 else "have"
    return f"{affected} of {rows} rows {verb}", ", ".join(f"{name} {count}" for count, name in counts)
