r"""``(1 + x | gr(g, cov=A))``, ``(1 + x | gr(g, by=f))``: coefficients that vary by group, with a law that is not that of all.

With ``cov=A`` groups have a known covariance with one another,

.. math:: u_k \sim \operatorname{Normal}(0, \sigma_k^2 A),

for each coefficient :math:`k`, with correlations between the coefficients of one group as in ``(1 + x | g)``: those
of all groups have the covariance :math:`\Sigma \otimes A`. :math:`A` comes from a phylogeny, a pedigree, a map. It is
used as it is given, and not scaled to a correlation matrix, so that :math:`\sigma_k` is the standard deviation of a
group whose entry on the diagonal is 1.

The effect has the levels of :math:`A`, also those that no row has: given the effects :math:`u` of the others,
theirs are normal about :math:`A_{nk} A_{kk}^{-1} u`, all together. There are no other levels.

With ``by=f`` each group is of a class, a level of ``f``, and classes have a covariance each,

.. math:: u_j \sim \operatorname{Normal}(0, \Sigma_{f(j)}) :

``1|g_sigma`` and ``g_corr`` then have the levels of ``f`` as a dimension. A new group has the covariance of its class.

Lynch and Walsh (1998), Genetics and Analysis of Quantitative Traits, chapter 26 (pedigrees); Hadfield and Nakagawa
(2010), General quantitative genetic methods for comparative biology, Journal of Evolutionary Biology 23, 494-508,
doi:10.1111/j.1420-9101.2009.01915.x (phylogenies).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, Matrix
from bayesdeep.core.effects import Effect, Grouped, Structured, Varying
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Term

from ._classes import class_codes, learn_classes, strata
from ._varying import call_options, columns, correlation, learn_varying, pieces, slots, written


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding of the varying coefficients, and the covariance of the groups or their classes."""
    options = call_options(node, ("cov", "by"))
    where = f"{context.where}: ({node.source})"
    if not options or len(node.call.arguments) != 1:
        raise FormulaError(
            f"{where}: gr() takes one column and the name of a covariance of its levels, as in gr(g, cov=A), or a column of "
            "their classes, as in gr(g, by=f); for levels that are independent and all alike write (… | g)"
        )
    if len(options) > 1:
        raise FormulaError(
            f"{where}: a covariance for each class leaves open how levels of different classes, which {options['cov'].name} "
            "relates, go together; give cov= or by="
        )
    found = {"factor": posterior_name(node.call.arguments[0].name), "columns": learn_varying(node, context)}
    found["correlated"] = node.correlated
    if "by" in options:
        labels = context.learn_levels(node.call.arguments)
        codes = context.codes(node.call.arguments, found["factor"], labels)
        return {**found, "labels": list(labels), "classes": learn_classes(options["by"], codes, labels, node, context)}
    matrix = context.matrix(options["cov"].name)
    given = {"cov": options["cov"].name, "covariance": _packed(matrix.values)}
    return {**found, "labels": list(matrix.labels), **given}


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)``, its class where there are some, and the varying columns ``(obs, column)``."""
    labels, own = tuple(state["labels"]), columns(state)
    closed = f"matrix '{state['cov']}'" if "cov" in state else ""
    found = {"codes": context.codes(node.call.arguments, state["factor"], labels, closed=closed)}
    if "classes" in state:
        by = dict(node.call.options)["by"]
        found["classes"] = class_codes(state["classes"], by, found["codes"], labels, node, context)
    if own.width:
        found["X"] = context.design_matrix(own, node.products)
    return found


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the groups."""
    own = columns(state)
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", "X" if own.width else None, own.intercept)
    if "classes" in state:
        return (Effect(rows, Varying(correlation(state), strata(state["classes"], "classes")), pieces(state), EFFECTS),)
    law = Structured(_root(state["covariance"], len(rows.labels)), correlation(state))
    return (Effect(rows, law, pieces(state), EFFECTS),)


def own_slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each sd, one for the effects, and one for the correlations; of classes, for all of them."""
    # Levels that lean on one another, or differ by class, are no draws of one law.
    found = tuple(replace(slot, own_law=False) for slot in slots(state, spread))
    if "classes" not in state:
        return found
    count, kept = len(state["classes"]["labels"]), []
    for slot in found:
        effects = slot.support in ("effects", "correlated")
        kept.append(replace(slot, support="stratified") if effects else replace(slot, size=slot.size * count))
    return tuple(kept)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels, those of the covariance where there is one."""
    return {state["factor"]: tuple(state["labels"])}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups; a covariance has none."""
    return state if "cov" in state or state["factor"] not in labels else {**state, "labels": list(labels[state["factor"]])}


def reclass(state: Json, classes: Mapping[str, tuple[int, ...]]) -> Json:
    """Return the state with other classes of the groups."""
    return {**state, "classes": {**state["classes"], "of": list(classes[state["factor"]])}}


def words(state: Json) -> frozenset[str]:
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def given(state: Json) -> Mapping[str, Matrix]:
    """Return the covariance as it was given."""
    if "cov" not in state:
        return {}
    return {state["cov"]: Matrix(tuple(state["labels"]), _covariance(state["covariance"], len(state["labels"])))}


def _packed(values: np.ndarray) -> str:
    """Return a symmetric matrix as text: its lower triangle, row by row, every bit of it."""
    return b64encode(values[np.tril_indices(len(values))].astype("<f8").tobytes()).decode("ascii")


def _covariance(text: str, size: int) -> np.ndarray:
    lower = np.zeros((size, size))
    lower[np.tril_indices(size)] = np.frombuffer(b64decode(text), dtype="<f8")
    return lower + np.tril(lower, -1).T


@lru_cache(maxsize=8)
def _root(text: str, size: int) -> np.ndarray:
    root = np.linalg.cholesky(_covariance(text, size))
    root.setflags(write=False)
    return root


TERM = Term(
    "gr", learn, arrays, own_slots, groups=groups, words=words, effects=effects, relabel=relabel, reclass=reclass, grouping=True,
    matrices=("cov",), given=given, written=written, example="(1 + x | gr(g, cov=A))",
)
