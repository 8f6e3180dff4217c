"""CSV files that are not what they should be: rows of more or fewer fields than the header, text among numbers.

A field too many or too few moves values into other columns.
"""

import bz2
import csv
import gzip
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bayesdeep.core.errors import DataError
from bayesdeep.design.numeric_as_text import reads_as_number

OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
SHOWN = 60


def check_rows(path: str | Path) -> None:
    """Raise for a CSV file with two columns of one name, or with a row of another length than the header.

    Readers of data frames take a row that is too short for one with missing values, and a first row that is too long for one
    that begins with a label.
    """
    separator = "\t" if ".tsv" in Path(path).suffixes else ","
    with _opened(path) as file, _long_fields():
        rows = csv.reader(file, delimiter=separator)
        try:
            header, last = next(rows, []), 1
            refuse_duplicates(path, header)
            for row in rows:
                # A row may run over several lines, within quotation marks; readers leave out empty lines.
                line, last = last + 1, rows.line_num
                blank = len(row) < 2 and not any(field.strip() for field in row)
                if len(row) != len(header) and not blank:
                    raise _ragged(path, line, row, header, separator)
        except csv.Error as error:
            raise DataError(f"data: '{path}' cannot be read as CSV: line {rows.line_num}: {error}") from None


def check_numbers(path: str | Path, columns: Sequence[str], absent: Collection[str]) -> None:
    """Raise for the first cell of columns of numbers that is neither a number nor one of the texts for a missing value."""
    separator = "\t" if ".tsv" in Path(path).suffixes else ","
    with _opened(path) as file, _long_fields():
        rows = csv.reader(file, delimiter=separator)
        header, last = next(rows, []), 1
        places = [(header.index(name), name) for name in columns if name in header]
        for row in rows:
            line, last = last + 1, rows.line_num
            for place, name in places:
                if place < len(row) and row[place] not in absent and not reads_as_number(row[place]):
                    raise DataError(
                        f"data: file '{path}' cannot be read: column '{name}' has text {row[place]!r} in line {line}, but "
                        "numbers in the lines before; correct it, or leave the cell empty if the value is missing"
                    )


def refuse_duplicates(path: str | Path, header: Sequence[str]) -> None:
    """Raise for two columns of one name."""
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        shown = ", ".join(f"'{name}'" for name in twice)
        raise DataError(f"data: '{path}': more than one column is called {shown}; column names must differ")


def _ragged(path: str | Path, line: int, row: list[str], header: list[str], separator: str) -> DataError:
    text = separator.join(row)
    shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    advice = "write a missing value as an empty field"
    if len(row) > len(header):
        advice = "a decimal comma or a comma within text needs quotation marks around the field"
    fields = "field" if len(row) == 1 else "fields"
    return DataError(
        f"data: '{path}' cannot be read as CSV: line {line} has {len(row)} {fields}, but the header has {len(header)} "
        f"({', '.join(header[:6])}{', …' if len(header) > 6 else ''}): {shown!r}; {advice}"
    )


@contextmanager
def _opened(path: str | Path) -> Iterator[IO[str]]:
    # Text that is no UTF-8 is for the reader of the values to refuse.
    options = {"mode": "rt", "encoding": "utf-8-sig", "errors": "replace", "newline": ""}
    opener = OPENERS.get(Path(path).suffix.lower(), open)
    with opener(path, **options) as file:  # type: ignore[operator]
        yield file


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let fields be of any length, as they may be for other readers."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
