"""A table as texts: what a page, a Markdown file, a notebook and a terminal all show, each in its own marks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Format = str | Callable[[Any], str]
"""How to write a value: a format specification (``".2f"``) or a function to text."""

PROSE = 36
"""A column with a text longer than this is prose and gets room."""


@dataclass(frozen=True)
class TextColumn:
    """A column's heading, whether it is set flush right, as numbers are, and whether it holds sentences."""

    heading: str
    right: bool = False
    prose: bool = False


@dataclass(frozen=True)
class TextTable:
    """A table whose every cell is plain text.

    Attributes
    ----------
    columns
        Of all of them, that of the rows' names included.
    rows
        Texts ``(row, column)``.
    named
        Whether the first column has the names of the rows.
    """

    columns: tuple[TextColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    named: bool


def text_table(
    frame: Any, formats: Mapping[str, Format] | None = None, *, index: str | None = "", default: Format | None = None
) -> TextTable:
    """Return a data frame as texts.

    Parameters
    ----------
    frame
        A pandas data frame.
    formats
        By column. A column that has one is set flush right, also where the function makes texts of numbers.
    index
        Heading of the column of row names; None leaves it out.
    default
        For numbers that are not whole, of columns without a format.
    """
    formats = formats or {}
    columns = [frame.iloc[:, k] for k in range(frame.shape[1])]
    right = [name in formats or getattr(column.dtype, "kind", "O") in "iuf" for name, column in frame.items()]
    prose = [any(isinstance(value, str) and len(value) > PROSE for value in column) for column in columns]
    heads = [TextColumn(str(name), *kind) for name, *kind in zip(frame.columns, right, prose, strict=True)]
    chosen = [formats.get(name) for name in frame.columns]
    rows = [
        tuple(cell(value, own, default) for value, own in zip(values, chosen, strict=True))
        for values in frame.itertuples(index=False, name=None)
    ]
    if index is not None:
        heads = [TextColumn(index), *heads]
        rows = [(str(label), *row) for label, row in zip(frame.index, rows, strict=True)]
    return TextTable(tuple(heads), tuple(rows), index is not None)


def cell(value: Any, chosen: Format | None = None, default: Format | None = None) -> str:
    """Return a value as text: ``chosen`` is for whatever it is, ``default`` for numbers that are not whole."""
    if callable(chosen):
        return chosen(value)
    if isinstance(value, bool) or (hasattr(value, "dtype") and value.dtype == bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if _missing(value):
        return "–"
    try:
        whole = float(value).is_integer() and not isinstance(value, float)
    except (TypeError, ValueError):
        return str(value)
    if chosen is None and not whole and callable(default):
        return default(value)
    return number(value, chosen or (",d" if whole else default if isinstance(default, str) else ".3g"))


def number(value: Any, spec: str = ".3g") -> str:
    """Return a number as text with a proper minus sign; not-a-number becomes a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    text = format(value, spec)
    return "−" + text[1:] if text.startswith("-") else text


def _missing(value: Any) -> bool:
    """Return whether there is no value: None, and what differs from itself."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return False
