"""The index of the training rows' data frame, as variables of a Dataset and back.

Predictions of the training rows carry it, after loading as before: text, numbers, truth values, dates and times with their zone,
categories, periods, and several levels. Labels of other types come back as their texts.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.lazy import xr

from .packed import text_array

INDEX = "obs_index"
"""Where a tree keeps the data frame's index; further levels have a number after it."""
LEVEL = "level of the index"
"""Attribute that marks a level, and says what kind it is."""


def index_variables(index: Any) -> dict[str, xr.Variable]:
    """Return the levels of an index by variable name; none for an index that only numbers the rows."""
    if index is None:
        return {}
    index = index if isinstance(index, pd.Index) else pd.Index(index)
    if not isinstance(index, pd.MultiIndex):
        numbers = index.dtype.kind in "iu" and np.array_equal(index.to_numpy(), np.arange(len(index)))
        return {} if numbers and index.name is None else {INDEX: _variable(index)}
    levels = [index.get_level_values(k) for k in range(index.nlevels)]
    return {f"{INDEX} {k}": _variable(level) for k, level in enumerate(levels)}


def index_from(data: xr.Dataset) -> pd.Index | None:
    """Return the index that :func:`index_variables` took apart, or None."""
    if INDEX in data:
        return _level(data[INDEX].variable)
    count = sum(str(name).startswith(f"{INDEX} ") for name in data.data_vars)
    if not count:
        return None
    return pd.MultiIndex.from_arrays([_level(data[f"{INDEX} {k}"].variable) for k in range(count)])


def is_index(name: Any) -> bool:
    """Return whether a variable is part of the index."""
    return name == INDEX or str(name).startswith(f"{INDEX} ")


def _variable(level: pd.Index) -> xr.Variable:
    made = _made(level)
    try:
        # One label is enough: what may fail is making the type again, such as a time zone with a name of its own.
        faithful = len(level) == 0 or _level(_made(level[:1])).dtype == level.dtype
    except (TypeError, ValueError, KeyError, AttributeError):
        faithful = False
    return made if faithful else _made(pd.Index([str(v) for v in level], dtype=object, name=level.name))


def _made(level: pd.Index) -> xr.Variable:
    kind, values, extra = _taken_apart(level)
    return xr.Variable(("obs",), values, {LEVEL: kind, "name": json.dumps(_name(level.name)), **extra})


def _taken_apart(level: pd.Index) -> tuple[str, np.ndarray, dict[str, str]]:
    """Return the kind of a level, its values as plain arrays, and what else it takes to make it again."""
    dtype = level.dtype
    if isinstance(level, pd.CategoricalIndex):
        kind, values, extra = _taken_apart(level.categories)
        categories = json.dumps([kind, values.tolist(), values.dtype.str, extra])
        return "category", np.asarray(level.codes), {"categories": categories, "ordered": str(int(level.ordered))}
    if isinstance(level, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex):
        return "time", level.asi8, {"dtype": str(dtype)}
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        return "plain", level.to_numpy(), {}
    labels = [v.item() if isinstance(v, np.generic) else v for v in level]
    if all(isinstance(v, str) for v in labels):
        return "text", text_array(labels), {"dtype": str(dtype)}
    gaps = [v is None or v is pd.NA or v is pd.NaT or (isinstance(v, float) and np.isnan(v)) for v in labels]
    if all(gap or isinstance(v, str | bool | int | float) for v, gap in zip(labels, gaps, strict=True)):
        plain = [None if gap else v for v, gap in zip(labels, gaps, strict=True)]
        return "json", np.array([json.dumps(v) for v in plain], dtype=str), {"dtype": str(dtype)}
    if all(type(v) is datetime.date for v in labels):
        return "date", np.array([v.isoformat() for v in labels], dtype=str), {}
    return "text", text_array([str(v) for v in level]), {"dtype": "object"}


def _name(name: Any) -> Any:
    if isinstance(name, np.generic):
        name = name.item()
    return name if name is None or isinstance(name, str | int | float) else str(name)


def _level(variable: xr.Variable) -> pd.Index:
    attrs = variable.attrs
    found = _put_together(str(attrs[LEVEL]), np.asarray(variable.values), attrs)
    found.name = json.loads(attrs["name"])
    return found


def _put_together(kind: str, values: np.ndarray, attrs: Any) -> pd.Index:
    if kind == "category":
        own, labels, plain, extra = json.loads(attrs["categories"])
        categories = _put_together(own, np.array(labels, dtype=plain), extra)
        return pd.CategoricalIndex(pd.Categorical.from_codes(values, categories, ordered=attrs["ordered"] == "1"))
    if kind == "time":
        return _times(values.astype(np.int64), attrs["dtype"])
    if kind == "text":
        return pd.Index([str(text) for text in values], dtype=attrs["dtype"])
    if kind == "json":
        return pd.Index([json.loads(str(text)) for text in values], dtype=attrs["dtype"])
    if kind == "date":
        return pd.Index([datetime.date.fromisoformat(str(text)) for text in values], dtype=object)
    return pd.Index(values)


def _times(values: np.ndarray, dtype: str) -> pd.Index:
    wanted = pd.api.types.pandas_dtype(dtype)
    if isinstance(wanted, pd.PeriodDtype):
        return pd.PeriodIndex.from_ordinals(values, freq=wanted.freq)
    if isinstance(wanted, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(values.view(f"M8[{wanted.unit}]")).tz_localize("UTC").astype(wanted)
    return pd.Index(values.view(wanted))
