r"""``f(x) + (1 + z + f(x) | g)``: groups among whose coefficients are those of terms written as calls.

.. math:: u_{g1} + z_i u_{g2} + f_i' u_{g3}, \qquad u_g \sim \operatorname{Normal}(0, \Sigma) ,

with :math:`f_i` what such a call is at row i, of which the predictor has coefficients for all groups beside. Effects have names,
sds and correlations as those of columns have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, LearnedColumns, TermColumns
from bayesdeep.core.effects import Effect, Grouped, Varying
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Scope
from bayesdeep.core.writing import Addend

from ._packing import pack, unpack
from ._varying import correlation, factor_name, pieces
from ._written import column_products


@dataclass(frozen=True)
class Joined:
    """A call among the coefficients of a group.

    Attributes
    ----------
    state
        What the term remembers of it, its ``name`` among it.
    means, sds
        Of what its coefficients are multiplied by, over the rows.
    labels
        Of its coefficients; None of one without.
    """

    state: Json
    means: tuple[float, ...]
    sds: tuple[float, ...]
    labels: tuple[Any, ...] | None = None


def learn_joined(node: Any, context: DesignContext, joined: Sequence[Joined]) -> Json:
    """Return what a group with such calls among its coefficients needs, as JSON; theirs come after those of its columns."""
    coded = context.learn_columns(node.intercept, node.products)
    terms, means, sds = list(coded.terms), list(coded.means), list(coded.sds)
    for one in joined:
        kind = "numeric" if one.labels is None else "categorical"
        terms.append(TermColumns(one.state["name"], len(sds), len(sds) + len(one.sds), one.labels, kind))
        means += one.means
        sds += one.sds
    every = LearnedColumns(coded.intercept, tuple(terms), tuple(means), tuple(sds), coded.state)
    return {
        "factor": factor_name(node),
        "labels": list(context.learn_levels(node.factor)),
        "columns": pack(every),
        "correlated": node.correlated,
        "each": [one.state for one in joined],
    }


def joined_arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)`` and the columns ``(obs, column)``."""
    found = {"codes": context.codes(node.factor, state["factor"], tuple(state["labels"]))}
    if node.products:
        found["X"] = context.design_matrix(unpack(state["columns"]), node.products)
    return found


def effect_of(state: Json) -> Effect:
    """Return the effects of the groups, as they are drawn."""
    own = unpack(state["columns"])
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", None, own.intercept)
    return Effect(rows, Varying(correlation(state)), pieces(state), EFFECTS)


def joined_eta(scope: Scope, state: Json, added: Callable[[int, Json, list[Any]], Any]) -> Any:
    """Return what the groups add at the rows ``(obs,)`` or ``(obs, width)``.

    ``added(k, own, effects)`` is what the call ``k`` adds with its effects at the rows, ``(obs,)`` or ``(obs, width)`` each.
    """
    effects, codes = scope.by_level(effect_of(state)), scope.data("codes")
    total: Any = 0.0
    intercept, first = bool(state["columns"]["intercept"]), _places(state)
    for k, own in enumerate(effects[: first[0]]):
        value = own[codes]
        if k >= intercept:
            by = scope.data("X")[:, k - intercept]
            value = value * (by if scope.width is None else by[:, None])
        total = total + value
    for k, each in enumerate(state["each"]):
        total = total + added(k, each, [own[codes] for own in effects[first[k] : first[k + 1]]])
    return total


def _places(state: Json) -> list[int]:
    """Return where the coefficients of each call begin, and where the last one's end."""
    own = unpack(state["columns"])
    terms = own.terms[len(own.terms) - len(state["each"]) :]
    return [*(int(own.intercept) + term.start for term in terms), int(own.intercept) + terms[-1].stop]


def joined_written(state: Json, node: Any, added: Callable[[Json, str, str, str], str]) -> tuple[Addend, ...]:
    """Return the function of a row's group, with what it is made of below.

    ``added(own, coefficient, prefix, level)`` is how a call is written with its coefficient.
    """
    names = [piece.slot for piece in pieces(state)]
    count = len(names) - len(state["each"])
    products = column_products(state["columns"], node.products)
    written: list[tuple[str, ...]] = [("",)] * bool(state["columns"]["intercept"])
    written += [tuple(" · ".join(p.times) for p in own) for own in products]

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(f"{names[-1]}")[0]
        parts = [f"u({prefix}{name})[{state['factor']}ᵢ]" for name in names]
        sums = [" · ".join(filter(None, (part, *own))) for part, own in zip(parts[:count], written, strict=True)]
        sums += [added(own, part, prefix, level) for own, part in zip(state["each"], parts[count:], strict=True)]
        slot = correlation(state)
        sds = ", ".join(f"{prefix}{name}_sigma" for name in names)
        law = f"    u ~ Normal(0, sd), sds {sds}"
        law = law if slot is None else f"    u ~ MultivariateNormal, sds {sds}, correlations {prefix}{slot}"
        return (f"{called} = {' + '.join(sums)}", f"{law}, for each of the {len(state['labels'])} levels of {state['factor']}")

    return (Addend(names[-1], None, (), body),)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels, where the term varies by one."""
    return {state["factor"]: tuple(state["labels"])} if "factor" in state else {}


def codes(state: Json) -> Mapping[str, str]:
    """Return where the rows' levels of the grouping factor are."""
    return {state["factor"]: "codes"} if "factor" in state else {}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups."""
    return {**state, "labels": list(labels[state["factor"]])} if state.get("factor") in labels else state
