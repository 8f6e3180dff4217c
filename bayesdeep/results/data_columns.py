"""The data's own columns, as far as a model reads them, beside the arrays that were made of them.

Terms turn columns into arrays, and not every array can be turned back. Whoever asks what a fit does when one column changes
and the others stay (partial dependence, a functional analysis of variance) or fits another formula to the same rows needs the
columns themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayesdeep.core.columns import Column
from bayesdeep.core.names import DIMENSIONS, posterior_name

GROUP = "columns"
"""Where a tree keeps them."""


def taken(columns: Mapping[str, Column], keep: np.ndarray) -> dict[str, Column]:
    """Return the columns of some of the rows, in the order asked for, with all of their levels.

    Parameters
    ----------
    columns
        By name, without missing values.
    keep
        A mask ``(obs,)``, or positions, which may repeat.
    """
    return {name: replace(column, values=column.values[keep], missing=None) for name, column in columns.items()}


def columns_dataset(columns: Mapping[str, Column], rows: int) -> xr.Dataset:
    """Return the columns as a Dataset: values or codes ``(obs,)``, arrays ``(obs, …)``, and levels as JSON texts."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        own = posterior_name(name)
        while own in found or own in DIMENSIONS:
            own += "_"
        attrs = {"column": name, "kind": column.kind, "ordered": int(column.ordered)}
        axes = tuple(f"{own} axis {k}" for k in range(1, column.values.ndim))
        found[own] = (("obs", *axes), column.values, attrs)
        if column.levels is not None:
            texts = np.array([json.dumps(_plain(level)) for level in column.levels])
            found[f"{own} levels"] = ((f"{own} level",), texts, {"levels of": own})
    return xr.Dataset(found, coords={"obs": np.arange(rows)})


def columns_from(data: xr.Dataset) -> dict[str, Column]:
    """Return the columns that :func:`columns_dataset` wrote."""
    found = {}
    for own, array in data.data_vars.items():
        if "column" not in array.attrs:
            continue
        name, kind = str(array.attrs["column"]), str(array.attrs["kind"])
        texts = f"{own} levels"
        levels = tuple(json.loads(str(t)) for t in data[texts].values) if texts in data else None
        values = np.asarray(array)
        values.setflags(write=False)
        found[name] = Column(name, kind, values, levels, bool(array.attrs["ordered"]))
    return found


def _plain(level: Any) -> Any:
    return level.item() if isinstance(level, np.generic) else level
