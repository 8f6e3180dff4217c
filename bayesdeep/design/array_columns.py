"""Array columns: an image, a series, a spectrum a row, from arrays ``(obs, …)`` or from lists of one length."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column


def from_array(name: str, values: np.ndarray, missing: np.ndarray | None = None) -> Column:
    """Return numbers ``(obs, …)`` as a column; one of the kind ``"other"`` if they are no numbers.

    Parameters
    ----------
    name
        The column's.
    values
        At least two axes. They are copied, as float32 where that holds their type exactly.
    missing
        Rows ``(obs,)`` that are missing besides those in which a number is.
    """
    if values.dtype.kind not in "biuf":
        return Column(name, "other", values)
    wide = np.float32 if np.result_type(values.dtype, np.float32) == np.float32 else np.float64
    own = np.array(values, dtype=wide, order="C")
    absent = np.isnan(own).reshape(len(own), -1).any(axis=1)
    absent = absent if missing is None else absent | missing
    for array in (own, absent):
        array.setflags(write=False)
    return Column(name, "array", own, missing=absent if absent.any() else None)


def from_objects(name: str, values: Sequence[Any], missing: np.ndarray) -> Column | None:
    """Return lists or arrays of one shape as a column; None where rows hold anything else, or none holds anything.

    Parameters
    ----------
    name
        The column's.
    values
        One object a row.
    missing
        Rows ``(obs,)`` without an object.
    """
    there = [value for value, absent in zip(values, missing.tolist(), strict=True) if not absent]
    if not there or not all(isinstance(value, list | tuple | np.ndarray) for value in there):
        return None
    try:
        parts = [_numbers(value) for value in there]
        own = np.stack(parts)
    except (TypeError, ValueError):
        return None
    return None if own.ndim < 2 else from_array(name, *_with_gaps(own, missing))


def from_lists(name: str, chunked: Any) -> Column | None:
    """Return a list array of pyarrow as a column; None where it holds lists of several lengths, or no numbers."""
    import pyarrow as pa

    whole = chunked.combine_chunks() if isinstance(chunked, pa.ChunkedArray) else chunked
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    missing = np.asarray(whole.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    left, shape = whole.drop_null(), []
    rows = len(left)
    while is_list(left.type):
        lengths = np.unique(left.value_lengths().to_numpy(zero_copy_only=False)) if len(left) else np.zeros(0)
        if left.null_count or len(lengths) != 1:
            return None
        shape.append(int(lengths[0]))
        left = left.flatten()
    if not (pa.types.is_integer(left.type) or pa.types.is_floating(left.type) or pa.types.is_boolean(left.type)):
        return None
    values = np.asarray(left.to_numpy(zero_copy_only=False)).reshape(rows, *shape)
    return from_array(name, *_with_gaps(values, missing))


def is_list(kind: Any) -> bool:
    """Return whether a type of pyarrow is one of lists."""
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def unequal(values: Sequence[Any]) -> str | None:
    """Return in words what lists hold that are no array column together; None if these are not all lists."""
    if not values or not all(isinstance(value, list | tuple | np.ndarray) for value in values):
        return None
    lengths = sorted({len(value) for value in values})
    if len(lengths) > 1:
        return f"lists of {lengths[0]} to {lengths[-1]} values (as an array column all would have one length)"
    return "lists that are not all of numbers and of one shape"


def _numbers(value: Any) -> np.ndarray:
    """Return one row's numbers; None inside is NaN. Raise for text, and for lists of different lengths."""
    own = np.asarray(value)
    if own.dtype.kind == "O":
        if own.size and isinstance(own.flat[0], np.ndarray | list | tuple):
            return np.stack([_numbers(part) for part in own.tolist()])
        if not all(part is None or isinstance(part, int | float | np.number) for part in own.flat):
            raise ValueError("not numbers")
        return own.astype(np.float64)
    if own.dtype.kind not in "biuf":
        raise ValueError("not numbers")
    return own


def _with_gaps(there: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values of all rows ``(obs, …)``, NaN where they are missing, and which these are."""
    if not missing.any():
        return there, None
    values = np.full((len(missing), *there.shape[1:]), np.nan, dtype=np.result_type(there.dtype, np.float32))
    values[~missing] = there
    return values, missing
