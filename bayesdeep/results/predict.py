"""Predictions in blocks of rows, so that draws times rows never sit in memory at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.build import Graph, units_of
from bayesdeep.graph.evaluate import forward_draws, needed, row_function
from bayesdeep.spec.model_spec import ModelSpec

from .rows import Rows, containers, refuse_new_groups

KINDS = {"response": "predictive", "mean": "mean", "linear": "linear"}
NEW_GROUPS = ("sample", "average", "raise")
ROUNDS = 2_000
"""How often a truncated draw is tried; enough for bounds that hold one part in a hundred of the probability."""

BLOCK = 4_000_000
"""Numbers in one block of draws times rows; a predictive draw needs a handful of such blocks."""


def check_kind(kind: str, spec: ModelSpec) -> str:
    """Return the graph's name for a kind of prediction."""
    if kind not in KINDS:
        raise FitError(f"predict: unknown kind '{kind}'{nearest(kind, KINDS)}")
    if kind == "mean" and "truncated" in spec.response.modifiers and FAMILIES[spec.family].truncated_mean is None:
        raise FitError(
            f"predict: the mean of a truncated {spec.family} response has no closed form here; ask for kind='response' "
            "and average the draws, or for kind='linear'"
        )
    return KINDS[kind]


def several_predictors(spec: ModelSpec) -> bool:
    """Return whether a row has a predictor for each level but the first."""
    return FAMILIES[spec.family].main.shape == "contrast"


def block_rows(draws: int, levels: int = 1) -> int:
    """Return how many rows go into one block."""
    return max(1, BLOCK // max(1, draws * levels))


def with_new_groups(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, graph: Graph, new_groups: str, seed: int
) -> dict[str, np.ndarray]:
    """Return draws by name in which effects of unseen groups stand after those of the known ones.

    Parameters
    ----------
    posterior
        Draws by name, ``(draw, …)``.
    graph
        The model on the new rows.
    new_groups
        ``"sample"`` from the fitted distribution of groups, once a draw; ``"average"``: at its location; ``"raise"``.
    """
    if new_groups not in NEW_GROUPS:
        raise FitError(f"predict: unknown new_groups '{new_groups}'{nearest(new_groups, NEW_GROUPS)}")
    draws = dict(posterior)
    unseen = {k: v for k, v in rows.unseen.items() if v}
    if not unseen:
        return draws
    if new_groups == "raise":
        refuse_new_groups(unseen)
    other = rows.graph(_with_labels(spec, unseen))
    axes = group_axes(other, unseen)
    effects = list(axes)
    hyper = needed_hyper(other, effects)
    count = len(next(iter(posterior.values())))
    fresh = forward_draws(
        other,
        effects,
        count,
        {k: posterior[k] for k in hyper},
        derive(seed, "new groups"),
        at_location=new_groups == "average",
    )
    for name, axis in axes.items():
        draws[name] = np.concatenate([posterior[name], fresh[name]], axis=axis)
    return draws


def group_axes(graph: Graph, factors: Mapping[str, tuple[Any, ...]]) -> dict[str, int]:
    """Return the axis, draws being 0, along which the groups of these factors lie, by the names of what has one."""
    return {
        name: quantity.entry.factor_axis + 1
        for name, quantity in graph.reported.items()
        if quantity.entry.factor in factors and quantity.entry.factor_axis is not None
    }


def needed_hyper(graph: Graph, effects: list[str]) -> list[str]:
    """Return the posterior names that the effects' distributions depend on."""
    outputs = [graph.reported[name].tensor for name in effects]
    inside = [i for out in outputs for i in (out.owner.inputs if out.owner else [])]
    return [name for name in needed(graph, inside) if name not in effects]


def _with_labels(spec: ModelSpec, labels: Mapping[str, tuple[Any, ...]]) -> ModelSpec:
    """Return the spec with other groups: only these factors' labels are exchanged."""

    def changed(state: Any) -> Any:
        if not isinstance(state, dict):
            return state
        inner = {key: [changed(v) for v in value] for key, value in state.items() if key == "embeds"}
        own = {"labels": list(labels[state["factor"]])} if state.get("factor") in labels else {}
        return {**state, **inner, **own}

    predictors = tuple(
        replace(p, terms=tuple(replace(t, state=changed(t.state)) for t in p.terms)) for p in spec.predictors
    )
    return replace(spec, predictors=predictors)


def blocks(
    spec: ModelSpec,
    posterior: Mapping[str, np.ndarray],
    rows: Rows,
    what: str,
    new_groups: str,
    seed: int,
    together: int = 1,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first row, last row + 1 and an array ``(draw, rows of the block[, level])`` for all the rows.

    Every ``together`` rows, counted from the first, are in one block.
    """
    graph = rows.graph(spec)
    draws = with_new_groups(spec, posterior, rows, graph, new_groups, seed)
    function = row_function(graph, [what], derive(seed, what))
    levels = max(len(spec.response.levels or ()) or 1, units_of(graph))
    count = len(next(iter(posterior.values()))) if posterior else 1
    step = max(1, block_rows(count, levels) // together) * together
    for start in range(0, rows.rows, step):
        stop = min(start + step, rows.rows)
        value = function(draws, containers(rows, start, stop))[0]
        if what == "predictive":
            value = inside_bounds(value, partial(_again, function, draws, rows, start), rows, start, stop)
        yield start, stop, _full(value, count, stop - start)


def _again(
    function: Callable[..., list[np.ndarray]], draws: Mapping[str, np.ndarray], rows: Rows, start: int, at: np.ndarray
) -> np.ndarray:
    return function(draws, containers(rows.take(start + at), 0, len(at)))[0]


def inside_bounds(
    value: np.ndarray, again: Callable[[np.ndarray], np.ndarray], rows: Rows, start: int, stop: int
) -> np.ndarray:
    """Return truncated draws ``(draw, row)``: what fell outside a row's bounds is drawn again until it is inside.

    ``again`` returns other draws ``(draw, row)`` of some rows, given by their positions in the block from ``start``.
    """
    lower, upper = rows.response.lower_bound, rows.response.upper_bound
    if lower is None and upper is None:
        return value
    low = np.full(stop - start, -np.inf) if lower is None else lower[start:stop]
    high = np.full(stop - start, np.inf) if upper is None else upper[start:stop]
    value = value.copy()
    for _ in range(ROUNDS):
        outside = (value < low) | (value > high)
        at = np.flatnonzero(outside.any(axis=0))
        if not len(at):
            return value
        value[:, at] = np.where(outside[:, at], again(at), value[:, at])
    raise FitError(
        f"predict: for {len(at)} rows almost no probability lies between the truncation bounds, so that they cannot be "
        "drawn from; check the bounds of these rows"
    )


def _full(value: np.ndarray, draws: int, rows: int) -> np.ndarray:
    """Return a block with both axes even where nothing varies over draws."""
    if value.ndim and value.shape[0] == draws and value.ndim >= 2:
        return value
    return np.broadcast_to(value, (draws, rows, *value.shape[1:]))


def enough_draws(posterior: Mapping[str, np.ndarray], least: int) -> dict[str, np.ndarray]:
    """Return draws by name, each repeated until there are ``least``: a few, as of a point estimate, predict smoothly then.

    Draws of a chain stay together.
    """
    count = len(next(iter(posterior.values()))) if posterior else least
    times = -(-least // count)
    return {name: np.repeat(value, times, axis=0) if times > 1 else value for name, value in posterior.items()}


def flat_posterior(posterior: Any, spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return a posterior Dataset as arrays ``(chain * draw, …)`` by name."""
    del spec
    return {
        str(name): np.asarray(v.transpose("chain", "draw", ...)).reshape(-1, *v.shape[2:])
        for name, v in posterior.data_vars.items()
    }
