r"""Rows' log likelihoods for many lanes at once, with derivatives, and sparse products: in C where there is a compiler.

Each function is written twice: in NumPy, which says what it is, and in ``lane_loops.c``, which takes a fifth of the time. Both
agree to rounding; which of them ran changes the last digits only. Arrays are ``(row, lane)``; ``order`` 0, 1 or 2 derivatives by
the predictor ``eta`` follow the value.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from .c_library import c_library

SOURCE = Path(__file__).with_name("lane_loops.c")
_FROM, _ADDRESS = ctypes.c_char.from_buffer, ctypes.addressof


INTEGER, POINTER = ctypes.c_int64, ctypes.c_void_p
FUNCTIONS = {
    "logistic": (3, 7),
    "logistic_shifted": (3, 9),
    "counts": (3, 6),
    "slices": (3, 7),
    "inflated": (4, 7),
    "inflation": (3, 5),
    "hurdle": (4, 7),
    "turn": (1, 4),
    "add_product": (2, 5),
    "factor": (1, 9),
    "back": (1, 7),
    "noise": (1, 6),
    "whiten": (1, 5),
    "normal": (3, 4),
}
"""How many integers the library's functions take, and then how many pointers; of patterns the pointer comes first."""
WITH_PATTERN = ("factor", "back", "noise", "whiten")


@cache
def lane_loops() -> Any:
    """Return the library of ``lane_loops.c``, ready to be called; None where there is none."""
    library = c_library(SOURCE)
    if library is None:
        return None
    for name, (integers, pointers) in FUNCTIONS.items():
        function = getattr(library, f"bayesdeep_{name}")
        function.restype = None
        function.argtypes = [*[POINTER] * (name in WITH_PATTERN), *[INTEGER] * integers, *[POINTER] * pointers]
    return library


def logistic(
    eta: np.ndarray, y: np.ndarray, trials: np.ndarray, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return ``base + y eta - trials log(1 + exp(eta))`` and its derivatives, each ``(row, lane)``.

    ``y``, ``trials`` and ``base`` are ``(row,)``.
    """
    library = lane_loops()
    if library is None:
        return logistic_in_numpy(eta, y[:, None], trials[:, None], base[:, None], order)
    eta = np.ascontiguousarray(eta, dtype=np.float64)
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_logistic(*sizes(eta, order), *addresses(eta, y, trials, base), *outputs(found))
    return tuple(found)


def logistic_shifted(
    eta: np.ndarray, y: np.ndarray, shift: np.ndarray, more: np.ndarray, base: np.ndarray, place: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return the same of ``eta - shift`` and ``y + more`` trials.

    ``shift`` and ``more`` are ``(lane,)``; ``base`` ``(different, lane)`` is looked up by ``place`` ``(row,)``.
    """
    library = lane_loops()
    if library is None:
        return logistic_in_numpy(eta - shift, y[:, None], y[:, None] + more, base[place], order)
    eta = np.ascontiguousarray(eta, dtype=np.float64)
    lanes = eta.shape[1]
    shift, more, base = _shaped(shift, (lanes,)), _shaped(more, (lanes,)), _shaped(base, (len(base), lanes))
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_logistic_shifted(
        *sizes(eta, order), *addresses(eta, y, shift, more, base, place), *outputs(found)
    )
    return tuple(found)


def counts(eta: np.ndarray, y: np.ndarray, base: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``y eta - exp(eta) - base`` and its derivatives, each ``(row, lane)``; ``y`` and ``base`` are ``(row,)``."""
    library = lane_loops()
    if library is None:
        return counts_in_numpy(eta, y[:, None], base[:, None], order)
    eta = np.ascontiguousarray(eta, dtype=np.float64)
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_counts(*sizes(eta, order), *addresses(eta, y, base), *outputs(found))
    return tuple(found)


def slices(eta: np.ndarray, at: np.ndarray, place: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``log(F(u) - F(l))`` of the logistic distribution function and its derivatives, each ``(row, lane)``.

    ``u`` and ``l`` are the two bounds of slice ``place`` ``(row,)`` less ``eta``; bounds are ``at`` ``(slice + 1, lane)``, from
    minus infinity to infinity.
    """
    with np.errstate(divide="ignore"):
        base = np.log(-np.expm1(at[:-1] - at[1:]))
    library = lane_loops()
    if library is None:
        return slices_in_numpy(at[place + 1] - eta, at[place] - eta, base[place], order)
    eta = np.ascontiguousarray(eta, dtype=np.float64)
    at, base = (_shaped(v, (len(v), eta.shape[1])) for v in (at, base))
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_slices(*sizes(eta, order), *addresses(eta, at, base, place), *outputs(found))
    return tuple(found)


def add_product(matrix: sparse.csr_array, x: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Add ``matrix @ x`` to ``found`` ``(row, lane)``, in place, and return it; ``x`` is ``(column, lane)``."""
    library = lane_loops()
    if library is None or matrix.indices.dtype != np.int32 or matrix.indptr.dtype != np.int32:
        found += matrix @ x
        return found
    assert found.flags.c_contiguous
    x = np.ascontiguousarray(x, dtype=np.float64)
    library.bayesdeep_add_product(*found.shape, *addresses(matrix.indptr, matrix.indices, matrix.data, x, found))
    return found


def product(matrix: sparse.csr_array, x: np.ndarray) -> np.ndarray:
    """Return ``matrix @ x`` ``(row, lane)``."""
    return add_product(matrix, x, np.zeros((matrix.shape[0], x.shape[1])))


def logistic_in_numpy(
    eta: np.ndarray, y: np.ndarray, total: np.ndarray | float, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return ``base + y eta - total log(1 + exp(eta))`` and its derivatives; all that is given broadcasts."""
    t = np.abs(eta)
    np.negative(t, out=t)
    np.exp(t, out=t)
    up = t + 1.0
    soft = np.log(up)
    soft -= ((up - 1.0) - t) / up  # what 1 + t rounds off
    soft += np.maximum(eta, 0.0)
    found = y * eta
    found -= total * soft
    found += base
    if order == 0:
        return (found,)
    small = np.reciprocal(up, out=up)
    other = t * small
    p = np.where(eta >= 0.0, small, other)
    slope = y - total * p
    return (found, slope) if order == 1 else (found, slope, -total * (small * other))


def counts_in_numpy(eta: np.ndarray, y: np.ndarray, base: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``y eta - exp(eta) - base`` and its derivatives; all that is given broadcasts."""
    mean = np.exp(eta)
    found = y * eta
    found -= mean
    found -= base
    if order == 0:
        return (found,)
    slope = y - mean
    return (found, slope) if order == 1 else (found, slope, -mean)


def slices_in_numpy(upper: np.ndarray, lower: np.ndarray, base: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``base - log(1 + exp(-u)) - log(1 + exp(l))`` and its derivatives by what both have less."""
    above, below = np.exp(-np.abs(upper)), np.exp(-np.abs(lower))
    value = base - np.log1p(above) - np.log1p(below) + (np.minimum(upper, 0.0) - np.maximum(lower, 0.0))
    if order == 0:
        return (value,)
    over, under = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
    slope = np.where(upper < 0.0, above * over, over) + np.where(lower < 0.0, below * under, under) - 1.0
    return (value, slope) if order == 1 else (value, slope, -above * over**2 - below * under**2)


def _shaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a contiguous array of this shape; at once where it is one, since this is asked for with every gradient."""
    if array.shape == shape and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(np.broadcast_to(array, shape))


def sizes(eta: np.ndarray, order: int) -> tuple[int, int, int]:
    """Return numbers of rows, lanes and derivatives."""
    return eta.shape[0], eta.shape[1], order


def addresses(*arrays: np.ndarray | None) -> list[int | None]:
    """Return where arrays begin."""
    return [None if a is None else _address(a) for a in arrays]


def _address(array: np.ndarray) -> int:
    try:
        # A fifth of the time of array.ctypes.data, which reads what there is to know of an array.
        return _ADDRESS(_FROM(array))
    except (TypeError, ValueError):  # read-only, or empty
        return array.ctypes.data


def outputs(found: list[np.ndarray]) -> list[int | None]:
    """Return where the value and two derivatives go; those that are not asked for are not written."""
    return addresses(*(found[min(k, len(found) - 1)] for k in range(3)))
