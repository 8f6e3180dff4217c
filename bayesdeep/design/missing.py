"""Missing and infinite values: an error that counts them, or rows left out on request."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np

from bayesdeep.core.columns import Column, Frame, Gaps
from bayesdeep.core.errors import DataError, nearest

from .frame import column, keep_rows

CHOICES = ("error", "drop")
DROP = 'pass missing="drop" to leave these rows out'
NOTHING: Mapping[str, Gaps] = MappingProxyType({})


def check_missing(
    frame: Frame,
    names: Iterable[str],
    missing: str = "error",
    where: str = "data",
    advice: str = DROP,
    gaps: Mapping[str, Gaps] = NOTHING,
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
    gaps
        What columns may lack, by name: rows are not left out for values that nobody reads.

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
    absent = {c.name: found for c in columns if (found := _missing(c, gaps.get(c.name))) is not None}
    infinite = {c.name: found for c in columns if (found := _infinite(c, gaps.get(c.name))).any()}
    if infinite:
        rows, by_column = _counts(infinite, frame.rows)
        raise DataError(f"data: {rows} infinite values: {by_column}")
    if not absent:
        return frame, 0, ""
    incomplete = np.logical_or.reduce(list(absent.values()))
    dropped = int(np.count_nonzero(incomplete))
    rows, by_column = _counts(absent, frame.rows)
    if missing == "error":
        hints = dict.fromkeys(gaps[name].hint for name in absent if name in gaps and gaps[name].hint)
        raise DataError(f"data: {rows} missing values: {by_column}; {'; '.join(hints) or advice}")
    if dropped == frame.rows:
        raise DataError(f"data: every row has missing values: {by_column}; no row is left")
    notice = f"left out {dropped} of {frame.rows} rows with missing values: {by_column}"
    return keep_rows(frame, ~incomplete), dropped, notice


def infinite_rows(column: Column) -> np.ndarray:
    """Return the rows ``(obs,)`` in which a value, or a number of an array, is infinite."""
    values = column.values
    if values.dtype.kind != "f":
        return np.zeros(len(values), dtype=bool)
    found = np.isinf(values)
    return found if found.ndim == 1 else found.reshape(len(found), -1).any(axis=1)


def _missing(column: Column, gaps: Gaps | None) -> np.ndarray | None:
    """Return the rows ``(obs,)`` in which a value is missing and needed, or None if there is no such row."""
    if column.missing is None or gaps is None or gaps.missing is None:
        return column.missing
    needed = column.missing & ~gaps.missing
    return needed if needed.any() else None


def _infinite(column: Column, gaps: Gaps | None) -> np.ndarray:
    """Return the rows ``(obs,)`` in which a value is infinite and should not be."""
    if gaps is not None and gaps.infinite:
        return np.zeros(len(column.values), dtype=bool)
    found = infinite_rows(column)
    return found if gaps is None or gaps.missing is None else found & ~gaps.missing


def _counts(bad: dict[str, np.ndarray], rows: int) -> tuple[str, str]:
    """Return ``"12 of 344 rows have"`` and ``"sex 11, bill_length_mm 2"``, the worst column first."""
    affected = int(np.count_nonzero(np.logical_or.reduce(list(bad.values()))))
    counts = sorted(((int(np.count_nonzero(b)), name) for name, b in bad.items()), key=lambda pair: -pair[0])
    verb = "has" if rows == 1 else "have"
    return f"{affected} of {rows} rows {verb}", ", ".join(f"{name} {count}" for count, name in counts)
