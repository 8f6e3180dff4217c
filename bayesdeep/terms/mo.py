r"""``mo(x)``: a monotonic effect of an ordered category or of whole numbers.

With :math:`x_i \in \{0, \ldots, D\}` the number of steps that row :math:`i` is above the lowest level,

.. math:: f(x_i) = b \, D \sum_{k=1}^{x_i} \zeta_k, \qquad \zeta_k \ge 0, \quad \sum_k \zeta_k = 1 :

from level to level the predictor only rises, or only falls, but by steps of any size. ``mo(x)`` is :math:`b`, the mean step
between neighbouring levels, and ``mo(x)_simplex`` what share of the whole way each step is. Levels that the data declare, and
whole numbers between the smallest and the largest, count also where no row has them. The intercept is the predictor at the
lowest level.

Bürkner and Charpentier (2020), Modelling monotonic effects of ordinal predictors in Bayesian regression models, British Journal
of Mathematical and Statistical Psychology 73(3), 420-451, doi:10.1111/bmsp.12195.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import COEFFICIENT, SIMPLEX
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

from ._mo_levels import column_of, learn_levels, step_codes

MOST_SHOWN = 8
"""Levels that are written out where the model is written down."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the levels in their order, and how far apart the rows are in steps."""
    levels, codes = learn_levels(node, context)
    column, name = column_of(node)
    if any(len(product) == 1 and product[0] == node.arguments[0] for product in context.population[1]):
        raise FormulaError(f"{context.where}: {node.source}: what '{column}' does is all in it; leave '{column}' by itself out")
    return {"name": name, "column": column, "sd": float(codes.std()), **levels}


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return how many steps each row is above the lowest level ``(obs,)``."""
    return {"steps": step_codes(state, node, context)}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the mean step, and one for the shares of the steps where there are several."""
    unit, steps = spread / state["sd"], _steps(state)
    why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column, counted in steps"
    default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
    mean = Slot(state["name"], "real", default, COEFFICIENT, 1, unit)
    if steps == 1:
        return (mean,)
    equal = Default("Dirichlet(1)", "all shares of the steps alike")
    return (mean, Slot(_simplex(state), "simplex", equal, SIMPLEX, steps))


def _steps(state: Json) -> int:
    return len(state["levels"]) - 1


def _simplex(state: Json) -> str:
    return f"{state['name']}_simplex"


def eta(scope: Scope, state: Json) -> Any:
    """Return the effect at the rows ``(obs,)`` or ``(obs, width)``."""
    mean = scope.variable(state["name"])
    way = mean * _way(scope, state)
    return scope.gather([way], "steps", None, True) if scope.width is None else way[scope.data("steps")]


def _way(scope: Scope, state: Json) -> Any:
    """Return how many mean steps each level is above the lowest ``(level,)``, or ``(level, width)``."""
    steps = _steps(state)
    if steps == 1:
        return pt.constant(np.array([0.0, 1.0]) if scope.width is None else np.array([[0.0], [1.0]]))
    shares = scope.variable(_simplex(state), (scope.dim(f"{state['name']}_level", tuple(state["levels"][1:])),))
    return steps * scope.dot(pt.constant(np.tril(np.ones((steps + 1, steps)), -1)), shares)


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function, with what it is made of below."""
    del node
    levels, steps = [str(level) for level in state["levels"]], _steps(state)
    few = levels if len(levels) <= MOST_SHOWN else [*levels[: MOST_SHOWN - 2], "…", levels[-1]]

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(state["name"])[0]
        mean = f"β({prefix}{state['name']}){level}"
        at = f"with cᵢ the steps of {state['column']}ᵢ above the lowest of {' < '.join(few)}"
        if steps == 1:
            return (f"{called} = {mean} · cᵢ, {at}",)
        simplex = f"{prefix}{_simplex(state)}{level}"
        return (
            f"{called} = {mean} · {steps} · Σ_(j ≤ cᵢ) ζ[j], {at}",
            f"    ζ = {simplex}: the {steps} steps' shares, positive, with sum 1",
        )

    return (Addend(state["name"], None, (), body),)


TERM = Term("mo", learn, arrays, slots, eta, call=True, written=written, levels=True, example="mo(a)")
