r"""``cs(x)``: an effect on each threshold of its own, of a response whose levels are ordered (category-specific effects).

The predictor of threshold :math:`k` is

.. math:: \eta_{ik} = \eta_i + x_i b_k, \qquad k = 1, \ldots, K - 1,

with a coefficient for each of the :math:`K - 1` thresholds, ``cs(x)[k]``, where ``x`` by itself has one for all of them. A
category has one for each of its levels but the first and each threshold; ``cs(x, z)`` is ``cs(x) + cs(z)``. Where the
coefficients are all alike ``cs(x)`` is ``x``, so that ``x`` beside it would say nothing.

The stopping ratio, the continuation ratio and the adjacent category model take it (``family="sratio"``, ``"cratio"``,
``"acat"``): each threshold is a comparison of its own, and its probability lies between 0 and 1 whatever its predictor. Of
``"cumulative"`` the thresholds would cross in some rows, and the level between them would have a negative probability.

The default prior of the thresholds is on those where all columns are at their means, those of ``cs()`` as well. What is called
the *linear* predictor of a row is :math:`\eta_i`, which all thresholds share.

Bürkner and Vuorre (2019), Ordinal regression models in psychology: a tutorial, Advances in Methods and Practices in
Psychological Science 2(1), 77-101, doi:10.1177/2515245918823199. Peterson and Harrell (1990), Partial proportional odds models
for ordinal response variables, Applied Statistics 39(2), 205-217, doi:10.2307/2347760.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import options_of
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import COEFFICIENT
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

from ._function_columns import check_columns, columns_of
from ._packing import pack, unit_of, unpack
from ._written import column_products


def learn(node: Any, context: DesignContext) -> Json:
    """Return the coding of the columns."""
    where = f"{context.where}: {node.source}"
    options_of(node, (), where)
    if any(hasattr(variable, "value") for variable in node.arguments):
        raise FormulaError(f"{where}: each level but the last has its threshold without it; cs() takes columns, cs(x)")
    check_columns(node, "category-specific effect", where)
    for variable in node.arguments:
        if any(product == (variable,) for product in context.population[1]):
            own = getattr(variable, "name", variable.source)
            raise FormulaError(f"{where}: what '{own}' does to all thresholds is in it; leave '{own}' by itself out")
    return {"name": posterior_name(f"cs({columns_of(node)})"), **pack(context.learn_columns(True, _products(node)))}


def _products(node: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple((variable,) for variable in node.arguments)


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the columns ``(obs, column)``."""
    return {"X": context.design_matrix(unpack(state), _products(node))}


def _coefficients(state: Json) -> list[tuple[str, Any]]:
    """Return the slot of each argument's coefficients, and its columns."""
    return [(f"cs({term.name})", term) for term in unpack(state).terms]


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each argument; its prior is that of each threshold's coefficient."""
    columns, found = unpack(state), []
    for name, term in _coefficients(state):
        unit = spread / unit_of(columns, term)
        per = "between levels" if term.kind == "categorical" else "per sd of the column"
        why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor {per}, for each threshold"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
        found.append(Slot(name, "real", default, COEFFICIENT, term.stop - term.start, unit))
    return tuple(found)


def eta(scope: Scope, state: Json) -> Any:
    """Return what it adds to the predictor of each threshold ``(obs, level - 1)``."""
    beta = pt.concatenate(
        [
            scope.variable(name)[None]
            if term.labels is None
            else scope.variable(name, (scope.dim(f"{term.name}_level", term.labels),))
            for name, term in _coefficients(state)
        ]
    )
    scope.at_means((np.asarray(unpack(state).means)[:, None] * beta).sum(axis=0))
    return scope.product("X", beta)


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function of the columns, with its coefficients below."""
    products = column_products(state, _products(node))
    parts, zeros = [], dict[str, None]()
    for (name, _), own in zip(_coefficients(state), products, strict=True):
        for product in own:
            index = ", ".join([*product.levels, *(["b"] if product.basis else []), "k"])
            parts.append(("Σ_b " if product.basis else "") + " · ".join((f"β({name})[{index}]", *product.times)))
            zeros |= {f"β({name}) is 0 at {at}": None for at in product.zero}

    def body(called: str, level: str) -> tuple[str, ...]:
        del level
        return (f"{called} = {' + '.join(parts)}", *zeros)

    return (Addend(state["name"], None, (), body),)


def words(state: Json) -> frozenset[str]:
    """It adds to each threshold, and has the thresholds counted from the columns' means."""
    del state
    return frozenset({"by_threshold", "lifts"})


TERM = Term(
    "cs", learn, arrays, slots, eta, words=words, call=True, written=written, example="cs(x)", example_family="sratio",
)  # fmt: skip
