r"""``mi(x)``: a column of which values are missing, and whose own formula says what they may be.

.. math:: \eta_i = \ldots + b\, x_i, \qquad x_i \sim \text{the model of } x \text{ where it is missing.}

Missing values are parameters like others: what :math:`x`'s formula says of them and what the responses say of which they are
predictors go together, and their uncertainty is in everything. The posterior shows ``mi(x)``, which is :math:`b`, and the values
as ``mi(x)_missing``, which tables leave out. Where no value is missing this is the column ``x``. Numbers on a line are sampled;
yes and no, counts and categories are summed out of the likelihood of their rows, and drawn back from what they then have as
probabilities (:mod:`bayesdeep.graph.summed_out`). Of a category ``mi(f)`` has a coefficient for each level but the first,
``mi(f)[b]``, and ``mi(f)_missing`` are codes: 0 is the first of these levels.

In products, ``mi(x) * z`` or ``mi(x):g``, the effect depends on other columns (``mi(x):z``, :mod:`._mi_products`). By group,
``mi(x) + (1 + mi(x) | g)``, it has the effects ``mi(x)|g`` beside, with an sd, ``mi(x)|g_sigma``, which go together with those of
the columns beside them.

Little and Rubin (2019), Statistical Analysis with Missing Data, third edition, chapter 10.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Slot
from bayesdeep.core.terms import DesignContext, Fills, Scope, Term
from bayesdeep.core.writing import Addend

from ._joined_groups import Joined, codes, groups, joined_arrays, joined_eta, joined_written, learn_joined, relabel
from ._mi_columns import at_rows, codes_of, column_arrays, known_column, learn_column, missing_values
from ._mi_products import learn_products, product_eta, product_slots, products_of, products_written
from ._packing import unpack
from ._varying import slots as slots_by_level


def learn(node: Any, context: DesignContext) -> Json:
    """Return the column, and what it is multiplied with; of a whole group, what varies by its levels."""
    if hasattr(node, "specials"):
        return learn_joined(node, context, [_joined(learn_column(call, context)) for call in node.specials])
    own = learn_column(node, context)
    if any(product == (node.arguments[0],) for product in context.population[1]):
        raise FormulaError(
            f"{context.where}: {node.source}: '{own['column']}' stands in the formula by itself, too; leave one of the two out"
        )
    return own | learn_products(own, node, context)


def _joined(own: Json) -> Joined:
    """Return the column as coefficients of a group."""
    if "levels" not in own:
        return Joined(own, (own["mean"],), (own["sd"],))
    shares = own["shares"][1:]
    return Joined(own, tuple(shares), tuple((p * (1 - p)) ** 0.5 for p in shares), tuple(own["levels"][1:]))


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's value and which of the missing ones it has ``(obs,)``, and the columns it is multiplied with."""
    if "factor" in state:
        found = joined_arrays(state, node, context)
        for k, (call, own) in enumerate(zip(node.specials, state["each"], strict=True)):
            found |= column_arrays(own, call, context, f"_{k}")
        return found
    found = column_arrays(state, node, context)
    return {**found, "X": context.design_matrix(unpack(state["by"]), products_of(node))} if "by" in state else found


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return the slots of coefficients, or of effects of groups."""
    return slots_by_level(state, spread) if "factor" in state else product_slots(state, spread)


def eta(scope: Scope, state: Json) -> Any:
    """Return what the column adds, with the missing values in their places."""
    if "factor" not in state:
        return product_eta(scope, state, at_rows(scope, state))

    def added(k: int, own: Json, effects: list[Any]) -> Any:
        x = at_rows(scope, own, f"_{k}")
        if "levels" not in own:
            return effects[0] * (x if scope.width is None else x[:, None])
        total: Any = 0.0
        for code, effect in enumerate(effects, start=1):
            here = pt.eq(x, code)
            total = total + effect * (here if scope.width is None else here[:, None])
        return total

    return joined_eta(scope, state, added)


def _each(state: Json) -> list[tuple[Json, str]]:
    """Return the columns of a term, and what ends the keys of their arrays."""
    return [(own, f"_{k}") for k, own in enumerate(state["each"])] if "factor" in state else [(state, "")]


def columns(state: Json) -> tuple[str, ...]:
    """Return the columns whose missing values it takes."""
    return tuple(own["column"] for own, _ in _each(state))


def known(
    state: Json, arrays: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> tuple[Json, dict[str, np.ndarray]]:
    """Return the term on rows of which all values of some columns are known."""
    made, found = [], dict(arrays)
    for own, mark in _each(state):
        if own["column"] in values:
            own, found = known_column(own, found, values[own["column"]], mark)
        made.append(own)
    return ({**state, "each": made} if "factor" in state else made[0]), found


def code(state: Json, column: str, labels: tuple[Any, ...]) -> np.ndarray:
    """Return what stands in a column for each label of its own formula ``(label,)``."""
    return codes_of(next(own for own, _ in _each(state) if own["column"] == column), labels)


def report(scope: Scope, state: Json, values: Mapping[str, Any]) -> None:
    """Show the missing values ``(missing,)`` of some columns."""
    for own, _ in _each(state):
        if own["column"] in values and own["missing"]:
            missing_values(scope, own, values[own["column"]])


def words(state: Json) -> frozenset[str]:
    """It says what it adds at the column's mean, or is hierarchical where it varies by group."""
    return frozenset({"hierarchical"}) if "factor" in state else frozenset({"lifts"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the slope times the column."""
    if "factor" in state:
        return joined_written(state, node, _written_by_group)

    def body(called: str, level: str) -> tuple[str, ...]:
        slope, zero = products_written(state, node, called.partition(state["name"])[0], level)
        if "levels" in state:
            line = f"{called} = {slope}{f', {zero}' if zero else ''}"
        else:
            line = f"{called} = {slope} · {state['column']}ᵢ"
        missing = f"    {state['column']}ᵢ where it is missing: as its own formula says ({state['missing']} rows)"
        return (line, missing)

    return (Addend(state["name"], None, (), body),)


def _written_by_group(own: Json, coefficient: str, prefix: str, level: str) -> str:
    del prefix, level
    if "levels" not in own:
        return f"{coefficient} · {own['column']}ᵢ"
    return f"{coefficient.removesuffix(']')}, {own['column']}ᵢ]"


TERM = Term(
    "mi", learn, arrays, slots, eta, groups, words, call=True, written=written, multiplies=True, varies=True, joins=True,
    codes=codes, relabel=relabel, fills=Fills(columns, known, code, report), example="mi(x)",
)
