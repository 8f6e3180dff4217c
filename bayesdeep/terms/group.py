"""``(1 + x | g)``: coefficients that vary by group and are shrunk towards a common distribution."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Effect, Grouped, Varying
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Term

from ._varying import columns, correlation, factor_name, learn_varying, pieces, slots, written


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding of the varying coefficients and the labels of the groups."""
    found = {
        "factor": factor_name(node),
        "columns": learn_varying(node, context),
        "labels": list(context.learn_levels(node.factor)),
        "correlated": node.correlated,
    }
    return {**found, "shared": node.shared} if node.shared else found


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)`` and the varying columns ``(obs, column)``."""
    own = columns(state)
    found = {"codes": context.codes(node.factor, state["factor"], tuple(state["labels"]))}
    if own.width:
        found["X"] = context.design_matrix(own, node.products)
    return found


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the groups."""
    own = columns(state)
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", "X" if own.width else None, own.intercept)
    return (Effect(rows, Varying(correlation(state), shared=state.get("shared", "")), pieces(state), EFFECTS),)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels."""
    return {state["factor"]: tuple(state["labels"])}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups."""
    return {**state, "labels": list(labels[state["factor"]])} if state["factor"] in labels else state


def words(state: Json) -> frozenset[str]:
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


TERM = Term(
    "group", learn, arrays, slots, groups=groups, words=words, effects=effects, relabel=relabel, written=written,
    example="(1 + x | g)",
)
