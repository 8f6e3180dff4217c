"""``X`` and ``y``, checked as scikit-learn does, to columns by name."""

from typing import Any

import numpy as np
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from bayesdeep.core.errors import DataError

LEAST_ROWS = 2


def read_columns(estimator: Any, X: Any, *, reset: bool) -> dict[str, Any]:
    """Return the columns of ``X`` by name.

    Those of an array are ``x0``, ``x1``, …; those of a data frame keep their names and types, so that text and categories can
    be factors. Where ``reset`` is False they get the names they had in fitting, by position, after scikit-learn has compared
    number and names.
    """
    if hasattr(X, "columns") and hasattr(X, "shape"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        labels = list(getattr(X, "column_names", X.columns))
        values = [X[label] for label in labels] if len(set(map(str, labels))) == len(labels) else None
        if values is None:
            raise DataError("data: X has two columns of one name; column names must differ")
        if X.shape[0] < (LEAST_ROWS if reset else 1):
            raise DataError(
                f"data: X has {X.shape[0]} sample(s) (shape={X.shape}) while {LEAST_ROWS} are needed at least"
            )
        names = [str(label) for label in labels]
    else:
        least = LEAST_ROWS if reset else 1
        array = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_min_samples=least)
        values = [np.ascontiguousarray(array[:, i], dtype=float) for i in range(array.shape[1])]
        names = [f"x{i}" for i in range(len(values))]
    return dict(zip(names if reset else estimator._names, values, strict=True))


def read_response(estimator: Any, X: Any, y: Any) -> np.ndarray:
    """Return ``y`` as ``(obs,)``, of the length of ``X``, without missing values."""
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    check_consistent_length(X, y)
    found = column_or_1d(y, warn=True)
    if found.dtype.kind in "fciub":
        assert_all_finite(found, input_name="y", estimator_name=type(estimator).__name__)
    if found.dtype.kind == "c":
        raise ValueError("Complex data not supported: y is complex")
    return found


def read_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Return weights ``(obs,)``, or None where all rows count once."""
    if sample_weight is None:
        return None
    found = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if found.ndim != 1:
        raise ValueError(f"Sample weights must be a 1D array, one a row; sample_weight has {found.ndim} dimensions")
    check_consistent_length(X, found)
    if (found < 0).any():
        raise ValueError("Negative values in sample_weight; weights are numbers of rows, 0 or more")
    if not found.any():
        raise ValueError("Sample weights must contain at least one non-zero number; all sample_weight are zero")
    return None if np.all(found == 1.0) else found
