"""Draws that somebody else made of a model's ``pymc.Model``, as a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.labels import match
from bayesdeep.core.lazy import xr
from bayesdeep.core.quantities import Quantity
from bayesdeep.core.random import fresh_seed
from bayesdeep.graph.build import Graph
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.function_draws import GROUP as FUNCTIONS
from bayesdeep.results.function_draws import functions_dataset
from bayesdeep.results.rows import Rows
from bayesdeep.results.tree import data_datasets, versions
from bayesdeep.spec.model_spec import ModelSpec

from .run import find_engine, settings_of

WHERE = "from_pymc"


def fit_of_trace(spec: ModelSpec, rows: Rows, graph: Graph, trace: Any, method: str, seed: int | None) -> Fitted:
    """Return a fit with the draws of a trace; see :meth:`bayesdeep.Model.from_pymc`.

    Raises
    ------
    FitError
        Where the trace lacks a quantity that the model reports, is of other data, or cannot be what the method makes.
    """
    engine, groups = find_engine(method), _groups(trace)
    posterior = groups["posterior"]
    missing = [dim for dim in ("chain", "draw") if dim not in posterior.dims]
    if missing:
        raise FitError(f"{WHERE}: the posterior has no dimension '{missing[0]}'; give what pm.sample(model=model.pymc) returned")
    if engine.exact and "sample_stats" not in groups:
        raise FitError(
            f"{WHERE}: the trace has no sample_stats, as draws of '{method}' would; say by method=… how they were made, "
            "such as method='advi'"
        )
    _check_data(rows, groups)
    shown = {name: _quantity(name, quantity, graph, posterior) for name, quantity in graph.reported.items()}
    # Of the model as it is built: what a user has added to its PyMC model is kept.
    own = rows.graph(spec).model
    hidden = {v.name for v in (*own.unobserved_RVs, *own.deterministics)}
    added = {str(n): v for n, v in posterior.data_vars.items() if n not in hidden and {"chain", "draw"} <= set(v.dims)}
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    whole = xr.Dataset({**shown, **added}).assign_coords(chain=np.arange(chains), draw=np.arange(draws))
    observed, constant = data_datasets(rows, spec)
    parts = {"posterior": whole, "observed_data": observed, "constant_data": constant}
    if "sample_stats" in groups:
        parts["sample_stats"] = groups["sample_stats"].assign_coords(chain=np.arange(chains), draw=np.arange(draws))
    seed = fresh_seed() if seed is None else seed
    functions = functions_dataset(spec, rows, flat_posterior(whole, spec), chains, draws, seed)
    if functions is not None:
        parts[FUNCTIONS] = functions
    tree = xr.DataTree.from_dict(parts)
    known = settings_of(engine, {"draws": draws, "chains": chains, **_tuned(groups)}, {})
    seconds = float(groups.get("attrs", {}).get("sampling_time", 0.0))
    why = f"{method}: its draws were given, by from_pymc"
    tree.attrs = {
        "method": engine.name,
        "exact": bool(engine.exact),
        "corrected": False,
        "status": "ok",
        "advice": [],
        "seed": int(seed),
        "seconds_compile": 0.0,
        "seconds_tune": 0.0,
        "seconds_sample": seconds,
        "seconds_total": seconds,
        "versions": versions(),
        "spec": spec.to_json(),
        "details": {"given": True},
        "settings": asdict(known),
        "explain_choice": why,
    }
    return Fitted(spec, rows, tree, why)


def _groups(trace: Any) -> dict[str, Any]:
    """Return the datasets of a tree by name, and the attributes of its posterior."""
    found: dict[str, Any] = {}
    for name in ("posterior", "sample_stats", "observed_data"):
        try:
            group = trace[name]
        except (KeyError, TypeError, IndexError, AttributeError):
            continue
        found[name] = group.to_dataset() if hasattr(group, "to_dataset") else group
    if not isinstance(found.get("posterior"), xr.Dataset):
        what = type(trace).__name__
        raise FitError(f"{WHERE}: {what} has no group 'posterior'; give what pm.sample(model=model.pymc) returned")
    return {**found, "attrs": {**getattr(trace, "attrs", {}), **found["posterior"].attrs}}


def _tuned(groups: Mapping[str, Any]) -> dict[str, int]:
    steps = groups["attrs"].get("tuning_steps")
    return {} if steps is None else {"tune": int(steps)}


def _check_data(rows: Rows, groups: Mapping[str, Any]) -> None:
    """Raise where a trace says that its responses were others."""
    name, value = rows.response.name, rows.response.value
    if "observed_data" not in groups or name not in groups["observed_data"]:
        return
    own = np.asarray(groups["observed_data"][name])
    if own.shape != value.shape:
        raise FitError(f"{WHERE}: the trace is of {own.shape[0]:,} responses, and the model has {value.shape[0]:,} rows")
    if not np.allclose(own, value, rtol=1e-6, atol=0.0, equal_nan=True):
        raise FitError(f"{WHERE}: the trace is of other responses '{name}' than the model's")


def _quantity(name: str, quantity: Quantity, graph: Graph, posterior: xr.Dataset) -> xr.DataArray:
    """Return a quantity's draws in the model's own order of dimensions and labels."""
    if name not in posterior:
        there = nearest(name, map(str, posterior.data_vars))
        raise FitError(f"{WHERE}: the trace has no '{name}', which the model reports{there}")
    array = posterior[name]
    if set(array.dims) != {"chain", "draw", *quantity.dims}:
        wanted, got = (", ".join(map(str, dims)) for dims in (("chain", "draw", *quantity.dims), array.dims))
        raise FitError(f"{WHERE}: '{name}' of the trace has the dimensions ({got}), and in the model it has ({wanted})")
    array = array.transpose("chain", "draw", *quantity.dims)
    for dim in quantity.dims:
        array = _aligned(name, array, dim, graph.coords[dim])
    if not np.isfinite(np.asarray(array)).all():
        raise FitError(f"{WHERE}: '{name}' of the trace has values that are not finite")
    return array.assign_attrs(quantity.entry.attributes())


def _aligned(name: str, array: xr.DataArray, dim: str, labels: tuple[Any, ...]) -> xr.DataArray:
    """Return an array in the order of the model's labels, matched by what they read."""
    own = array[dim].values.tolist() if dim in array.coords else list(labels)
    places = match(labels, own, f"{WHERE}: '{name}'") if len(own) == len(labels) else np.array([-1])
    if (places < 0).any() or len(set(places.tolist())) != len(labels):
        lacking = next((label for label in labels if str(label) not in set(map(str, own))), labels[0])
        raise FitError(f"{WHERE}: '{name}' of the trace has not the model's labels of '{dim}', such as {lacking!r}")
    return array.isel({dim: places})
