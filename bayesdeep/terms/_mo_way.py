"""How far each level of a monotonic effect is above the lowest, in mean steps: the shares of the steps, summed."""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.lazy import pt
from bayesdeep.core.terms import Scope


def steps_of(state: Json) -> int:
    """Return the number of steps."""
    return len(state["levels"]) - 1


def simplex_of(state: Json) -> str:
    """Return the slot of the steps' shares."""
    return f"{state['name']}_simplex"


def lowest_seen(state: Json) -> int:
    """Return how many steps the lowest level that a row has is above the lowest of all."""
    return int(state.get("seen", (0,))[0]) if steps_of(state) > 1 else 0


def way_of(scope: Scope, state: Json) -> tuple[Any, Any]:
    """Return how many mean steps each level is above the lowest ``(level,)`` or ``(level, width)``, once in a predictor.

    And the sum of the shares between the outermost levels that rows have; None where these are the outermost levels.
    """
    return scope.once(simplex_of(state), lambda own: _way(own, state))


def _way(scope: Scope, state: Json) -> tuple[Any, Any]:
    steps = steps_of(state)
    if steps == 1:
        return pt.constant(np.array([0.0, 1.0]) if scope.width is None else np.array([[0.0], [1.0]])), None
    # Fits saved by versions that did not look for empty ends have none.
    first, last = state.get("seen", (0, steps))
    order = [k for k in range(steps) if not first <= k < last] + list(range(first, last))
    dims = (scope.dim(f"{state['name']}_level", tuple(state["levels"][1:])),)
    shares = scope.variable(simplex_of(state), dims, order=None if last - first == steps else order)
    way = steps * scope.dot(pt.constant(np.tril(np.ones((steps + 1, steps)), -1)), shares)
    return way, None if last - first == steps else shares[first:last].sum(axis=0)


def at_rows(scope: Scope, way: Any, steps: str) -> Any:
    """Return what each row's level has; ``steps`` is the key of how many steps it is above the lowest."""
    return scope.gather([way], steps, None, True) if scope.width is None else way[scope.data(steps)]
