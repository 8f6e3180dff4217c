"""Labelled square tables given beside the data: covariances of the levels of a factor, and which of them are neighbours."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Matrix
from bayesdeep.core.errors import DataError, FormulaError, nearest
from bayesdeep.core.labels import match, plain
from bayesdeep.core.lazy import nw

MOST_LEVELS = 2_000
"""Levels of a matrix: it has no zeros to save by, and whatever is asked of a model multiplies with it or factorises it."""
MOST_REGIONS = 5_000
"""Levels of an adjacency: a table that is nearly all zeros."""
ROUNDING = 1e-8
"""How far a matrix may be from symmetric, in units of its largest entry: what files that round leave."""
ACCEPTED = (
    "a square table with labels: a pandas data frame whose index and columns are the levels, an xarray.DataArray with "
    "coordinates, or a table whose first column has the labels of the others"
)


def read_matrices(given: Any, used: tuple[tuple[str, str], ...]) -> dict[str, Matrix]:
    """Return the matrices a user gave, by name.

    Parameters
    ----------
    given
        Tables by name; None for none.
    used
        The names in formulas, each with the kind of matrix that its term needs.

    Raises
    ------
    DataError
        For a table that is not what its term needs.
    FormulaError
        For a matrix that no formula names, or that two terms take for different things.
    """
    kinds: dict[str, str] = {}
    for name, kind in used:
        if kinds.setdefault(name, kind) != kind:
            raise FormulaError(f"formula: '{name}' is {_A[kinds[name]]} in one term and {_A[kind]} in another")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DataError(f'data: arrays is {type(given).__name__}; give a dict of tables by name, arrays={{"A": table}}')
    for name in given:
        if name not in kinds:
            raise FormulaError(f"formula: no formula uses the matrix '{name}' of arrays{nearest(str(name), kinds)}")
    return {str(name): read_matrix(str(name), table, kinds[name]) for name, table in given.items()}


def read_matrix(name: str, table: Any, kind: str) -> Matrix:
    """Return one table, a covariance or an adjacency, with the same labels of rows and columns in the same order."""
    where = f"data: matrix '{name}'"
    if isinstance(table, Matrix):
        return table
    rows, columns, values = _parts(table, where)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise DataError(f"{where} is {' by '.join(map(str, values.shape))}, not square; it should be {ACCEPTED}")
    most, why = _MOST[kind]
    if len(rows) > most:
        raise DataError(
            f"{where} has {len(rows):,} levels, more than the {most:,} that are possible: {why}; leave out levels that no row "
            "needs"
        )
    _refuse_twice(rows, f"{where}: rows")
    _refuse_twice(columns, f"{where}: columns")
    places = match(columns, rows, f"{where}: a column")
    if (places < 0).any() or len(np.unique(places)) < len(rows):
        odd = [repr(columns[i]) for i in np.flatnonzero(places < 0)[:5].tolist()]
        raise DataError(f"{where}: rows and columns have different labels; no row is called {', '.join(odd)}")
    aligned = np.empty_like(values)
    aligned[:, places] = values
    return Matrix(rows, _CHECKS[kind](aligned, rows, where))


def _parts(table: Any, where: str) -> tuple[tuple[Any, ...], tuple[Any, ...], np.ndarray]:
    """Return labels of rows and of columns, and the values."""
    if isinstance(table, pd.DataFrame):
        unnamed = isinstance(table.index, pd.RangeIndex) and table.shape[1] == len(table) + 1
        whole = table.set_index(table.columns[0]) if unnamed else table
        return _labels(whole.index), _labels(whole.columns), _numbers(whole.to_numpy(), where)
    if hasattr(table, "dims") and hasattr(table, "coords"):
        lacking = [str(dim) for dim in table.dims if dim not in table.coords]
        if lacking:
            raise DataError(f"{where}: the dimension '{lacking[0]}' has no labels; it should be {ACCEPTED}")
        first, *others = (_labels(table.indexes[dim]) for dim in table.dims)
        return first, (others or [()])[0], _numbers(np.asarray(table.values), where)
    try:
        found = nw.from_native(table, eager_only=True).to_pandas()
    except TypeError:
        raise DataError(f"{where} is {type(table).__name__}, without labels; it should be {ACCEPTED}") from None
    if found.shape[1] != len(found) + 1:
        raise DataError(f"{where} has {len(found)} rows and {found.shape[1]} columns; it should be {ACCEPTED}")
    return _parts(found, where)


def _labels(index: Any) -> tuple[Any, ...]:
    return tuple(plain(label) for label in index)


def _numbers(values: np.ndarray, where: str) -> np.ndarray:
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{where} holds something other than numbers; it should be {ACCEPTED}") from None
    if not np.isfinite(found).all():
        raise DataError(f"{where} has missing or infinite entries")
    return found


def _refuse_twice(labels: tuple[Any, ...], what: str) -> None:
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"{what}: the label {twice!r} is there twice")


def _symmetric(values: np.ndarray, labels: tuple[Any, ...], where: str) -> np.ndarray:
    """Return the matrix, made symmetric to the last digit; raise where it is not."""
    apart = np.abs(values - values.T)
    if apart.max(initial=0.0) > ROUNDING * np.abs(values).max(initial=0.0):
        i, j = np.unravel_index(int(apart.argmax()), apart.shape)
        raise DataError(
            f"{where} is not symmetric: {labels[i]!r} with {labels[j]!r} is {values[i, j]:.6g}, {labels[j]!r} with {labels[i]!r} "
            f"{values[j, i]:.6g}"
        )
    return (values + values.T) / 2


def _adjacency(values: np.ndarray, labels: tuple[Any, ...], where: str) -> np.ndarray:
    """Return which levels are neighbours, 1 or a positive weight; raise where that is not what it says."""
    itself = np.flatnonzero(np.diag(values))
    if len(itself):
        own, value = labels[itself[0]], values[itself[0], itself[0]]
        raise DataError(f"{where}: {own!r} with itself is {value:.6g}; no level is its own neighbour: put 0")
    if values.min(initial=0.0) < 0:
        i, j = np.unravel_index(int(values.argmin()), values.shape)
        raise DataError(
            f"{where}: {labels[i]!r} with {labels[j]!r} is {values[i, j]:.6g}; neighbours have 1 or a positive weight, others 0"
        )
    found = _symmetric(values, labels, where)
    found.setflags(write=False)
    return found


def _covariance(values: np.ndarray, labels: tuple[Any, ...], where: str) -> np.ndarray:
    """Return the matrix, made symmetric to the last digit; raise where it is no covariance."""
    found = _symmetric(values, labels, where)
    eigenvalues = np.linalg.eigvalsh(found)
    if eigenvalues[0] <= len(found) * np.finfo(float).eps * eigenvalues[-1]:
        raise DataError(
            f"{where} is not positive definite: its smallest eigenvalue is {eigenvalues[0]:.3g} and its largest "
            f"{eigenvalues[-1]:.3g}. Levels that are alike in every respect make it so (leave one out, or give them one label); "
            "of a rounded matrix a little more on the diagonal makes one, which is another model, so that it is yours to do"
        )
    found.setflags(write=False)
    return found


_CHECKS: Mapping[str, Callable[[np.ndarray, tuple[Any, ...], str], np.ndarray]] = {
    "covariance": _covariance,
    "adjacency": _adjacency,
}
_A = {"covariance": "a covariance", "adjacency": "an adjacency"}
_MOST = {
    "covariance": (
        MOST_LEVELS, "a table without zeros takes their cube in time, and their square in memory"
    ),
    "adjacency": (MOST_REGIONS, "the table takes their square in memory, and scaling its law their cube in time, once"),
}
