r"""``(1 + x | mm(g1, g2, weights=[w1, w2]))``: rows that belong to several groups at once.

A pupil who changed schools, a patient of two doctors: row :math:`i` has the weighted sum of its members' effects,

.. math:: \sum_m w_{im} u_{g_m(i)}, \qquad u_j \sim \operatorname{Normal}(0, \Sigma) ,

where the columns :math:`g_1, g_2, \ldots` name members of one population: a label is the same group in whichever
column it stands. Without weights each member counts equally, 1 over their number. Weights are divided by their sum in
each row, as in brms; with ``scale=False`` they are used as they are.

A column that each member has of its own, how long the pupil was in each school, is ``mmc(x1, x2)``, a column a member in
their order: ``(0 + mmc(x1, x2) | mm(g1, g2))`` adds :math:`\sum_m w_{im} x_{im} u_{g_m(i)}`. Other columns are the same for all.

Browne, Goldstein and Rasbash (2001), Multiple membership multiple classification (MMMC) models, Statistical Modelling 1, 103-124,
doi:10.1177/1471082X0100100202.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Effect, Members, Varying
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend

from ._member_columns import OWN, learn_member_columns, member_columns, written_by_member
from ._varying import call_options, columns, correlation, pieces, slots
from ._varying import written as written_by_level


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding of the varying coefficients and the labels of the groups in all member columns."""
    members = node.call.arguments
    if len(members) < 2:
        raise FormulaError(f"{context.where}: ({node.source}): mm() takes two or more columns of members; with one write (… | g)")
    twice = next((member for place, member in enumerate(members) if member in members[:place]), None)
    if twice is not None:
        raise FormulaError(
            f"{context.where}: ({node.source}): '{twice.name}' is given twice, and members of a row are in columns of their own; "
            f"for one group a row write (… | {twice.name})"
        )
    _weight_nodes(node, context)
    return {
        "factor": posterior_name(f"mm({', '.join(member.name for member in members)})"),
        "columns": learn_member_columns(node, members, context),
        "labels": list(context.levels(*((member,) for member in members))),
        "correlated": node.correlated,
    }


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's groups and weights ``(obs, member)`` and the varying columns.

    These are ``(obs, column)``, or ``(obs, member, column)`` where members have some of their own.
    """
    labels, own, members = tuple(state["labels"]), columns(state), node.call.arguments
    codes = [context.codes((member,), state["factor"], labels) for member in members]
    found = {"codes": np.stack(codes, axis=1), "weights": _weights(node, context, len(members))}
    if own.width:
        found["X"] = member_columns(state["columns"], node, context)
    return found


def _weight_nodes(node: Any, context: DesignContext) -> tuple[tuple[Any, ...] | None, bool]:
    """Return the expressions of the weights, None without, and whether they are divided by their sum."""
    options, members = call_options(node, ("weights", "scale")), len(node.call.arguments)
    scale = getattr(options.get("scale"), "name", "True")
    if scale not in ("True", "False") or ("scale" in options and not hasattr(options["scale"], "name")):
        raise FormulaError(f"{context.where}: ({node.source}): scale is True or False")
    if "weights" not in options:
        return None, True
    given = getattr(options["weights"], "items", ())
    if len(given) != members:
        raise FormulaError(
            f"{context.where}: ({node.source}): weights is a list of {members} columns, one for each of "
            f"{', '.join(member.name for member in node.call.arguments)}: weights=[w1, w2]"
        )
    return tuple(given), scale == "True"


def _weights(node: Any, context: DesignContext, members: int) -> np.ndarray:
    """Return the rows' weights ``(obs, member)``."""
    given, scale = _weight_nodes(node, context)
    if given is None:
        return np.full((context.rows, members), 1.0 / members)
    found = np.stack([context.values(one) for one in given], axis=1)
    if not scale:
        return found
    total = found.sum(axis=1, keepdims=True)
    if (found < 0).any() or (total <= 0).any():
        row = int(np.argmax((found < 0).any(axis=1) | (total[:, 0] <= 0)))
        shown = ", ".join(f"{w:.6g}" for w in found[row])
        raise DataError(
            f"data: ({node.source}): the weights of row {row + 1} are {shown}; to be divided by their sum they have to be 0 or "
            "larger, and not all 0. With scale=False they are used as they are"
        )
    return found / total


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the groups."""
    own = columns(state)
    rows = Members(state["factor"], tuple(state["labels"]), "codes", "weights", "X" if own.width else None, own.intercept)
    return (Effect(rows, Varying(correlation(state)), pieces(state), EFFECTS),)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the factor that the member columns are together, with its labels."""
    return {state["factor"]: tuple(state["labels"])}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups."""
    return {**state, "labels": list(labels[state["factor"]])} if state["factor"] in labels else state


def words(state: Json) -> frozenset[str]:
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the effects that the members of a row add, times the row's columns and their own."""
    addends = written_by_level(state, node)
    return tuple(replace(one, products=written_by_member(one.products or ())) for one in addends)


TERM = Term(
    "mm", learn, arrays, slots, groups=groups, words=words, effects=effects, relabel=relabel, grouping=True, written=written,
    members=OWN, example="(1 + x | mm(g, h))",
)
