"""Draws and rows to a DataTree, and the parts of a fit back from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np

from bayesdeep.core.draws import Draws
from bayesdeep.core.lazy import xr
from bayesdeep.core.quantities import Quantity
from bayesdeep.core.records import Response
from bayesdeep.spec.model_spec import ModelSpec

from .data_columns import GROUP, columns_dataset, columns_from
from .function_draws import GROUP as FUNCTIONS
from .function_draws import functions_dataset
from .index import index_from, index_variables, is_index
from .labelled import STANDARD_ERRORS, Array, Group, Tree, as_dataset, as_datatree, labelled
from .packed import text_array
from .rows import FIELDS, Rows, StreamedRows, TrainingRows
from .smooth_freedom import freedom_arrays

TRAINING = "training"
"""Group of how training went."""
STREAMED = "streamed_rows"
"""Attribute with the number of rows, where a tree does not hold them."""


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    return dict(_installed())


@cache
def _installed() -> dict[str, str]:
    """Return them as they are when first asked for: reading them takes as long as a small fit."""
    found = {}
    for package in ("bayesdeep", "pymc", "pytensor", "arviz", "nutpie", "numpy", "xarray"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Shown(Protocol):
    """What the posterior shows: its ledger by name, and labels by dimension."""

    @property
    def reported(self) -> Mapping[str, Quantity]:
        """Return what each quantity is, by name."""
        ...

    @property
    def coords(self) -> Mapping[str, tuple[Any, ...]]:
        """Return labels by dimension."""
        ...


def posterior_group(shown: Shown, values: Mapping[str, np.ndarray], chains: int, draws: int) -> Group:
    """Return posterior arrays ``(chain * draw, …)`` with named dimensions, labels and what they are."""
    reported = {name: shown.reported[name] for name in values}
    used = [dim for quantity in reported.values() for dim in quantity.dims if dim != "obs"]
    coords = {dim: _labels(shown.coords[dim]) for dim in used}
    dims = {name: quantity.dims for name, quantity in reported.items()}
    attrs = {name: quantity.entry.attributes() for name, quantity in reported.items()}
    return labelled(values, (chains, draws), dims, coords, attrs)


def posterior_dataset(shown: Shown, values: Mapping[str, np.ndarray], chains: int, draws: int) -> xr.Dataset:
    """Return posterior arrays ``(chain * draw, …)`` as a Dataset with named dimensions and labels."""
    return as_dataset(posterior_group(shown, values, chains, draws))


def _labels(labels: tuple[Any, ...]) -> np.ndarray:
    if all(isinstance(x, str) for x in labels):
        return text_array(labels)
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in labels):
        return np.array(labels)
    return np.array([str(x) for x in labels])


def data_datasets(rows: TrainingRows, spec: ModelSpec) -> tuple[xr.Dataset, xr.Dataset]:
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
        axes = tuple(f"{key}_{axis}" for axis in ("column", *(f"axis{k}" for k in range(2, array.ndim)))[: array.ndim - 1])
        constant[key] = (("obs", *axes), array)
    for field in FIELDS[1:]:
        part = getattr(rows.response, field)
        if part is not None:
            constant[f"{name}_{field}"] = (("obs",), part)
    constant |= index_variables(rows.index)
    return observed, xr.Dataset(constant, coords={"obs": obs})


def rows_from_tree(tree: xr.DataTree, spec: ModelSpec) -> TrainingRows:
    """Return the training rows from a tree made by :func:`make_tree`."""
    if STREAMED in tree.attrs:
        return StreamedRows(int(tree.attrs[STREAMED]))
    name = spec.response.name
    constant = tree["constant_data"].to_dataset()
    parts: dict[str, Any] = {f: np.asarray(constant[f"{name}_{f}"]) for f in FIELDS[1:] if f"{name}_{f}" in constant}
    value = np.asarray(tree["observed_data"][name])
    response = Response(name, value, levels=spec.response.levels, ordered=spec.response.ordered, **parts)
    own = {f"{name}_{f}" for f in FIELDS}
    index = index_from(constant)
    arrays = {str(k): np.asarray(v) for k, v in constant.data_vars.items() if k not in own and not is_index(k)}
    columns = columns_from(tree[GROUP].to_dataset()) if GROUP in tree else {}
    return Rows(arrays, response, len(value), True, index, columns=columns)


def make_tree(
    spec: ModelSpec,
    shown: Shown,
    rows: TrainingRows,
    draws: Draws,
    values: Mapping[str, np.ndarray],
    method: str,
    seed: int,
    seconds_total: float,
    settings: Mapping[str, Any],
    errors: Mapping[str, np.ndarray] | None = None,
) -> Tree | xr.DataTree:
    """Return the draws of a fit with names and labels; the attributes say what made it, down to the method's ``settings``.

    ``errors`` are standard errors of a point estimate, as ``values``; they are a group of their own.

    It is a ``DataTree`` at once only where values of a network's function belong to it.
    """
    chains, count = draws.positions.shape[:2]
    attrs = {
        "method": method,
        "exact": bool(draws.exact),
        "corrected": bool(draws.corrected),
        "status": draws.status,
        "advice": list(draws.advice),
        "judged": list(draws.judged),
        "seed": int(seed),
        "seconds_compile": float(draws.seconds_compile),
        "seconds_tune": float(draws.seconds_tune),
        "seconds_sample": float(draws.seconds_sample),
        "seconds_total": float(seconds_total),
        "versions": versions(),
        "spec": spec.to_json(),
        "details": dict(draws.details),
        "settings": dict(settings),
        **draws.criteria,
    }
    if isinstance(rows, StreamedRows):
        attrs[STREAMED] = rows.rows
    posterior = posterior_group(shown, values, chains, count)
    stats = labelled(draws.stats, (chains, count))
    groups = {"posterior": posterior, "sample_stats": stats}
    if errors is not None:
        groups[STANDARD_ERRORS] = posterior_group(shown, errors, chains, count)
    if draws.course:
        course = {name: Array(("epoch", "member")[2 - np.ndim(own) :], own) for name, own in draws.course.items()}
        groups[TRAINING] = Group(course, {})
    later = partial(_later, spec, rows, values, (chains, count), errors is not None)
    tree = Tree(groups, attrs, partial(_data_groups, rows, spec), later)
    functions = functions_dataset(spec, rows, values, chains, count, seed)
    if functions is None:
        return tree
    whole = as_datatree(tree)
    whole[FUNCTIONS] = xr.DataTree(functions)
    return whole


def _later(
    spec: ModelSpec, rows: TrainingRows, values: Mapping[str, np.ndarray], sizes: tuple[int, int], errors: bool
) -> dict[str, dict[str, Array]]:
    """Return what is worked out when it is first asked for, by group: the effective degrees of freedom of smooths."""
    found = freedom_arrays(spec, rows, values, sizes)
    if not found:
        return {}
    # Nothing says how far the estimates of these are off.
    unknown = {name: replace(array, values=np.full(sizes, np.nan)) for name, array in found.items()}
    return {"posterior": found, **({STANDARD_ERRORS: unknown} if errors else {})}


def _data_groups(rows: TrainingRows, spec: ModelSpec) -> dict[str, xr.Dataset]:
    """Return the groups that hold the training rows."""
    observed, constant = data_datasets(rows, spec)
    columns = {GROUP: columns_dataset(rows.columns, rows.rows)} if rows.columns else {}
    return {"observed_data": observed, "constant_data": constant, **columns}
