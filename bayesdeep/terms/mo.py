r"""``mo(x)``: a monotonic effect of an ordered category or of whole numbers.

With :math:`x_i \in \{0, \ldots, D\}` the number of steps that row :math:`i` is above the lowest level,

.. math:: f(x_i) = b \, D \sum_{k=1}^{x_i} \zeta_k, \qquad \zeta_k \ge 0, \quad \sum_k \zeta_k = 1 :

from level to level the predictor only rises, or only falls, but by steps of any size. ``mo(x)`` is :math:`b`, the mean step
between neighbouring levels, and ``mo(x)_simplex`` what share of the whole way each step is. Levels that the data declare, and
whole numbers between the smallest and the largest, count also where no row has them. The intercept is the predictor at the
lowest level.

In products, ``mo(x) * z`` or ``mo(x):g``, the mean step depends on other columns, :math:`b + z_i' b_z`, and the shares are the
same: with shares of their own the sum of the two would not be monotonic (``mo(x):z`` and ``mo(x)_simplex``).

By group, ``mo(x) + (1 + mo(x) | g)``, the mean step is :math:`b + u_g` and the shares are again the same; the effects
``mo(x)|g`` have an sd, ``mo(x)|g_sigma``, and go together with those of the columns beside them (:mod:`._mo_groups`).

At the ends of the scale may be levels that no row has. Rows then know :math:`b S`, with :math:`S` the sum of the shares between
the outermost levels that they have, and nothing of :math:`S`. This product is what is sampled, with the intercept at the lowest
of these levels, and the shares are split off from the ends.

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
from bayesdeep.core.writing import Addend, Product

from ._joined_groups import codes, groups, relabel
from ._mo_groups import groups_arrays, groups_eta, groups_written, learn_groups
from ._mo_levels import column_of, learn_levels, step_codes
from ._mo_way import at_rows, lowest_seen, simplex_of, steps_of, way_of
from ._packing import pack, unpack
from ._varying import slots as slots_by_level
from ._written import column_products, times_columns

MOST_SHOWN = 8
"""Levels that are written out where the model is written down."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the levels in their order, and how far apart the rows are in steps; of a whole group, what varies by its levels."""
    if hasattr(node, "specials"):
        return learn_groups(node, context)
    levels, codes = learn_levels(node, context)
    column, name = column_of(node)
    if any(len(product) == 1 and product[0] == node.arguments[0] for product in context.population[1]):
        raise FormulaError(f"{context.where}: {node.source}: what '{column}' does is all in it; leave '{column}' by itself out")
    seen = [int(codes.min()), int(codes.max())]
    found = {"name": name, "column": column, "sd": float(codes.std()), "seen": seen, **levels}
    products = _products(node)
    if not products:
        return found
    coded = context.learn_columns(() in node.by, products)
    matrix = context.design_matrix(coded, products)
    return {**found, "by": pack(coded), "sds": [_sd(matrix[:, t.start : t.stop], t.kind, codes) for t in coded.terms]}


def _products(node: Any) -> tuple[Any, ...]:
    """Return the products of columns that the effect is multiplied with."""
    return tuple(product for product in node.by if product)


def _sd(columns: np.ndarray, kind: str, codes: np.ndarray) -> float:
    """Return the standard deviation that a coefficient is an effect per: of a level's steps, or of steps times numbers."""
    own = 0.0 if kind == "categorical" else float((codes[:, None] * columns).std(axis=0).max())
    return own or float(codes.std())


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return how many steps each row is above the lowest level ``(obs,)``, and of what varies by group all that it needs."""
    if "factor" in state:
        return groups_arrays(state, node, context)
    found = {"steps": step_codes(state, node, context)}
    return {**found, "X": context.design_matrix(unpack(state["by"]), _products(node))} if "by" in state else found


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the mean step, and one for the shares of the steps where there are several."""
    if "factor" in state:
        return slots_by_level(state, spread)
    found, steps = [], steps_of(state)
    sds = ([state["sd"]] if _alone(state) else []) + state.get("sds", [])
    for (name, labels), sd in zip(_coefficients(state), sds, strict=True):
        unit = spread / sd
        why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column, counted in steps"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
        found.append(Slot(name, "real", default, COEFFICIENT, len(labels or (1,)), unit, adds=(sd,)))
    if steps > 1:
        equal = Default("Dirichlet(1)", "all shares of the steps alike")
        found.append(Slot(simplex_of(state), "simplex", equal, SIMPLEX, steps))
    return tuple(found)


def _alone(state: Json) -> bool:
    """Return whether there is a mean step beside those that are multiplied with columns."""
    return "by" not in state or bool(state["by"]["intercept"])


def _coefficients(state: Json) -> list[tuple[str, tuple[Any, ...] | None]]:
    """Return the name of each slot of coefficients, and its labels; None of a single one without."""
    first = [(state["name"], None)] if _alone(state) else []
    terms = unpack(state["by"]).terms if "by" in state else ()
    return [*first, *((f"{state['name']}:{t.name}", t.labels) for t in terms)]


def eta(scope: Scope, state: Json) -> Any:
    """Return the effect at the rows ``(obs,)`` or ``(obs, width)``."""
    if "factor" in state:
        return groups_eta(scope, state)
    way, seen = way_of(scope, state)
    mean: Any = scope.variable(state["name"], times=seen) if _alone(state) else 0.0
    if lowest_seen(state) and _alone(state):
        scope.lift(mean * way[lowest_seen(state)])
    if "by" not in state:
        return at_rows(scope, mean * way, "steps")
    betas = [
        scope.variable(name, times=seen)[None]
        if labels is None
        else scope.variable(name, (scope.dim(f"{name}_level", labels),), times=seen)
        for name, labels in _coefficients(state)[_alone(state) :]
    ]
    return at_rows(scope, way, "steps") * (mean + scope.product("X", pt.concatenate(betas, axis=0)))


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function, with what it is made of below."""
    if "factor" in state:
        return groups_written(state, node)
    products = column_products(state["by"], _products(node)) if "by" in state else []
    levels, steps = [str(level) for level in state["levels"]], steps_of(state)
    few = levels if len(levels) <= MOST_SHOWN else [*levels[: MOST_SHOWN - 2], "…", levels[-1]]

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(state["name"])[0]
        mean = _mean_step(state, products, prefix, level)
        at = f"with cᵢ the steps of {state['column']}ᵢ above the lowest of {' < '.join(few)}"
        if steps == 1:
            return (f"{called} = {mean} · cᵢ, {at}",)
        simplex = f"{prefix}{simplex_of(state)}{level}"
        return (
            f"{called} = {mean} · {steps} · Σ_(j ≤ cᵢ) ζ[j], {at}",
            f"    ζ = {simplex}: the {steps} steps' shares, positive, with sum 1",
        )

    return (Addend(state["name"], None, (), body),)


def _mean_step(state: Json, products: list[tuple[Product, ...]], prefix: str, level: str) -> str:
    """Return the mean step of row i: a coefficient, or the sum of those that are multiplied with columns."""
    first = [(state["name"], (Product(),))] if _alone(state) else []
    own = zip(_coefficients(state)[_alone(state) :], products, strict=True)
    return times_columns([*first, *((name, of_slot) for (name, _), of_slot in own)], prefix, level)


def words(state: Json) -> frozenset[str]:
    """It is hierarchical where it varies by group, and otherwise lifts the predictor if no row has the lowest levels."""
    if "factor" in state:
        return frozenset({"hierarchical"})
    return frozenset({"lifts"}) if lowest_seen(state) and _alone(state) else frozenset()


TERM = Term(
    "mo", learn, arrays, slots, eta, groups, words, call=True, written=written, levels=True, multiplies=True, varies=True,
    joins=True, codes=codes, relabel=relabel, example="mo(a)",
)
