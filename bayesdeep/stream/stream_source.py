"""Where blocks of rows come from: Parquet and CSV files, polars lazy frames, pyarrow data sets."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bayesdeep.core.errors import DataError

from .ragged import check_numbers, check_rows, refuse_duplicates

BLOCK_ROWS = 1 << 19
"""Rows of a block: the arrays made of it are a few MB a column, and the work on it dwarfs the cost of calling."""

CSV_BYTES = 1 << 24
"""Bytes of CSV text read at once."""

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".csv.bz2", ".tsv")


class Source(Protocol):
    """Something rows can be read from, block by block."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns, in the data's order."""
        ...

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """Yield the rows as ``pyarrow.Table`` of these columns, of any number of rows."""
        ...


def open_source(data: Any) -> Source | None:
    """Return where to read ``data`` from if it is not in memory; None if it is.

    Parameters
    ----------
    data
        A path or a glob of paths (``"data/*.parquet"``) of Parquet or CSV files, a polars LazyFrame, or a pyarrow data
        set. Anything else is taken to be in memory.

    Raises
    ------
    DataError
        If no file is found or files are of no known kind.
    """
    if isinstance(data, str | os.PathLike):
        return _open_files(os.fspath(data))
    module = type(data).__module__.partition(".")[0]
    if module == "narwhals" and hasattr(data, "collect"):
        data = data.to_native()
        module = type(data).__module__.partition(".")[0]
    if module == "polars" and hasattr(data, "collect"):
        return LazyFrameSource(data, tuple(data.collect_schema().names()))
    if module == "pyarrow" and hasattr(data, "scanner") and hasattr(data, "get_fragments"):
        return DatasetSource(data, tuple(data.schema.names))
    return None


def _open_files(pattern: Any) -> Source:
    text = str(pattern)
    found = [text] if os.path.isfile(text) else sorted(p for p in glob.glob(text, recursive=True) if os.path.isfile(p))
    if not found:
        folder = Path(text).is_dir()
        advice = f"'{text}' is a folder; name its files, '{text}/*.parquet'" if folder else f"no file matches '{text}'"
        raise DataError(f"data: {advice}")
    if all(path.lower().endswith(PARQUET) for path in found):
        return ParquetFiles(tuple(found), ParquetFiles.names_of(found[0]))
    if all(path.lower().endswith(CSV) for path in found):
        return CsvFiles(tuple(found), CsvFiles.names_of(found[0]))
    if len(found) > 1:
        raise DataError(f"data: '{text}' matches {len(found)} files that are not all Parquet or all CSV, such as '{found[0]}'")
    raise DataError(f"data: '{text}' is not read here; files end in {', '.join((*PARQUET, *CSV))}")


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files, one after the other; text is read as dictionaries, which is how Parquet mostly keeps it."""

    paths: tuple[str, ...]
    names: tuple[str, ...]

    @staticmethod
    def names_of(path: str) -> tuple[str, ...]:
        """Return the columns of a file."""
        with _reading(path):
            return tuple(_parquet(path).schema_arrow.names)
        raise AssertionError

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See :class:`Source`."""
        import pyarrow as pa

        for path in self.paths:
            with _reading(path):
                plain = _parquet(path)
                schema = plain.schema_arrow
                _check_names(path, schema.names, columns)
                text = [name for name in columns if pa.types.is_string(schema.field(name).type)]
                file = _parquet(path, text) if text else plain
                for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=list(columns), use_threads=True):
                    # Whether it was text or a category is remembered: categories have an order that text has not.
                    yield _marked(pa.Table.from_batches([batch]), text)


def _parquet(path: str, dictionaries: Sequence[str] = ()) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, read_dictionary=list(dictionaries), memory_map=False, pre_buffer=False)


TEXT = b"bayesdeep text"
"""Field metadata of a column of text that was read as a dictionary."""


def _marked(table: Any, text: Sequence[str]) -> Any:
    if not text:
        return table
    import pyarrow as pa

    fields = [f.with_metadata({TEXT: b"1"}) if f.name in text else f for f in table.schema]
    return pa.table(table.columns, schema=pa.schema(fields))


@dataclass(frozen=True)
class CsvFiles:
    """CSV files, one after the other; types are those of a file's first rows."""

    paths: tuple[str, ...]
    names: tuple[str, ...]

    @staticmethod
    def names_of(path: str) -> tuple[str, ...]:
        """Return the columns of a file."""
        with _reading(path, check_rows), _csv(path, None) as reader:
            refuse_duplicates(path, reader.schema.names)
            return tuple(reader.schema.names)
        raise AssertionError

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See :class:`Source`."""
        import pyarrow as pa

        for path in self.paths:
            with _reading(path, check_rows), _csv(path, None) as reader:
                _check_names(path, reader.schema.names, columns)
                schema = reader.schema
            with _reading(path, partial(_check_cells, schema, columns)), _csv(path, columns) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])


def _check_cells(schema: Any, columns: Sequence[str], path: str) -> None:
    """Raise for a ragged row, or for text in a column of numbers."""
    import pyarrow as pa
    from pyarrow import csv

    check_rows(path)
    kinds = {name: schema.field(name).type for name in columns}
    numbers = [name for name, kind in kinds.items() if pa.types.is_integer(kind) or pa.types.is_floating(kind)]
    check_numbers(path, numbers, csv.ConvertOptions().null_values)


def _csv(path: str, columns: Sequence[str] | None) -> Any:
    from pyarrow import csv

    tabs = csv.ParseOptions(delimiter="\t") if path.lower().endswith(".tsv") else None
    convert = csv.ConvertOptions(include_columns=None if columns is None else list(columns), strings_can_be_null=True)
    read = csv.ReadOptions(block_size=CSV_BYTES)
    return csv.open_csv(path, read_options=read, parse_options=tabs, convert_options=convert)


@dataclass(frozen=True)
class LazyFrameSource:
    """A polars lazy frame, collected in batches by its streaming engine."""

    frame: Any
    names: tuple[str, ...]

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See :class:`Source`."""
        chosen = self.frame.select(list(columns))
        for part in self._parts(chosen):
            # Polars numbers its categories as they first appear in the process, which is no declared order.
            loose = [name for name, kind in part.schema.items() if str(kind).startswith("Categorical")]
            yield part.with_columns(**{name: part[name].cast(str) for name in loose}).to_arrow()

    def _parts(self, chosen: Any) -> Iterator[Any]:
        if hasattr(chosen, "collect_batches"):
            yield from chosen.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True)
            return
        start = 0
        while True:
            part = chosen.slice(start, BLOCK_ROWS).collect()
            if part.height:
                yield part
            if part.height < BLOCK_ROWS:
                return
            start += BLOCK_ROWS


@dataclass(frozen=True)
class DatasetSource:
    """A pyarrow data set."""

    dataset: Any
    names: tuple[str, ...]

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        """See :class:`Source`."""
        import pyarrow as pa

        ahead = {"batch_readahead": 2, "fragment_readahead": 1}
        for batch in self.dataset.scanner(columns=list(columns), batch_size=BLOCK_ROWS, **ahead).to_batches():
            yield pa.Table.from_batches([batch])


def rebatched(blocks: Iterator[Any], least: int) -> Iterator[Any]:
    """Yield the same rows in blocks of at least ``least`` rows, the last one excepted; empty ones are left out.

    Blocks are only joined where their columns have the same types.
    """
    import pyarrow as pa

    waiting: list[Any] = []
    rows = 0
    for block in blocks:
        if waiting and block.schema != waiting[0].schema:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
        if block.num_rows:
            waiting.append(block)
            rows += block.num_rows
        if rows >= least:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _check_names(path: str, there: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in there:
            raise DataError(f"data: file '{path}' has no column '{name}', which another file has or the model needs")


class _reading:
    """Turn what pyarrow says of a file into an error that names the file; ``look(path)`` may find and raise a better one."""

    def __init__(self, path: str, look: Callable[[str], None] = lambda path: None) -> None:
        self._path, self._look = path, look

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            return
        import pyarrow as pa

        if issubclass(kind, pa.ArrowException | OSError) and not issubclass(kind, DataError):
            if not issubclass(kind, OSError):
                self._look(self._path)
            raise DataError(f"data: file '{self._path}' cannot be read: {error}") from error
