r"""``mi(x)``: a column of which values are missing, and whose own formula says what they may be.

.. math:: \eta_i = \ldots + b\, x_i, \qquad x_i \sim \text{the model of } x \text{ where it is missing.}

Missing values are parameters like others: what :math:`x`'s formula says of them and what the responses say of which they are
predictors go together, and their uncertainty is in everything. The posterior shows ``mi(x)``, which is :math:`b`, and the values
as ``mi(x)_missing``, which tables leave out. Where no value is missing this is the column ``x``. Numbers on a line are sampled;
yes and no, as 1 and 0, and counts are summed out of the likelihood of their rows, and drawn back from what they then have as
probabilities (:mod:`bayesdeep.graph.summed_out`).

Little and Rubin (2019), Statistical Analysis with Missing Data, third edition, chapter 10.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import options_of
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import COEFFICIENT, WEIGHT
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Fills, Scope, Term
from bayesdeep.core.writing import Addend


def learn(node: Any, context: DesignContext) -> Json:
    """Return the column's mean and sd where it is there, and how many values are missing."""
    where = f"{context.where}: {node.source}"
    options_of(node, (), where)
    if len(node.arguments) != 1 or not hasattr(node.arguments[0], "name"):
        raise FormulaError(f"{where}: mi() takes one column, of which values are missing: mi(x)")
    column = node.arguments[0].name
    if any(product == (node.arguments[0],) for product in context.population[1]):
        raise FormulaError(f"{where}: '{column}' stands in the formula by itself, too; leave one of the two out")
    x = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    there = x[np.isfinite(x)]
    if not there.std() > 0:
        raise FormulaError(f"{where}: '{column}' is constant (every value is {there[0]:g}); its effect cannot be learned")
    return {
        "name": posterior_name(f"mi({column})"), "column": column, "mean": float(there.mean()), "sd": float(there.std()),
        "missing": int(np.isnan(x).sum()),
    }  # fmt: skip


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's value ``(obs,)``, and which of the missing ones it has, -1 where it is there."""
    x = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    gone = np.isnan(x)
    place = np.where(gone, np.cumsum(gone) - 1, -1)
    return {"x": np.where(gone, 0.0, x), "place": place.astype(np.int64)}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return the slot of the slope."""
    unit = spread / state["sd"]
    why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column"
    slope = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
    return (Slot(state["name"], "real", slope, COEFFICIENT, 1, unit),)


def eta(scope: Scope, state: Json) -> Any:
    """Return the slope times the column, with the missing values in their places."""
    slope, x = scope.variable(state["name"]), scope.data("x")
    scope.at_means(slope * state["mean"])
    if state["missing"]:
        alone = scope.alone()
        values = alone.filled(state["column"])
        if values is None:  # The graph of one response, which is asked with values that there are already.
            values = alone.hidden(
                f"{state['name']}_z", "Normal", {"mu": state["mean"], "sigma": state["sd"]}, (state["missing"],)
            )
        values = report(scope, state, values)
        place = scope.data("place")
        x = pt.switch(pt.lt(place, 0), x, values[pt.maximum(place, 0)])
    return slope * (x if scope.width is None else x[:, None])


def report(scope: Scope, state: Json, values: Any) -> Any:
    """Show the missing values ``(missing,)``."""
    alone = scope.alone()
    dim = alone.dim(f"{state['name']}_row", tuple(range(state["missing"])))
    return alone.report(f"{state['name']}_missing", values, (dim,), WEIGHT)


def known(state: Json, arrays: Mapping[str, np.ndarray], values: np.ndarray) -> tuple[Json, dict[str, np.ndarray]]:
    """Return the term on rows of which all values are known."""
    none = np.full(len(values), -1, dtype=np.int64)
    return {**state, "missing": 0}, {**arrays, "x": np.asarray(values, dtype=np.float64), "place": none}


def column(state: Json) -> str:
    """Return the column whose missing values it takes."""
    name: str = state["column"]
    return name


def words(state: Json) -> frozenset[str]:
    """It says what it adds at the column's mean."""
    del state
    return frozenset({"lifts"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the slope times the column."""
    del node

    def body(called: str, level: str) -> tuple[str, ...]:
        missing = f"    {state['column']}ᵢ where it is missing: as its own formula says ({state['missing']} rows)"
        return (f"{called} = β({called.partition(state['name'])[0]}{state['name']}){level} · {state['column']}ᵢ", missing)

    return (Addend(state["name"], None, (), body),)


TERM = Term(
    "mi", learn, arrays, slots, eta, words=words, call=True, written=written, fills=Fills(column, known, report), example="mi(x)",
)
