"""Draws and rows to a DataTree, and the parts of a fit back from one."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import xarray as xr

from bayesdeep.core.draws import Draws
from bayesdeep.core.records import Response
from bayesdeep.graph.build import Graph
from bayesdeep.spec.model_spec import ModelSpec

from .columns import GROUP, columns_dataset, columns_from
from .functions import GROUP as FUNCTIONS
from .functions import functions_dataset
from .rows import FIELDS, INDEX, Rows, StreamedRows

STREAMED = "streamed_rows"
"""Attribute with the number of rows, where a tree does not hold them."""


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    found = {}
    for package in ("bayesdeep", "pymc", "pytensor", "arviz", "nutpie", "numpy", "xarray"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def posterior_dataset(graph: Graph, values: Mapping[str, np.ndarray], chains: int, draws: int) -> xr.Dataset:
    """Return posterior arrays ``(chain * draw, …)`` as a Dataset with named dimensions and labels."""
    data, coords = {}, {"chain": np.arange(chains), "draw": np.arange(draws)}
    for name, value in values.items():
        dims = graph.dims[name]
        role = graph.roles.get(name, "")
        attrs = {"role": role} if role in ("weight", "held") else {}
        data[name] = (("chain", "draw", *dims), value.reshape(chains, draws, *value.shape[1:]), attrs)
        coords |= {d: _labels(graph.coords[d]) for d in dims if d != "obs"}
    return xr.Dataset(data, coords=coords)


def _labels(labels: tuple[Any, ...]) -> np.ndarray:
    if all(isinstance(x, str) for x in labels):
        return np.array(labels, dtype=object if not labels else str)
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in labels):
        return np.array(labels)
    return np.array([str(x) for x in labels])


def data_datasets(rows: Rows, spec: ModelSpec) -> tuple[xr.Dataset, xr.Dataset]:
    """Return observed_data and constant_data: all that is needed to predict the training rows again.

    Both are empty where the rows are not in memory.
    """
    if isinstance(rows, StreamedRows):
        return xr.Dataset(), xr.Dataset()
    name, obs = rows.response.name, np.arange(rows.rows)
    value = rows.response.value
    dims = ("obs",) if value.ndim == 1 else ("obs", f"{name}_count")
    observed = xr.Dataset({name: (dims, value)}, coords={"obs": obs})
    if value.ndim == 2:
        observed = observed.assign_coords({f"{name}_count": _labels(tuple(spec.response.levels or ()))})
    constant: dict[str, Any] = {}
    for key, array in rows.arrays.items():
        own = ("obs",) if array.ndim == 1 else ("obs", f"{key}_column")
        constant[key] = (own, array)
    for field in FIELDS[1:]:
        part = getattr(rows.response, field)
        if part is not None:
            constant[f"{name}_{field}"] = (("obs",), part)
    if (index := _plain_index(rows.index)) is not None:
        constant[INDEX] = (("obs",), index)
    return observed, xr.Dataset(constant, coords={"obs": obs})


def _plain_index(index: Any) -> np.ndarray | None:
    """Return a data frame's index if it says more than the rows' numbers, and is of numbers or text."""
    if index is None or getattr(index, "nlevels", 1) > 1:
        return None
    values = np.asarray(index)
    if values.dtype.kind in "iu":
        return None if np.array_equal(values, np.arange(len(values))) else values
    return values.astype(str) if all(isinstance(v, str) for v in values) else None


def rows_from_tree(tree: xr.DataTree, spec: ModelSpec) -> Rows:
    """Return the training rows from a tree made by :func:`make_tree`."""
    if STREAMED in tree.attrs:
        return StreamedRows(int(tree.attrs[STREAMED]))
    name = spec.response.name
    constant = tree["constant_data"].to_dataset()
    parts = {f: np.asarray(constant[f"{name}_{f}"]) for f in FIELDS[1:] if f"{name}_{f}" in constant}
    value = np.asarray(tree["observed_data"][name])
    response = Response(name, value, levels=spec.response.levels, ordered=spec.response.ordered, **parts)
    own = {INDEX, *(f"{name}_{f}" for f in FIELDS)}
    index = np.asarray(constant[INDEX]) if INDEX in constant else None
    arrays = {str(k): np.asarray(v) for k, v in constant.data_vars.items() if k not in own}
    columns = columns_from(tree[GROUP].to_dataset()) if GROUP in tree else {}
    return Rows(arrays, response, len(value), True, index, columns=columns)


def make_tree(
    spec: ModelSpec,
    graph: Graph,
    rows: Rows,
    draws: Draws,
    values: Mapping[str, np.ndarray],
    method: str,
    seed: int,
    seconds_total: float,
    settings: Mapping[str, Any],
) -> xr.DataTree:
    """Return the DataTree of a fit; its attributes say what made it, down to the method's ``settings``."""
    chains, count = draws.positions.shape[:2]
    posterior = posterior_dataset(graph, values, chains, count)
    stats = xr.Dataset(
        {k: (("chain", "draw"), v) for k, v in draws.stats.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(count)},
    )
    observed, constant = data_datasets(rows, spec)
    attrs = {
        "method": method,
        "exact": bool(draws.exact),
        "corrected": bool(draws.corrected),
        "status": draws.status,
        "advice": list(draws.advice),
        "seed": int(seed),
        "seconds_compile": float(draws.seconds_compile),
        "seconds_tune": float(draws.seconds_tune),
        "seconds_sample": float(draws.seconds_sample),
        "seconds_total": float(seconds_total),
        "versions": versions(),
        "spec": spec.to_json(),
        "details": dict(draws.details),
        "settings": dict(settings),
    }
    if isinstance(rows, StreamedRows):
        attrs[STREAMED] = rows.rows
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": stats,
            "observed_data": observed,
            "constant_data": constant,
        }
    )
    if rows.columns:
        tree[GROUP] = xr.DataTree(columns_dataset(rows.columns, rows.rows))
    if (functions := functions_dataset(spec, rows, values, chains, count, seed)) is not None:
        tree[FUNCTIONS] = xr.DataTree(functions)
    tree.attrs.update(attrs)
    tree["posterior"].attrs.update(
        {"sampling_time": attrs["seconds_sample"], "inference_library": "bayesdeep"}
    )
    return tree


PACKED = ("spec", "versions", "details", "advice", "settings", "chain_weights")


def pack_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as NetCDF can hold them: nested ones as JSON text, truth values as 0 and 1."""
    found = {}
    for key, value in attrs.items():
        if key in PACKED:
            value = json.dumps(value)
        found[str(key)] = int(value) if isinstance(value, bool) else value
    return found


def unpack_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as :func:`make_tree` made them."""
    found = {}
    for key, value in attrs.items():
        if key in PACKED:
            value = json.loads(value)
        found[str(key)] = value.item() if isinstance(value, np.generic) else value
    for key in ("exact", "corrected"):
        if key in found:
            found[key] = bool(found[key])
    return found
