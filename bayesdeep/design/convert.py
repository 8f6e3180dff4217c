"""One column of any data frame library as a :class:`~bayesdeep.core.columns.Column`.

Everything passes through a pandas series, because pandas is installed anyway (ArviZ needs it), knows every
dtype of the others and factorises a million strings in a tenth of a second.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import DataError
from bayesdeep.core.lazy import nw

from .array_columns import from_array, from_lists, from_objects, is_list

EXACT = 2**53
"""Whole numbers up to here are exact in float64."""


def to_column(name: str, source: Any) -> Column:
    """Return ``source``, a series of any library or an array-like ``(obs,)`` or ``(obs, …)``, as a column."""
    if getattr(source, "ndim", 1) > 1:
        return replace(from_array(name, np.asarray(source)), labels=_labels(source))
    return _by_dtype(name, _series(source))


def _labels(source: Any) -> tuple[Any, ...] | None:
    """Return what an array of xarray calls the places of its second axis, if that is its last."""
    found = getattr(source, "indexes", {}).get(source.dims[1]) if source.ndim == 2 and hasattr(source, "dims") else None
    return None if found is None else tuple(found.tolist())


def drop_unused_levels(column: Column) -> Column:
    """Return the column with only those levels that occur, their order kept; what categories declare is remembered."""
    if column.levels is None:
        return column
    codes = column.values
    used = np.bincount(codes[codes >= 0], minlength=len(column.levels)) > 0
    if used.all():
        return column
    # The last entry maps code -1, which NumPy reads as "from the end", to itself.
    new_code = np.append(np.cumsum(used) - 1, -1)
    levels = tuple(level for level, keep in zip(column.levels, used.tolist(), strict=True) if keep)
    declared = column.declared or (column.levels if column.kind == "category" else None)
    return replace(column, values=_frozen(new_code[codes]), levels=levels, declared=declared)


def with_declared_levels(column: Column) -> Column:
    """Return the column with all levels that its categories declare, whether a row has them or not."""
    if column.declared is None or column.levels is None:
        return column
    place = {level: i for i, level in enumerate(column.declared)}
    # The last entry maps code -1 to itself, as above.
    codes = np.array([*(place[level] for level in column.levels), -1], dtype=np.int64)
    return replace(column, values=_frozen(codes[column.values]), levels=column.declared, declared=None)


def _series(source: Any) -> Any:
    import pandas as pd

    if isinstance(source, pd.Series):
        return source
    series = nw.from_native(source, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _series_of_narwhals(series)
    own = isinstance(source, list | tuple | range | pd.Index | pd.api.extensions.ExtensionArray)
    values = source if own else np.asarray(source)
    return pd.Series(values)


def _series_of_narwhals(series: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if series.implementation.is_polars():
        # Polars numbers categories as they first appear in the process, which is no declared order.
        series = series.cast(nw.String) if series.dtype == nw.Categorical else series
        native = series.to_native().to_arrow()
    elif series.implementation.is_pyarrow():
        native = series.to_native()
    else:
        return series.to_pandas()
    # Straight from Arrow: on the way through narwhals, missing values of dictionaries turn into levels.
    if pa.types.is_dictionary(native.type):
        return pd.Series(native.to_pandas())
    return pd.Series(native.to_pandas(types_mapper=pd.ArrowDtype))


def _by_dtype(name: str, series: Any) -> Column:
    import pandas as pd

    types, dtype = pd.api.types, series.dtype
    if isinstance(dtype, pd.ArrowDtype) and "dictionary" in str(dtype.pyarrow_dtype):
        series = series.astype("category")
        dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype) and is_list(dtype.pyarrow_dtype):
        return from_lists(name, series.array.__arrow_array__()) or _without_use(name, series)
    if types.is_object_dtype(dtype):
        return _from_objects(name, series)
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(name, series)
    if types.is_bool_dtype(dtype):
        return _bool(name, series)
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return _number(name, series)
    if types.is_string_dtype(dtype):
        return _text(name, series)
    return _without_use(name, series)


def _from_objects(name: str, series: Any) -> Column:
    import pandas as pd

    content = pd.api.types.infer_dtype(series, skipna=True)
    if content == "string":
        return _text(name, series)
    if content == "empty":
        return _all_missing(name, len(series))
    if content == "boolean":
        return _bool(name, series)
    if content in ("integer", "floating", "mixed-integer-float", "decimal"):
        whole = content == "integer" and not series.isna().any()
        filled = series if whole else series.where(series.notna(), np.nan)
        try:
            return _number(name, filled.astype("int64" if whole else "float64"))
        except (OverflowError, TypeError, ValueError):
            return _number(name, filled.astype("float64"))
    return from_objects(name, series.tolist(), series.isna().to_numpy(dtype=bool)) or _other(name, series)


def _number(name: str, series: Any) -> Column:
    import pandas as pd

    absent = series.isna().to_numpy(dtype=bool)
    whole = pd.api.types.is_integer_dtype(series.dtype)
    if whole and not absent.any():
        largest_fits = series.dtype.itemsize < 8 or series.max() <= np.iinfo(np.int64).max
        return Column(name, "number", _frozen(series.to_numpy(dtype="int64" if largest_fits else "float64")))
    if whole and not absent.all() and max(abs(int(series.min())), abs(int(series.max()))) > EXACT:
        # Identifiers of 64 bits would collide as floats; the mask says which zeros are not there.
        values = series.to_numpy(dtype="int64", na_value=0)
        return Column(name, "number", _frozen(values), missing=_frozen(absent))
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    absent = np.isnan(values)
    return Column(name, "number", _frozen(values), missing=_frozen(absent) if absent.any() else None)


def _bool(name: str, series: Any) -> Column:
    absent = series.isna().to_numpy(dtype=bool)
    values = np.zeros(len(series), dtype=bool)
    values[~absent] = series[~absent].to_numpy(dtype=bool)
    return Column(name, "bool", _frozen(values), missing=_frozen(absent) if absent.any() else None)


def _text(name: str, series: Any) -> Column:
    import pandas as pd

    codes, found = pd.factorize(series)
    labels = [str(label) for label in found]
    order = sorted(range(len(labels)), key=labels.__getitem__)
    rank = np.empty(len(labels) + 1, dtype=np.int64)
    rank[order] = np.arange(len(labels))
    rank[-1] = -1  # what code -1, missing, points at
    return _levelled(name, "text", rank[codes], tuple(labels[i] for i in order), ordered=False)


def _category(name: str, series: Any) -> Column:
    categories = series.cat.categories
    plain = categories.dtype.kind in "iufb" or all(isinstance(label, str | bool) for label in categories)
    # Categories of intervals (from `pandas.cut`) and dates are known by what they look like.
    labels = tuple(categories.tolist()) if plain else tuple(str(label) for label in categories)
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"data: column '{name}' has several categories that read '{twice}'; rename all but one")
    codes = series.cat.codes.to_numpy(dtype=np.int64)
    return drop_unused_levels(_levelled(name, "category", codes, labels, ordered=bool(series.cat.ordered)))


def _levelled(name: str, kind: str, codes: np.ndarray, levels: tuple[Any, ...], ordered: bool) -> Column:
    absent = codes < 0
    return Column(name, kind, _frozen(codes), levels, ordered, _frozen(absent) if absent.any() else None)


def _all_missing(name: str, rows: int) -> Column:
    missing = _frozen(np.ones(rows, dtype=bool))
    return Column(name, "number", _frozen(np.full(rows, np.nan)), missing=missing)


def _without_use(name: str, series: Any) -> Column:
    return _all_missing(name, len(series)) if bool(series.isna().all()) else _other(name, series)


def _other(name: str, series: Any) -> Column:
    absent = series.isna().to_numpy(dtype=bool)
    values = series.to_numpy()
    return Column(name, "other", values, missing=_frozen(absent) if absent.any() else None)


def _frozen(values: np.ndarray) -> np.ndarray:
    """Return a copy that nobody can write to: the user's own array must neither change ours nor be locked."""
    own = np.array(values)
    own.setflags(write=False)
    return own
