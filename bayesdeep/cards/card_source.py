"""What a card may name as its data, and how files of data are read."""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from bayesdeep.core.errors import CardError, DataError, nearest
from bayesdeep.stream.ragged import check_rows

if TYPE_CHECKING:
    import pandas as pd

READERS = {".csv": "read_csv", ".parquet": "read_parquet"}
"""Name of pandas' function by the file name's ending; CSV and Parquet hold values, never anything that runs."""


def is_file_name(text: str) -> bool:
    """Return whether ``data`` is the name of a file and not that of an example data set."""
    return PurePosixPath(text).suffix.lower() in READERS


def check_source(text: str, where: str) -> str:
    """Return ``data`` of a card when a card may name it; ``where`` begins the error text.

    A file is named relative to the card, ``../`` included; only the two kinds of :data:`READERS` are read.
    """
    if "://" in text:
        raise CardError(f"{where}: data '{text}' is a URL; download it, and name the CSV or Parquet file")
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive or text.startswith(("~", "\\")):
        raise CardError(f"{where}: data '{text}' is an absolute path; name the file relative to the card")
    if not text.isprintable():
        raise CardError(f"{where}: data {text!r} has control characters in it")
    if is_file_name(text):
        return text
    from bayesdeep.datasets._index import names

    if text in names():
        return text
    if "/" in text or "\\" in text or "." in text:
        raise CardError(f"{where}: data '{text}' is neither a .csv nor a .parquet file; a card reads no others")
    raise CardError(f"{where}: data '{text}' is no example data set{nearest(text, names())}")


def read_table(path: str | Path) -> "pd.DataFrame":
    """Return the rows of a CSV or Parquet file."""
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"data: '{path}' is neither a .csv nor a .parquet file")
    if path.is_dir():
        raise DataError(f"data: '{path}' is a folder; give the name of a file in it")
    if not path.is_file():
        raise DataError(f"data: there is no file '{path}'")
    if path.suffix.lower() == ".csv":
        check_rows(path)
    import pandas as pd

    try:
        # Opened here, so that pandas never takes the name for a URL.
        with path.open("rb") as file:
            # Read whole, a column has one type; read in pieces it can have several.
            options = {"low_memory": False} if reader == "read_csv" else {}
            return getattr(pd, reader)(file, **options)
    except Exception as error:  # whatever readers of CSV and Parquet say of what they cannot read
        empty = not isinstance(error, OSError) and path.stat().st_size == 0
        why = "the file is empty" if empty else str(error).strip() or type(error).__name__
        raise DataError(f"data: '{path}' cannot be read as {path.suffix[1:]}: {why}") from error
