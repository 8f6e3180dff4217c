"""Rows to sufficient statistics: one pass, and sums that add up over blocks of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import Moments
from bayesdeep.core.records import Response

from .linear_layout import Layout

LOG_2PI = float(np.log(2 * np.pi))
BLOCK_ROWS = 1_000_000
"""Rows worked on at once: temporary arrays stay small whatever the number of rows."""

BLOCK_NUMBERS = 20_000_000
"""Likewise, where a row has many columns."""

DENSE_PAIRS = 4_000_000
"""Pairs of levels that are counted in a table rather than sorted; the table is made anew for each block of rows, so that
it may be a fraction of the one that :mod:`bayesdeep.stream.moment_sums` keeps."""


def moments_of(layout: Layout, arrays: Mapping[str, np.ndarray], response: Response, centre: float) -> Moments:
    """Return the sufficient statistics of some rows.

    Parameters
    ----------
    layout
        Of the model.
    arrays
        By ``"term key.array"``, first axis ``obs``.
    response
        With its weights; ``centre`` is taken off its values ``(obs,)``.
    """
    rows = len(response.value)
    step = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // max((width for _, _, width in layout.factors), default=1)))
    parts = [_block(layout, arrays, response, centre, slice(i, i + step)) for i in range(0, max(rows, 1), step)]
    total = parts[0]
    for part in parts[1:]:
        total = add(total, part)
    return total


def centre_of(layout: Layout, arrays: Mapping[str, np.ndarray], response: Response) -> float:
    """Return what to take off the response before it is squared: its mean, where there is an intercept to take it up."""
    if not layout.intercept or len(response.value) == 0:
        return 0.0
    first = slice(0, BLOCK_ROWS)
    mean = float(np.mean(response.value[first], dtype=np.float64))
    return mean - sum(float(np.mean(arrays[key][first])) for key in layout.shifts)


def add(a: Moments, b: Moments) -> Moments:
    """Return the statistics of the rows of both."""
    return Moments(
        a.rows + b.rows,
        a.constant + b.constant,
        a.gram + b.gram,
        tuple(x + y for x, y in zip(a.own, b.own, strict=True)),
        tuple(x + y for x, y in zip(a.with_columns, b.with_columns, strict=True)),
        {pair: a.between[pair] + b.between[pair] for pair in a.between},
    )


def _block(
    layout: Layout, arrays: Mapping[str, np.ndarray], response: Response, centre: float, rows: slice
) -> Moments:
    y = response.value[rows].astype(np.float64) - centre
    for key in layout.shifts:
        y -= arrays[key][rows]
    count, constant, precision = _weights(layout, arrays, response, rows, len(y))
    matrix = columns_of(layout, arrays, rows, y)
    codes, effects = effects_of_rows(layout, arrays, rows)
    found = products(matrix, codes, effects, [levels for _, levels, _ in layout.factors], precision)
    return replace(found, rows=count, constant=constant)


def products(
    matrix: np.ndarray, codes: Sequence[np.ndarray], effects: Sequence[list[np.ndarray | None]], levels: Sequence[int],
    precision: np.ndarray | None = None,
) -> Moments:
    """Return sums of products over rows.

    Parameters
    ----------
    matrix
        Columns ``(obs, column)``, the response among them.
    codes, effects, levels
        Of each factor the rows' levels ``(obs,)``, what a level's coefficients are multiplied by (None for ones), and the number
        of levels.
    precision
        Of each row ``(obs,)``; None for 1.
    """
    weighted = matrix if precision is None else matrix * precision[:, None]
    own, with_columns = [], []
    for count, code, z in zip(levels, codes, effects, strict=True):
        own.append(_own(code, z, precision, count))
        with_columns.append(_with_columns(code, z, weighted, count))
    between = {}
    for f in range(len(codes)):
        for g in range(f + 1, len(codes)):
            between[f, g] = _between(codes[f], effects[f], codes[g], effects[g], precision, (levels[f], levels[g]))
    return Moments(float(len(matrix)), 0.0, matrix.T @ weighted, tuple(own), tuple(with_columns), between)


def _weights(
    layout: Layout, arrays: Mapping[str, np.ndarray], response: Response, rows: slice, count: int
) -> tuple[float, float, np.ndarray | None]:
    """Return the sum of exponents, the constant, and each row's precision relative to ``1 / sigma²`` (None: 1)."""
    weights = None if response.weights is None else response.weights[rows].astype(np.float64)
    exponents = float(count) if weights is None else float(weights.sum())
    constant, precision = -0.5 * LOG_2PI * exponents, weights
    if layout.standard_error is not None:
        given = layout.standard_error
        error = np.full(count, given) if isinstance(given, float) else arrays[given][rows].astype(np.float64)
        each = np.ones(count) if weights is None else weights
        constant -= float(each @ np.log(error))
        precision = each / error**2
    return exponents, constant, precision


def columns_of(layout: Layout, arrays: Mapping[str, np.ndarray], rows: slice, y: np.ndarray) -> np.ndarray:
    """Return the centred and scaled population columns and the response, ``(obs, column + 1)``."""
    matrix = np.empty((len(y), len(layout.means) + 1))
    if layout.intercept:
        matrix[:, 0] = 1.0
    for place in layout.columns:
        if place.rows.array is not None:
            own = place.matrix(arrays, rows)
            span = slice(place.start, place.start + own.shape[1])
            matrix[:, span] = (own - layout.means[span]) / layout.sds[span]
    matrix[:, -1] = y
    return matrix


def effects_of_rows(
    layout: Layout, arrays: Mapping[str, np.ndarray], rows: slice
) -> tuple[list[np.ndarray], list[list[np.ndarray | None]]]:
    """Return each factor's codes ``(obs,)`` and varying columns, None for a column of ones."""
    codes: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(layout.factors)
    columns: list[list[np.ndarray | None]] = [[] for _ in layout.factors]
    for place in layout.effects:
        codes[place.factor] = place.codes(arrays, rows)
        columns[place.factor] += place.columns(arrays, rows)
    return codes, columns


def _times(*factors: np.ndarray | None) -> np.ndarray | None:
    """Return the product of the columns that are not all ones."""
    there = [f for f in factors if f is not None]
    if not there:
        return None
    product = there[0]
    for other in there[1:]:
        product = product * other
    return product


def _one_level(z: list[np.ndarray | None], levels: int) -> np.ndarray | None:
    """Return the columns ``(obs, coefficient)`` of a factor with one level, where sums over rows are products of matrices."""
    columns = [column for column in z if column is not None]
    return np.stack(columns, axis=1) if levels == 1 and len(columns) == len(z) else None


def _own(code: np.ndarray, z: list[np.ndarray | None], precision: np.ndarray | None, levels: int) -> np.ndarray:
    if (matrix := _one_level(z, levels)) is not None:
        return (matrix.T @ (matrix if precision is None else matrix * precision[:, None]))[None]
    found = np.empty((levels, len(z), len(z)))
    for k in range(len(z)):
        for m in range(k + 1):
            sums = np.bincount(code, _times(precision, z[k], z[m]), minlength=levels)
            found[:, k, m] = found[:, m, k] = sums
    return found


def _with_columns(code: np.ndarray, z: list[np.ndarray | None], weighted: np.ndarray, levels: int) -> np.ndarray:
    if (matrix := _one_level(z, levels)) is not None:
        return (matrix.T @ weighted)[None]
    found = np.empty((levels, len(z), weighted.shape[1]))
    for c in range(weighted.shape[1]):
        column = np.ascontiguousarray(weighted[:, c])
        for k, own in enumerate(z):
            found[:, k, c] = np.bincount(code, _times(column, own), minlength=levels)
    return found


def _between(
    first: np.ndarray,
    z_first: list[np.ndarray | None],
    second: np.ndarray,
    z_second: list[np.ndarray | None],
    precision: np.ndarray | None,
    sizes: tuple[int, int],
) -> sparse.csr_array:
    """Return the sums of products over rows by pair of levels, ``(level * width, level * width)``."""
    dense = _one_level(z_first, sizes[0]), _one_level(z_second, sizes[1])
    if dense[0] is not None and dense[1] is not None:
        return sparse.csr_array(dense[0].T @ (dense[1] if precision is None else dense[1] * precision[:, None]))
    pair = first.astype(np.int64) * sizes[1] + second
    if sizes[0] * sizes[1] <= DENSE_PAIRS:
        there = np.flatnonzero(np.bincount(pair, minlength=sizes[0] * sizes[1]))
        place = np.zeros(sizes[0] * sizes[1], dtype=np.int64)
        place[there] = np.arange(len(there))
        inverse = place[pair]
    else:
        there, inverse = np.unique(pair, return_inverse=True)
    i, j = np.divmod(there, sizes[1])
    rows, columns, values = [], [], []
    for k, own in enumerate(z_first):
        for m, other in enumerate(z_second):
            rows.append(i * len(z_first) + k)
            columns.append(j * len(z_second) + m)
            values.append(np.bincount(inverse, _times(precision, own, other), minlength=len(there)))
    shape = (sizes[0] * len(z_first), sizes[1] * len(z_second))
    table = sparse.coo_array(
        (np.concatenate(values).astype(np.float64), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    )
    return table.tocsr()
