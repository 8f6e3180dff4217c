"""Draws for groups that the model was not fitted to: their effects beside those of the known groups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.collapse.row_system import why_not_predictors
from bayesdeep.collapse.row_values import new_effects, unseen_classes
from bayesdeep.core.effects import Grouped
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import derive
from bayesdeep.core.registry import TERMS
from bayesdeep.graph.build import Graph
from bayesdeep.graph.evaluate import forward_draws, needed
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec, TermSpec

from .draw_arrays import enough_draws
from .graph_cache import evaluation_graph
from .new_places import with_new_places
from .rows import Rows, refuse_new_groups

NEW_GROUPS = ("sample", "average", "raise")

GROUPS = 4_000
FEWEST_GROUPS = 1_000
EFFORT = 200_000_000
"""Draws times rows up to which a group that the model was not fitted to is drawn ``GROUPS`` times at least."""


def with_new_groups(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int
) -> dict[str, np.ndarray]:
    """Return draws by name in which effects of unseen groups stand after those of the known ones.

    Values of processes at places without training rows, too: these are no groups, and always drawn.

    Parameters
    ----------
    posterior
        Draws by name, ``(draw, …)``.
    new_groups
        ``"sample"`` from the fitted distribution of groups, once a draw; ``"average"``: at its location; ``"raise"``.
    """
    if new_groups not in NEW_GROUPS:
        raise FitError(f"predict: unknown new_groups '{new_groups}'{nearest(new_groups, NEW_GROUPS)}")
    draws = with_new_places(spec, posterior, rows.arrays, seed)
    unseen = {k: v for k, v in rows.unseen.items() if v}
    if not unseen:
        return draws
    if new_groups == "raise":
        refuse_new_groups(unseen)
    if why_not_predictors(spec) is None:
        location = new_groups == "average"
        labels = {k: tuple(v) for k, v in unseen.items()}
        new = _with_levels(spec, labels, rows)
        fresh = new_effects(spec, posterior, rows.arrays, unseen, derive(seed, "new groups"), new, at_location=location)
        for name, value in fresh.items():
            draws[name] = np.concatenate([posterior[name], value], axis=-1)
        return draws
    # Their labels play no part, so that one graph serves all rows with as many new groups.
    labels = {k: tuple(f"new {i}" for i in range(len(v))) for k, v in unseen.items()}
    other = evaluation_graph(_with_levels(spec, labels, rows), rows)
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


def for_groups(posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str) -> Mapping[str, np.ndarray]:
    """Return draws by name that are many enough for groups the model was not fitted to.

    Effects of such groups are drawn once a draw of the parameters; of few draws one or some groups would stand for all.
    """
    if new_groups != "sample" or not any(rows.unseen.values()):
        return posterior
    return enough_draws(posterior, int(np.clip(EFFORT // max(rows.rows, 1), FEWEST_GROUPS, GROUPS)))


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


def _with_levels(spec: ModelSpec, labels: Mapping[str, tuple[Any, ...]], rows: Rows) -> ModelSpec:
    """Return the spec with other groups: only these factors' labels are exchanged, and the classes that rows say they have."""
    predictors = tuple(replace(p, terms=tuple(_with(t, labels, rows) for t in p.terms)) for p in spec.predictors)
    return replace(spec, predictors=predictors)


def _with(term: TermSpec, labels: Mapping[str, tuple[Any, ...]], rows: Rows) -> TermSpec:
    plugin, state = TERMS[term.kind], TERMS[term.kind].relabel(term.state, labels)
    classes = {}
    for effect in effects_of(term):
        if isinstance(effect.rows, Grouped) and effect.rows.factor in labels:
            count = len(labels[effect.rows.factor])
            classes[effect.rows.factor] = unseen_classes(term.key, effect, rows.arrays, count)
    known = {factor: own for factor, own in classes.items() if own is not None}
    state = plugin.reclass(state, known) if known else state
    before = plugin.groups(term.state)
    for factor in (factor for factor in labels if factor in before):
        own = {name.removeprefix(f"{term.key}."): value for name, value in rows.arrays.items() if name.startswith(f"{term.key}.")}
        state = plugin.unseen(state, own, len(before[factor]))
    return replace(term, state=state)
