"""Matrices beside a card: CSV files whose first row and first column have the labels."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesdeep.core.columns import Matrix
from bayesdeep.core.errors import CardError, DataError
from bayesdeep.core.labels import value_of

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"\w[\w.-]*")


def file_of(name: str, where: str) -> str:
    """Return the name of a matrix's file."""
    if NAME.fullmatch(name) is None:
        raise CardError(f"{where}: the matrix '{name}' cannot be the name of a file; call it by letters, digits and '_'")
    return f"{name}.csv"


def table_bytes(matrix: Matrix) -> bytes:
    """Return a matrix as CSV; every digit of it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", *matrix.labels])
    writer.writerows([label, *map(repr, row)] for label, row in zip(matrix.labels, matrix.values.tolist(), strict=True))
    return text.getvalue().encode("utf-8")


def read_labelled(path: Path) -> "pd.DataFrame":
    """Return the table in a CSV file; labels that are all numbers as Python writes them are numbers."""
    import pandas as pd

    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = [row for row in csv.reader(file) if row]
        values = [[float(entry) for entry in row[1:]] for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"data: '{path}' cannot be read as a labelled table of numbers: {error}") from error
    if any(len(row) != len(header) for row in rows):
        raise DataError(f"data: '{path}': rows have different lengths; the first row and the first column have the labels")
    return pd.DataFrame(values, index=_labels([row[0] for row in rows]), columns=_labels(header[1:]))


def _labels(texts: list[str]) -> "pd.Index[Any]":
    import pandas as pd

    values = [value_of(text) for text in texts]
    numbers = all(value is not None and str(value) == text for value, text in zip(values, texts, strict=True))
    return pd.Index(values if numbers else texts, dtype=object)
