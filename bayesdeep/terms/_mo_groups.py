r"""``mo(x) + (1 + z + mo(x) | g)``: a monotonic effect whose mean step varies by group.

.. math:: u_{g1} + z_i u_{g2} + u_{g3} D \sum_{k=1}^{x_i} \zeta_k, \qquad u_g \sim \operatorname{Normal}(0, \Sigma) ,

with the shares :math:`\zeta` of the effect for all groups, about whose mean step that of a group varies.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, LearnedColumns, TermColumns
from bayesdeep.core.effects import Effect, Grouped, Varying
from bayesdeep.core.lazy import pt
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Scope
from bayesdeep.core.writing import Addend

from ._mo_levels import column_of, learn_levels, step_codes
from ._mo_way import at_rows, simplex_of, steps_of, way_of
from ._packing import pack, unpack
from ._varying import correlation, factor_name, pieces
from ._written import column_products


def learn_groups(node: Any, context: DesignContext) -> Json:
    """Return what a group with monotonic effects among its coefficients needs, as JSON; these come after its columns."""
    coded = context.learn_columns(node.intercept, node.products)
    terms, sds, each = list(coded.terms), list(coded.sds), []
    for call in node.specials:
        levels, codes = learn_levels(call, context)
        column, name = column_of(call)
        terms.append(TermColumns(name, len(sds), len(sds) + 1, None))
        sds.append(float(codes.std()))
        each.append({"name": name, "column": column, "seen": [int(codes.min()), int(codes.max())], **levels})
    every = LearnedColumns(coded.intercept, tuple(terms), (*coded.means, *(0.0 for _ in each)), tuple(sds), coded.state)
    return {
        "factor": factor_name(node),
        "labels": list(context.learn_levels(node.factor)),
        "columns": pack(every),
        "correlated": node.correlated,
        "each": each,
    }


def groups_arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)``, the columns ``(obs, column)``, and its steps of each monotonic effect ``(obs,)``."""
    found = {"codes": context.codes(node.factor, state["factor"], tuple(state["labels"]))}
    if node.products:
        found["X"] = context.design_matrix(unpack(state["columns"]), node.products)
    steps = zip(node.specials, state["each"], strict=True)
    return found | {f"steps_{k}": step_codes(own, call, context) for k, (call, own) in enumerate(steps)}


def effect_of(state: Json) -> Effect:
    """Return the effects of the groups, as they are drawn."""
    own = unpack(state["columns"])
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", None, own.intercept)
    return Effect(rows, Varying(correlation(state)), pieces(state), EFFECTS)


def groups_eta(scope: Scope, state: Json) -> Any:
    """Return what the groups add at the rows ``(obs,)`` or ``(obs, width)``."""
    effects, codes = scope.by_level(effect_of(state)), scope.data("codes")
    count = len(effects) - len(state["each"])
    total: Any = 0.0
    intercept = bool(state["columns"]["intercept"])
    for k, own in enumerate(effects[:count]):
        value = own[codes]
        if k >= intercept:
            by = scope.data("X")[:, k - intercept]
            value = value * (by if scope.width is None else by[:, None])
        total = total + value
    for k, (own, each) in enumerate(zip(effects[count:], state["each"], strict=True)):
        way, _ = way_of(scope, each)
        total = total + pt.as_tensor(own)[codes] * at_rows(scope, way, f"steps_{k}")
    return total


def groups_written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function of a row's group, with what it is made of below."""
    names = [piece.slot for piece in pieces(state)]
    count = len(names) - len(state["each"])
    products = column_products(state["columns"], node.products)
    written: list[tuple[str, ...]] = [("",)] * bool(state["columns"]["intercept"])
    written += [tuple(" · ".join(p.times) for p in own) for own in products]

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(f"{names[-1]}")[0]
        parts = [f"u({prefix}{name})[{state['factor']}ᵢ]" for name in names]
        sums = [" · ".join(filter(None, (part, *own))) for part, own in zip(parts[:count], written, strict=True)]
        for k, each in enumerate(state["each"]):
            share = f"{prefix}{simplex_of(each)}{level}"
            sums.append(f"{parts[count + k]} · {steps_of(each)} · Σ_(j ≤ cᵢ) {share}[j], c the steps of {each['column']}")
        slot = correlation(state)
        sds = ", ".join(f"{prefix}{name}_sigma" for name in names)
        law = f"    u ~ Normal(0, sd), sds {sds}"
        law = law if slot is None else f"    u ~ MultivariateNormal, sds {sds}, correlations {prefix}{slot}"
        return (f"{called} = {' + '.join(sums)}", f"{law}, for each of the {len(state['labels'])} levels of {state['factor']}")

    return (Addend(names[-1], None, (), body),)
