r"""Rows that are alike, counted once.

The log likelihood is a sum over rows. Rows with the same arrays in every predictor and the same response add the same
term, so that :math:`\sum_i w_i\, \ell(x_i, y_i) = \sum_c W_c\, \ell(x_c, y_c)` over the distinct rows :math:`c` with
:math:`W_c = \sum_{i \in c} w_i`: the very density, at the price of the distinct rows. Surveys, experiments and counts
have few of them. Only the density that a sampler sees is written in this way; log likelihoods and predictions are
computed from the posterior on the rows as they came.

This rests on terms seeing rows one at a time: the arrays of a term are indexed by row and nothing else about a row
matters, not even its place.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bayesdeep.results.rows import FIELDS, Rows

LEAST_ROWS = 500
"""Fewer rows are not worth the search."""

MAX_DISTINCT_SHARE = 0.4
"""Share of distinct rows up to which weighting them pays: a weighted row costs up to twice as much as a plain one, whose
likelihood and gradient are one loop for the common families."""


def compress(rows: Rows, least: int = LEAST_ROWS, worth: float = MAX_DISTINCT_SHARE) -> Rows | None:
    """Return the distinct rows with their multiplicities as likelihood weights; None where that does not pay.

    Parameters
    ----------
    rows
        Observed rows. Weights that are there already are added up.
    least
        Fewest rows for which to try.
    worth
        Largest share of distinct rows.

    Returns
    -------
    Rows or None
        In the order in which distinct rows first appear, without an index.
    """
    if not rows.observed or rows.rows < least:
        return None
    columns = _columns(rows)
    if _look_distinct(columns, rows.rows):
        return None
    first, own = distinct(columns, rows.rows)
    if len(first) > worth * rows.rows:
        return None
    small = rows.take(first)
    weights = np.bincount(own, weights=rows.response.weights, minlength=len(first)).astype(np.float64)
    return replace(small, response=small.response.with_(weights=weights), index=None)


def _columns(rows: Rows) -> list[np.ndarray]:
    """Return everything that tells rows apart, one array of 64-bit patterns ``(obs,)`` a column."""
    parts = [getattr(rows.response, name) for name in FIELDS if name != "weights"]
    found: list[np.ndarray] = []
    for array in [*rows.arrays.values(), *parts]:
        if array is not None:
            wide = np.asarray(array).reshape(rows.rows, -1)
            found += [_bits(wide[:, k]) for k in range(wide.shape[1])]
    return found


def _bits(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind == "f":
        return (column.astype(np.float64) + 0.0).view(np.uint64)  # Adding 0.0 makes -0.0 equal to 0.0.
    return column.astype(np.int64).view(np.uint64)


def _look_distinct(columns: Sequence[np.ndarray], rows: int) -> bool:
    """Return whether a sample of the rows has no two alike.

    Were ``MAX_DISTINCT_SHARE`` of the rows distinct, the sample would have twenty pairs on average, and none in fewer
    than one case of a million.
    """
    size = int(4 * np.sqrt(rows))
    if size >= rows // 2:
        return False
    sample = np.random.default_rng(0).choice(rows, size, replace=False)
    return len(np.unique(_mixed([column[sample] for column in columns], size))) == size


def _mixed(columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Return one 64-bit number a row, different for nearly all rows that differ."""
    mixed = np.full(rows, 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in columns:
        mixed ^= column
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(32)
    return mixed


def distinct(columns: Sequence[np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the first of each kind of row ``(kind,)``, in order, and each row's kind ``(obs,)``.

    Rows are told apart by a hash, and then compared; where two different rows share one, they are sorted instead.
    """
    first, own = _numbered(_mixed(columns, rows))
    if all(np.array_equal(column[first][own], column) for column in columns):
        return first, own
    kind = np.zeros(rows, dtype=np.int64)
    for column in columns:
        pair = kind * (rows + 1) + np.unique(column, return_inverse=True)[1]
        kind = np.unique(pair, return_inverse=True)[1]
    return _numbered(kind)


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, first, own = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(first), dtype=np.int64)
    place[order] = np.arange(len(first))
    return first[order], place[own]
