r"""``mo(x) + (1 + z + mo(x) | g)``: a monotonic effect whose mean step varies by group.

.. math:: u_{g1} + z_i u_{g2} + u_{g3} D \sum_{k=1}^{x_i} \zeta_k, \qquad u_g \sim \operatorname{Normal}(0, \Sigma) ,

with the shares :math:`\zeta` of the effect for all groups, about whose mean step that of a group varies.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.terms import DesignContext, Scope
from bayesdeep.core.writing import Addend

from ._joined_groups import Joined, joined_arrays, joined_eta, joined_written, learn_joined
from ._mo_levels import column_of, learn_levels, step_codes
from ._mo_way import at_rows, simplex_of, steps_of, way_of


def learn_groups(node: Any, context: DesignContext) -> Json:
    """Return what a group with monotonic effects among its coefficients needs, as JSON."""
    each = []
    for call in node.specials:
        levels, codes = learn_levels(call, context)
        column, name = column_of(call)
        state = {"name": name, "column": column, "seen": [int(codes.min()), int(codes.max())], **levels}
        each.append(Joined(state, (0.0,), (float(codes.std()),)))
    return learn_joined(node, context, each)


def groups_arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)``, the columns ``(obs, column)``, and its steps of each monotonic effect ``(obs,)``."""
    steps = zip(node.specials, state["each"], strict=True)
    own = {f"steps_{k}": step_codes(own, call, context) for k, (call, own) in enumerate(steps)}
    return joined_arrays(state, node, context) | own


def groups_eta(scope: Scope, state: Json) -> Any:
    """Return what the groups add at the rows ``(obs,)`` or ``(obs, width)``."""

    def added(k: int, own: Json, effects: list[Any]) -> Any:
        return effects[0] * at_rows(scope, way_of(scope, own)[0], f"steps_{k}")

    return joined_eta(scope, state, added)


def groups_written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function of a row's group, with what it is made of below."""

    def added(own: Json, coefficient: str, prefix: str, level: str) -> str:
        share = f"{prefix}{simplex_of(own)}{level}"
        return f"{coefficient} · {steps_of(own)} · Σ_(j ≤ cᵢ) {share}[j], c the steps of {own['column']}"

    return joined_written(state, node, added)
