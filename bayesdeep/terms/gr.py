r"""``(1 + x | gr(g, cov=A))``: coefficients that vary by group, where groups have a known covariance with one another.

.. math:: u_k \sim \operatorname{Normal}(0, \sigma_k^2 A),

for each coefficient :math:`k`, with correlations between the coefficients of one group as in ``(1 + x | g)``: those of all
groups have the covariance :math:`\Sigma \otimes A`. :math:`A` comes from a phylogeny, a pedigree, a map. It is used as it is
given, and not scaled to a correlation matrix, so that :math:`\sigma_k` is the standard deviation of a group whose entry on the
diagonal is 1.

The effect has the levels of :math:`A`, also those that no row has: what the others say of them follows from :math:`A`. There
are no other levels.

Lynch and Walsh (1998), Genetics and Analysis of Quantitative Traits, chapter 26 (pedigrees); Hadfield and Nakagawa (2010),
General quantitative genetic methods for comparative biology, Journal of Evolutionary Biology 23, 494-508,
doi:10.1111/j.1420-9101.2009.01915.x (phylogenies).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, Matrix
from bayesdeep.core.effects import Effect, Grouped, Structured
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.terms import DesignContext, Term

from ._varying import call_options, columns, correlation, learn_varying, pieces, slots


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding of the varying coefficients, and the covariance of the groups with its labels."""
    options = call_options(node, ("cov",))
    if "cov" not in options or len(node.call.arguments) != 1:
        raise FormulaError(
            f"{context.where}: ({node.source}): gr() takes one column and the name of a covariance of its levels, as in "
            "gr(g, cov=A); for levels that are independent write (… | g)"
        )
    matrix = context.matrix(options["cov"].name)
    return {
        "factor": posterior_name(node.call.arguments[0].name),
        "columns": learn_varying(node, context),
        "labels": list(matrix.labels),
        "correlated": node.correlated,
        "cov": options["cov"].name,
        "covariance": _packed(matrix.values),
    }


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)`` and the varying columns ``(obs, column)``."""
    labels, own = tuple(state["labels"]), columns(state)
    found = {"codes": context.codes(node.call.arguments, state["factor"], labels, closed=f"matrix '{state['cov']}'")}
    if own.width:
        found["X"] = context.design_matrix(own, node.products)
    return found


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the groups."""
    own = columns(state)
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", "X" if own.width else None, own.intercept)
    law = Structured(_root(state["covariance"], len(rows.labels)), correlation(state))
    return (Effect(rows, law, pieces(state), EFFECTS),)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with the labels of the covariance."""
    return {state["factor"]: tuple(state["labels"])}


def words(state: Json) -> frozenset[str]:
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def given(state: Json) -> Mapping[str, Matrix]:
    """Return the covariance as it was given."""
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
    "gr", learn, arrays, slots, groups=groups, words=words, effects=effects, grouping=True, matrices=("cov",), given=given,
    columns=columns, example="(1 + x | gr(g, cov=A))",
)
