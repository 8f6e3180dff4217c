"""``offset(x)``: a column added to the predictor with coefficient 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.linear import LinearShift
from bayesdeep.core.priors import Slot
from bayesdeep.core.terms import DesignContext, Scope, Term


def learn(node: Any, context: DesignContext) -> Json:
    """Check the call; an offset remembers nothing."""
    if len(node.arguments) != 1 or node.options:
        raise FormulaError(f"formula: {node.source}: offset takes one column, as in offset(log(exposure))")
    context.values(node.arguments[0])
    return {"source": node.source}


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the column ``(obs,)``."""
    del state
    return {"value": context.values(node.arguments[0])}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return no slot: nothing is estimated."""
    del state, spread
    return ()


def eta(scope: Scope, state: Json) -> Any:
    """Return the column ``(obs,)``."""
    del state
    value = scope.data("value")
    return value if scope.width is None else value[:, None]


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return no grouping factor."""
    del state
    return {}


def words(state: Json) -> frozenset[str]:
    """An offset is linear in nothing and Gaussian in nothing: it moves the response."""
    del state
    return frozenset({"offset"})


def linear(state: Json) -> LinearShift:
    """Return the column as part of a linear system."""
    del state
    return LinearShift("value")


TERM = Term(
    "offset", learn, arrays, slots, eta, groups, words, call=True, linear=linear,
    example="offset(z)",
)
