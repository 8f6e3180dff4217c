r"""What the rows say of each effect at a pilot fit, given the effects that come before it and with those after it integrated out.

The coefficients of a model, in the order in which they are sampled, have at the pilot fit the precision :math:`H`. From the last
to the first, each block :math:`u` of one coefficient by group is looked at and then eliminated:

.. math:: H \leftarrow H - H_{\cdot u} H_{uu}^{-1} H_{u \cdot} .

What :math:`H_{uu}` then has beside the prior's :math:`1/\sigma^2` is the rows' information on :math:`u`, and :math:`H_{ub}` says
how its conditional mean goes with a coefficient :math:`b` before it. Only the diagonal of :math:`H_{uu}` is kept: it has no
other where the groups of later terms lie within those of :math:`u`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST_BLOCK = 400
"""Effects whose precision is inverted as it is; of more, the diagonal is."""

MOST_FILL = 4_000_000
"""Products that eliminating a block may take; beyond that it stays, and what comes before is looked at given its effects."""


@dataclass(frozen=True)
class Follow:
    """How the rows' pull on effects goes with other effects: a few of them for each.

    Attributes
    ----------
    index
        ``(group, few)``, places among the others.
    value
        ``(group, few)``: how much the pull falls when that one rises by one.
    levels
        Number of the others.
    """

    index: np.ndarray
    value: np.ndarray
    levels: int


@dataclass(frozen=True)
class Told:
    """What the rows say of one coefficient by group.

    Attributes
    ----------
    information
        ``(group,)``: the rows' precision of the effect.
    pull
        ``(group,)``: information times the value that the rows alone would give it, where all before it are as in the pilot fit.
    population
        ``(group, column)``: how much the pull falls when a coefficient of the population rises by one.
    earlier
        By place of an earlier block: the same for its effects.
    """

    information: np.ndarray
    pull: np.ndarray
    population: np.ndarray
    earlier: Mapping[int, Follow]


def told(
    precision: Any, prior: np.ndarray, values: np.ndarray, population: np.ndarray, spans: list[slice], rows: int
) -> tuple[list[Told], np.ndarray]:
    """Return what rows say of each block, and the population's precision with all blocks integrated out ``(column, column)``.

    Parameters
    ----------
    precision
        Sparse ``(coefficient, coefficient)``, at the pilot fit, the prior's included.
    prior, values
        ``(coefficient,)``: the prior's share of its diagonal, and the coefficients.
    population
        Places of the population's coefficients.
    spans
        Places of the blocks, in the order in which they are sampled.
    rows
        Number of rows; a block follows an earlier one where that takes no more products than these or a few thousand.
    """
    found: list[Told] = []
    left = precision.tocsr()
    for at in reversed(range(len(spans))):
        span = spans[at]
        whole = left[span]
        diagonal = whole[:, span].diagonal()
        information = np.maximum(diagonal - prior[span], 0.0)
        earlier = {k: one for k in range(at) if (one := _follow(whole[:, spans[k]], rows)) is not None}
        found.append(Told(information, diagonal * values[span], whole[:, population].toarray(), earlier))
        left = _eliminated(left, span, whole, diagonal)
    own = left[population][:, population].toarray()
    return found[::-1], own


def _follow(across: Any, rows: int) -> Follow | None:
    """Return the entries of a sparse matrix row by row; None for none, and for too many."""
    counts = np.diff(across.indptr)
    few = int(counts.max(initial=0))
    if few == 0 or few * across.shape[0] > max(rows, 4000):
        return None
    index, value = np.zeros((across.shape[0], few), dtype=np.int64), np.zeros((across.shape[0], few))
    row = np.repeat(np.arange(across.shape[0]), counts)
    place = np.arange(len(row)) - np.repeat(across.indptr[:-1], counts)
    index[row, place], value[row, place] = across.indices, across.data
    return Follow(index, value, across.shape[1])


def _eliminated(left: Any, span: slice, whole: Any, diagonal: np.ndarray) -> Any:
    """Return the precision of the others, the block integrated out; its own rows and columns are left empty."""
    from scipy import sparse

    kept = np.ones(left.shape[0])
    kept[span] = 0.0
    across = whole @ sparse.diags(kept)
    across.eliminate_zeros()
    others = sparse.diags(kept) @ left @ sparse.diags(kept)
    if float((np.diff(across.indptr).astype(np.float64) ** 2).sum()) > MOST_FILL:
        return others.tocsr()
    block = whole[:, span]
    if block.count_nonzero() == len(diagonal) or len(diagonal) > LARGEST_BLOCK:
        share = sparse.diags(1.0 / diagonal) @ across
    else:
        share = sparse.csr_matrix(np.linalg.solve(block.toarray(), across.toarray()))
    found = (others - across.T @ share).tocsr()
    found.eliminate_zeros()
    return found
