r"""Inputs of a network of which values are missing and come from the column's own formula: ``net(mi(x), z)``.

Such an input is standardised by the mean and the sd of the values that are there. Where it is missing it is what the model of the
column has: numbers are sampled, and what is summed out is there in every copy of a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, LearnedColumns
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext, Scope

from ._mi_columns import codes_of, known_column, learn_column, missing_values, place_of

FILLING = "mi"
"""The call by which an input is filled in."""


def is_filled(node: Any) -> bool:
    """Return whether an input is filled in by its own formula."""
    return getattr(node, "function", "") == FILLING


def column_of(node: Any) -> Any:
    """Return an input's column, of one that is filled in its argument."""
    return node.arguments[0] if is_filled(node) and node.arguments else node


def learn_fills(call: Any, columns: LearnedColumns, plain: Sequence[Any], context: DesignContext) -> tuple[LearnedColumns, Json]:
    """Return the inputs' columns with the moments of values that are there, and what is remembered of those with gaps."""
    each, means, sds = [], list(columns.means), list(columns.sds)
    matrix: np.ndarray | None = None
    for node in dict.fromkeys(node for node in call.arguments if is_filled(node)):
        own = learn_column(node, context)
        (term,) = (t for t in columns.terms if t.name == posterior_name(own["column"]))
        matrix = context.design_matrix(columns, plain) if matrix is None else matrix
        there = matrix[~context.gaps(node.arguments[0]), term.start : term.stop]
        means[term.start : term.stop], sds[term.start : term.stop] = there.mean(axis=0).tolist(), there.std(axis=0).tolist()
        each.append({**own, "columns": [term.start, term.stop]})
    return replace(columns, means=tuple(means), sds=tuple(sds)), each


def fill_arrays(state: Json, call: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return which of the missing values each row has, -1 where the input is there ``(obs,)``, of each such input."""
    nodes = {node.arguments[0].name: node.arguments[0] for node in call.arguments if is_filled(node)}
    each = enumerate(state.get("fills", []))
    return {f"place_{k}": place_of(context.gaps(nodes[own["column"]])) for k, own in each}


def filled_inputs(scope: Scope, state: Json, scales: np.ndarray, means: Sequence[float]) -> Any:
    """Return the standardised inputs ``(obs, input)`` with the missing values in their places."""
    found = scope.data("X")
    for k, own in enumerate(state.get("fills", [])):
        if not own["missing"]:
            continue
        values, place = missing_values(scope, own), scope.data(f"place_{k}")
        own_values = values[pt.maximum(place, 0)]
        first, last = own["columns"]
        for j in range(first, last):
            value = own_values if "levels" not in own else pt.eq(pt.round(own_values), _code(own, j))
            made = (value - means[j]) / scales[j]
            found = pt.set_subtensor(found[:, j], pt.switch(pt.lt(place, 0), found[:, j], made))
    return found


def _code(own: Json, column: int) -> int:
    """Return the level that an input says is there; the first one has none where they are one fewer than levels."""
    first, last = own["columns"]
    return int(len(own["levels"]) - (last - first) + column - first)


def known_inputs(
    state: Json, arrays: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray], scales: np.ndarray, means: Sequence[float]
) -> tuple[Json, dict[str, np.ndarray]]:
    """Return the network on rows of which all values of some inputs are known."""
    each, made = [], dict(arrays)
    for k, own in enumerate(state["fills"]):
        if own["column"] not in values:
            each.append(own)
            continue
        x = np.array(made["X"])
        for j in range(*own["columns"]):
            value = values[own["column"]]
            x[:, j] = ((value if "levels" not in own else value == _code(own, j)) - means[j]) / scales[j]
        known, made = known_column(own, {**made, "X": x}, values[own["column"]], f"_{k}")
        del made[f"x_{k}"]
        each.append(known)
    return {**state, "fills": each}, made


def fill_columns(state: Json) -> tuple[str, ...]:
    """Return the inputs that are filled in."""
    return tuple(own["column"] for own in state.get("fills", []))


def fill_codes(state: Json, column: str, labels: tuple[Any, ...]) -> np.ndarray:
    """Return what stands in an input for each label of its own formula ``(label,)``."""
    return codes_of(next(own for own in state["fills"] if own["column"] == column), labels)


def report_fills(scope: Scope, state: Json, values: Mapping[str, Any]) -> None:
    """Show the missing values of some inputs."""
    for own in state["fills"]:
        if own["column"] in values and own["missing"]:
            missing_values(scope, own, values[own["column"]])
