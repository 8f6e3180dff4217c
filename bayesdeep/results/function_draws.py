"""What a network's draws say as functions: the predictor at some rows and probes, and the log likelihood of those rows.

Weights of different chains cannot be compared: units can be exchanged and signs turned. What they predict can. It is kept with
the fit, so that a diagnosis only has to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr
from bayesdeep.core.random import derive
from bayesdeep.graph.build import Graph, units_of
from bayesdeep.graph.evaluate import row_function
from bayesdeep.spec.model_spec import ModelSpec

from .probes import has_network, probe_rows, stacked
from .rows import Rows, StreamedRows, TrainingRows, containers

GROUP = "functions"
"""Where a tree keeps them."""
POINTS = 100
"""Most training rows, and most probes."""
MAX_NUMBERS = 2_000_000
"""Draws times rows up to which all points are kept; beyond 20,000 draws there are fewer points."""
FEWEST = 20
BLOCK = 2_000_000
"""Numbers in one block of draws, rows and units of the widest layer: it stays in the cache."""


def functions_dataset(
    spec: ModelSpec, rows: TrainingRows, values: Mapping[str, np.ndarray], chains: int, draws: int, seed: int
) -> xr.Dataset | None:
    """Return the group ``functions`` of a fit; None for models without networks, and for point estimates.

    Parameters
    ----------
    spec, rows
        The model and its training rows.
    values
        Posterior arrays ``(chain * draw, …)`` by name, chain by chain.
    seed
        The fit's; it decides which rows are kept and how probes are made.

    Returns
    -------
    xarray.Dataset or None
        * ``predictor`` ``(chain, draw, probe[, level])``: the main linear predictor, at ``"row 17"`` of the training data and at
          ``"probe 3"``, whose columns are from training rows ``origin`` ``(probe, column)``, drawn for each on its own;
        * ``log_likelihood`` ``(chain, draw, row)``, where ``row`` has the positions of these rows in the training data;
        * ``mean`` ``(chain, draw, row[, level])``: the expected response, if it is not the predictor itself. It is absent for
          truncated responses, as is the coordinate ``predictive_variance`` ``(row[, level])``, the variance of a new response
          over all draws of all chains.
    """
    if isinstance(rows, StreamedRows) or not has_network(spec) or chains * draws < 2:
        return None
    rng = np.random.default_rng(derive(seed, GROUP))
    most = int(np.clip(MAX_NUMBERS // (chains * draws), FEWEST, POINTS))
    places = np.sort(rng.choice(rows.rows, min(most, rows.rows), replace=False))
    stored, made = rows.take(places), probe_rows(spec, rows, most, rng)
    found = _evaluate(spec, stored, None if made is None else made[0], values, chains * draws, derive(seed, "functions draws"))
    labels = [f"row {place}" for place in places]
    origin = np.repeat(places[:, None], len(rows.columns), axis=1)
    if made is not None:
        labels += [f"probe {k}" for k in range(made[0].rows)]
        origin = np.concatenate([origin, made[1]])
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "row": places,
        "probe": labels,
    }
    if rows.columns:
        coords |= {"column": list(rows.columns), "origin": (("probe", "column"), origin)}
    if (variance := found.pop("predictive_variance", None)) is not None:
        coords["predictive_variance"] = (("row", "outcome")[: variance.ndim], variance)
    last = {"predictor": ("probe", "level"), "log_likelihood": ("row",), "mean": ("row", "outcome")}
    data = {}
    for name, value in found.items():
        dims = last[name][: value.ndim - 1]
        data[name] = (("chain", "draw", *dims), value.reshape(chains, draws, *value.shape[1:]))
    if found["predictor"].ndim == 3 and spec.response.levels is not None:
        coords["level"] = [str(label) for label in spec.response.levels][-found["predictor"].shape[2] :]
    return xr.Dataset(data, coords=coords)


def _evaluate(
    spec: ModelSpec, stored: Rows, probes: Rows | None, values: Mapping[str, np.ndarray], count: int, seed: int
) -> dict[str, np.ndarray]:
    """Return arrays ``(draw, …)`` by name, from one graph of rows and probes."""
    both, response = stacked(stored, probes), stored.response
    graph = both.graph(spec)
    arrays = containers(both, 0, both.rows)
    levels = len(spec.response.levels or ()) or 1
    what = ["linear", "pointwise", "mean", "predictive"]
    if response.lower_bound is not None or response.upper_bound is not None:
        # The mean may have no closed form, and draws outside the bounds would have to be made again.
        what = what[:2]
    elif response.status is not None:
        what = what[:3]
    try:
        made = _by_draws(graph, what, values, count, arrays, levels, seed)
    except (ValueError, FloatingPointError):
        # A probe far from the data may have a rate that no count can be drawn from.
        made = _by_draws(graph, [name for name in what if name != "predictive"], values, count, arrays, levels, seed)
    if response.status is not None and "mean" in made:
        # A new response as if nothing about it were hidden; else censored ones are cut off at their bound.
        open_arrays = {**arrays, f"{response.name}_status": np.zeros_like(arrays[f"{response.name}_status"])}
        made |= _by_draws(graph, ["predictive"], values, count, open_arrays, levels, seed)
    linear, at_rows = made["linear"], {name: value[:, : stored.rows] for name, value in made.items()}
    found = {"predictor": linear, "log_likelihood": at_rows["pointwise"]}
    if "predictive" in made:
        found["predictive_variance"] = _variance(at_rows["mean"], at_rows["predictive"])
    if "mean" in made and not np.array_equal(at_rows["mean"], at_rows["linear"]):
        found["mean"] = at_rows["mean"]
    return found


def _by_draws(
    graph: Graph,
    what: list[str],
    values: Mapping[str, np.ndarray],
    count: int,
    arrays: Mapping[str, np.ndarray],
    levels: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return the graph's tensors by name ``(draw, row[, level])``, worked out in blocks of draws."""
    function = row_function(graph, what, seed)
    step = max(1, BLOCK // (graph.rows * units_of(graph) * levels))
    parts = []
    with np.errstate(all="ignore"):
        for start in range(0, count, step):
            made = function({name: value[start : start + step] for name, value in values.items()}, arrays)
            parts.append([_full(value, min(step, count - start), graph.rows) for value in made])
    return {name: np.concatenate(blocks) for name, blocks in zip(what, zip(*parts, strict=True), strict=True)}


def _variance(mean: np.ndarray, predictive: np.ndarray) -> np.ndarray:
    """Return the variance of a new response ``(row,)``; of the indicator of each level ``(row, level)`` where it has levels."""
    if mean.ndim == predictive.ndim:
        return predictive.astype(float).var(axis=0)
    share = mean.mean(axis=0)
    return share * (1 - share)


def _full(value: np.ndarray, draws: int, rows: int) -> np.ndarray:
    """Return an array with the axis of draws even where nothing varies over them."""
    return value if value.ndim >= 2 and value.shape[0] == draws else np.broadcast_to(value, (draws, rows, *value.shape[1:]))
