"""One block of rows as columns, as the rest of the package knows them; complete rows only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError
from bayesdeep.design.convert import to_column
from bayesdeep.design.frame import LazyColumns, column, keep_rows
from bayesdeep.design.missing import DROP, infinite_rows

from .stream_source import TEXT


@dataclass(frozen=True)
class Block:
    """Some rows.

    Attributes
    ----------
    frame
        Their columns. Levels of text are in the order in which they were met, not sorted.
    declared
        By categorical column: the data's own list of categories, in its order.
    """

    frame: Frame
    declared: dict[str, tuple[Any, ...]]


def block_of(table: Any) -> Block:
    """Return a ``pyarrow.Table`` as a block."""
    import pyarrow as pa

    declared = {}
    for i, kept in enumerate(table.schema):
        if pa.types.is_dictionary(kept.type) and not _is_text(kept):
            declared[kept.name] = _categories(table.column(i))
    return Block(Frame(LazyColumns(table.column_names, partial(_column, table)), table.num_rows), declared)


def _is_text(kept: Any) -> bool:
    return TEXT in (kept.metadata or {})


def _categories(chunked: Any) -> tuple[Any, ...]:
    found: dict[Any, None] = {}
    for chunk in chunked.chunks:
        found.update(dict.fromkeys(chunk.dictionary.to_pylist()))
    plain = all(isinstance(c, int | float) for c in found) or all(isinstance(c, str | bool) for c in found)
    return tuple(found) if plain else tuple(str(c) for c in found)


def _column(table: Any, name: str) -> Column:
    import pyarrow as pa

    place = table.column_names.index(name)
    kept, chunked = table.schema.field(place), table.column(place)
    kind = kept.type
    if _is_text(kept) or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _text(name, chunked)
    plain = pa.types.is_floating(kind) or pa.types.is_signed_integer(kind)
    if plain and not pa.types.is_float16(kind) and chunked.null_count == 0:
        values = chunked.to_numpy()
        values = values.astype(np.float64 if values.dtype.kind == "f" else np.int64, copy=False)
        absent = np.isnan(values) if values.dtype.kind == "f" else None
        return Column(name, "number", values, missing=absent if absent is not None and absent.any() else None)
    return to_column(name, chunked)


def _text(name: str, chunked: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = chunked if pa.types.is_dictionary(chunked.type) else pc.dictionary_encode(chunked)
    whole = encoded.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    absent = np.asarray(whole.is_null(nan_is_null=False).to_numpy(zero_copy_only=False))
    codes = np.where(absent, -1, pc.fill_null(whole.indices, 0).to_numpy(zero_copy_only=False)).astype(np.int64)
    labels = tuple(str(label) for label in whole.dictionary.to_pylist())
    return Column(name, "text", codes, labels, missing=absent if absent.any() else None)


@dataclass
class Gaps:
    """Rows with missing or infinite values, counted over all blocks."""

    rows: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    missing_rows: int = 0
    infinite: dict[str, int] = field(default_factory=dict)
    infinite_rows: int = 0

    def complete(self, block: Block, names: Sequence[str]) -> Frame:
        """Count a block's gaps in the columns ``names``, and return its complete rows."""
        frame = block.frame
        columns = [column(frame, name, "data") for name in names]
        self.rows += frame.rows
        infinite = {c.name: infinite_rows(c) for c in columns if c.values.dtype.kind == "f"}
        missing = {c.name: c.missing for c in columns if c.missing is not None}
        self.infinite_rows += _tally(self.infinite, infinite)
        self.missing_rows += _tally(self.missing, missing)
        if not missing:
            return frame
        return keep_rows(frame, ~np.logical_or.reduce(list(missing.values())))

    def check(self, missing: str) -> str:
        """Return a sentence about rows left out; raise where rows are wrong or none is left."""
        if self.rows == 0:
            raise DataError("data: there are no rows")
        if self.infinite_rows:
            raise DataError(f"data: {self._verb(self.infinite_rows)} infinite values: {_worst(self.infinite)}")
        if not self.missing_rows:
            return ""
        by_column = _worst(self.missing)
        if missing == "error":
            raise DataError(f"data: {self._verb(self.missing_rows)} missing values: {by_column}; {DROP}")
        if self.missing_rows == self.rows:
            raise DataError(f"data: every row has missing values: {by_column}; no row is left")
        return f"left out {self.missing_rows} of {self.rows} rows with missing values: {by_column}"

    def _verb(self, affected: int) -> str:
        return f"{affected} of {self.rows} rows {'has' if self.rows == 1 else 'have'}"


def _tally(counts: dict[str, int], bad: dict[str, np.ndarray]) -> int:
    """Add to the counts by column, and return the number of rows affected."""
    found = {name: int(np.count_nonzero(b)) for name, b in bad.items()}
    for name, count in found.items():
        if count:
            counts[name] = counts.get(name, 0) + count
    worst = [b for name, b in bad.items() if found[name]]
    return int(np.count_nonzero(np.logical_or.reduce(worst))) if worst else 0


def _worst(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]))
