"""Inputs of a network of which values are missing, as inputs of their own.

Where a value is missing the input is its mean over the training rows that have it, 0 once it is standardised, and an indicator of
each column that lacks values says that it is. A network can then give rows that lack a value another predictor, and predicts
new rows that lack one: the missing-indicator method, which is for prediction (what the value may be, and what its coefficient is,
it does not ask; ``mi(x)`` and multiple imputation do).

Le Morvan, Josse, Moreau, Scornet and Varoquaux (2020), NeuMiss networks: differentiable programming for supervised learning with
missing values, Advances in Neural Information Processing Systems 33, arXiv:2007.01627; Josse, Chen, Prost, Varoquaux and Scornet
(2024), On the consistency of supervised learning with missing values, Statistical Papers 65, 5447-5479,
doi:10.1007/s00362-024-01550-4.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Filled, Json, LearnedColumns
from bayesdeep.core.errors import DataError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

from ._net_options import NetOptions

INDICATOR_SPREAD = 0.5
"""Indicator columns are divided by this instead of their standard deviation, which is tiny for rare levels."""


def learn_inputs(options: NetOptions, plain: Sequence[Any], context: DesignContext) -> tuple[LearnedColumns, Json]:
    """Return the inputs' columns, and as JSON which of the data's columns lack values in which share of the rows.

    Means and spreads of inputs are those of the rows that have them.
    """
    if options.missing != "indicator":
        return context.learn_columns(True, plain), {}
    filled = context.filled([node for (node,) in plain])
    columns = filled.context.learn_columns(True, plain)
    if not filled.missing:
        return columns, {}
    matrix, gone = filled.context.design_matrix(columns, plain), _missing_inputs(columns, plain, filled)
    means, sds = list(columns.means), list(columns.sds)
    for k in np.flatnonzero(gone.any(axis=0)):
        there = matrix[~gone[:, k], k]
        if len(there):
            means[k], sds[k] = float(there.mean()), float(there.std())
    shares = [[name, float(mask.mean())] for name, mask in filled.missing.items()]
    return replace(columns, means=tuple(means), sds=tuple(sds)), {"shares": shares, "stand_ins": filled.learned}


def indicators(state: Json) -> tuple[str, ...]:
    """Return the columns that have an input which says that they are missing."""
    return tuple(name for name, _ in state.get("gaps", {}).get("shares", ()))


def input_matrix(
    state: Json, columns: LearnedColumns, scales: np.ndarray, plain: Sequence[Any], context: DesignContext
) -> np.ndarray:
    """Return the standardised inputs ``(obs, input)``, those that say what is missing last.

    Raises
    ------
    DataError
        Where a value is missing of a column that lacked none in training.
    """
    if state["options"].get("missing") != "indicator":
        return (context.design_matrix(columns, plain) - np.asarray(columns.means)) / scales
    gaps = state.get("gaps", {"shares": [], "stand_ins": {}})
    filled = context.filled([node for (node,) in plain], gaps["stand_ins"])
    for name, mask in filled.missing.items():
        if name not in indicators(state):
            raise DataError(
                f"data: column '{name}' has missing values in {int(mask.sum())} of {len(mask)} rows, but none was missing where "
                f"the model was fitted, so that {state['name']} has not learned what it means; fill them in or leave the rows out"
            )
    made = (filled.context.design_matrix(columns, plain) - np.asarray(columns.means)) / scales
    if not gaps["shares"]:
        return made
    made[_missing_inputs(columns, plain, filled)] = 0.0
    none = np.zeros(len(made), dtype=bool)
    said = [(filled.missing.get(name, none) - share) / INDICATOR_SPREAD for name, share in gaps["shares"]]
    return np.column_stack([made, *said])


def _missing_inputs(columns: LearnedColumns, plain: Sequence[Any], filled: Filled) -> np.ndarray:
    """Return where inputs are missing ``(obs, input)``."""
    by_name = {
        posterior_name(getattr(node, "name", None) or node.source): mask
        for (node,), mask in zip(plain, filled.by_expression, strict=True)
    }
    found = np.zeros((len(next(iter(by_name.values()))), columns.width), dtype=bool)
    for term in columns.terms:
        found[:, term.start : term.stop] = by_name[term.name][:, None]
    return found
