"""From columns as stored to typed columns: numbers, strings, and categories with their order put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesdeep.core.errors import DataError

from ._index import ColumnInfo, DatasetInfo

if TYPE_CHECKING:
    import pandas as pd


def typed_frame(raw: pd.DataFrame, info: DatasetInfo) -> pd.DataFrame:
    """Return a new frame with the columns of ``info``, in its order, named and typed as it says.

    Columns that ``info`` does not name (such as row names) are left out. The input is not changed.

    Raises
    ------
    DataError
        If a column is missing, the number of rows differs, or a value is none of a column's levels.
    """
    import pandas as pd

    absent = [c.origin for c in info.columns if c.origin not in raw.columns]
    if absent or len(raw) != info.rows:
        problem = f"column '{absent[0]}' is missing" if absent else f"{len(raw)} rows instead of {info.rows}"
        raise DataError(f"data set '{info.name}': {problem}; its source has changed")
    return pd.DataFrame({c.name: _typed(raw[c.origin], c, info.name) for c in info.columns})


def _typed(values: pd.Series, column: ColumnInfo, dataset: str) -> pd.Series:
    import pandas as pd

    values = values.reset_index(drop=True)
    if column.kind == "number":
        return values.astype("float64")
    if column.kind == "integer":
        return values.astype("int64")
    if column.kind == "string":
        return _labels(values)
    labels = _labels(values)
    levels = list(column.levels) or _natural(labels.dropna().unique())
    unknown = labels[labels.notna() & ~labels.isin(levels)]
    if len(unknown):
        raise DataError(
            f"data set '{dataset}', column '{column.name}': value '{unknown.iloc[0]}' is none of its levels; "
            "its source has changed"
        )
    kind = pd.CategoricalDtype(levels, ordered=column.kind == "ordered")
    return labels.astype(kind)


def _labels(values: pd.Series) -> pd.Series:
    """Return the values as strings, missing ones still missing."""
    return values.astype(str).where(values.notna())


def _natural(labels: pd.Series) -> list[str]:
    """Return labels in order: by size where all are whole numbers, else alphabetical."""
    found = [str(v) for v in labels]
    return sorted(found, key=int) if all(v.isdecimal() for v in found) else sorted(found)
