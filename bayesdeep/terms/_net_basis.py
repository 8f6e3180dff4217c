r"""What a network is kept orthogonal to: an orthonormal basis of the columns beside it, over the training rows.

With the columns :math:`M` of the population, the intercept's among them, and their singular value decomposition
:math:`M = U S V^\top`, the basis is :math:`Q = M V S^{-1}`, without directions whose singular value is next to nothing. Only
:math:`V S^{-1}` is kept, which makes the same directions on other rows.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

from ._net_options import NetOptions
from ._packing import pack, unpack

LEAST_RANK = 1e-8
"""Directions whose singular value is below this share of the largest count as not there."""
MOST_COLUMNS = 300
"""So many columns the basis may be made of: it is a matrix of rows by columns."""


def factor_name(factor: Any) -> str:
    """Return a grouping factor's name."""
    return posterior_name(":".join(getattr(f, "name", f.source) for f in factor))


def learn_basis(options: NetOptions, context: DesignContext) -> Json | None:
    """Return how to make the basis, as JSON; None where there is nothing to be orthogonal to."""
    intercept, products = context.population
    factors = tuple(dict.fromkeys(context.factors)) if options.orthogonal == "groups" else ()
    if options.orthogonal is False or not (intercept or products or factors):
        return None
    columns = context.learn_columns(intercept, products)
    levels = [_level(factor, context) for factor in factors]
    width = columns.width + sum(len(labels) for _, labels, _ in levels)
    if width > MOST_COLUMNS:
        what = "columns and groups" if levels else "columns"
        groups = " to the columns but not to the groups (orthogonal=True) or" if levels else ""
        raise FormulaError(
            f"{context.where}: net() is kept orthogonal to {width:,} {what}, more than the {MOST_COLUMNS} that are possible; "
            f"keep it orthogonal{groups} to nothing (orthogonal=False)"
        )
    found: Json = {"columns": pack(columns), "intercept": bool(intercept), "levels": levels}
    matrix = _matrix(found, context)
    # Columns of thousands beside columns of thousandths would lose the latter in the rank.
    size = np.sqrt((matrix**2).sum(axis=0))
    size[size == 0] = 1.0
    _, values, rotation = np.linalg.svd(matrix / size, full_matrices=False)
    kept = (values > LEAST_RANK * values[:1].sum()) & (values > 0)
    if not kept.any():
        return None
    return {**found, "map": ((rotation[kept] / values[kept, None]) / size).T.tolist()}


def _level(factor: Any, context: DesignContext) -> list[Any]:
    """Return a factor's name, its labels and each one's share of the rows."""
    call = next((part for part in factor if hasattr(part, "function")), None)
    if call is not None:
        raise FormulaError(
            f"{context.where}: net() can be kept orthogonal to groups that are levels of columns, not to {call.source}; write "
            "orthogonal=True (to the population-level columns) or orthogonal=False"
        )
    name, labels = factor_name(factor), context.learn_levels(factor)
    counts = np.bincount(context.codes(factor, name, labels), minlength=len(labels))
    return [name, list(labels), (counts / context.rows).tolist()]


def basis_of(basis: Json, context: DesignContext) -> np.ndarray:
    """Return the basis on these rows ``(obs, direction)``; on the training rows it is orthonormal."""
    return _matrix(basis, context) @ np.asarray(basis["map"])


def _matrix(basis: Json, context: DesignContext) -> np.ndarray:
    """Return the columns ``(obs, column)``, centred where there is an intercept."""
    columns, parts = unpack(basis["columns"]), []
    if columns.width:
        design = context.design_matrix(columns, context.population[1])
        parts.append(design - np.asarray(columns.means) if basis["intercept"] else design)
    if basis["intercept"]:
        parts.append(np.ones((context.rows, 1)))
    for factor, (name, labels, shares) in zip(dict.fromkeys(context.factors), basis["levels"], strict=False):
        codes = context.codes(factor, name, tuple(labels))
        own = (codes[:, None] == np.arange(len(labels))).astype(np.float64)
        # A group that was not there is like the average row's.
        own[codes >= len(labels)] = shares
        parts.append(own)
    return np.concatenate(parts, axis=1)
