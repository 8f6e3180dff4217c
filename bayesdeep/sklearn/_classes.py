"""The classes in ``y``, sorted as scikit-learn has them, and in the order the model has them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import DataError
from bayesdeep.design.convert import to_column, with_declared_levels


@dataclass(frozen=True)
class Classes:
    """Classes of the rows.

    Attributes
    ----------
    labels
        Sorted ``(class,)``: scikit-learn's ``classes_``.
    response
        The rows as categories, ordered where the model may rely on their order.
    """

    labels: np.ndarray
    response: pd.Series


def read_classes(y: Any, values: np.ndarray, weights: np.ndarray | None, *, ordinal: bool) -> Classes:
    """Return the classes of the rows.

    Parameters
    ----------
    y, values
        As given, and as ``(obs,)``.
    weights
        Weights of the rows, or None.
    ordinal
        Whether the model needs the order of classes: the one that ordered categories declare, or that of numbers. Text has
        none; the family says so.

    Raises
    ------
    DataError
        Where fewer than two classes have rows of some weight, or a class has none that no order declares.
    """
    labels, codes = np.unique(values, return_inverse=True)
    declared = _declared_order(y) if ordinal else None
    names = [label.item() if isinstance(label, np.generic) else label for label in labels]
    counted = codes if weights is None else codes[weights > 0]
    present = len(np.unique(counted))
    if present < 2 or (declared is None and present < len(labels)):
        seen = f"{present} of {len(labels)} classes" if present >= 1 and len(labels) > 1 else "one class"
        raise DataError(f"data: y has rows of {seen} only; a classifier needs at least two classes, each with some weight")
    if declared is None:
        numeric = all(isinstance(name, bool | int | float) for name in names)
        return Classes(labels, pd.Series(pd.Categorical.from_codes(codes, names, ordered=ordinal and numeric)))
    place = {label: i for i, label in enumerate(declared)}
    levels = pd.Categorical.from_codes([place[name] for name in np.asarray(names, dtype=object)[codes]], declared, ordered=True)
    every = np.asarray(declared, dtype=None if labels.dtype.kind == "U" else labels.dtype)
    return Classes(np.unique(every), pd.Series(levels))


def _declared_order(y: Any) -> list[Any] | None:
    """Return the categories of ``y`` in the order that they declare, those without rows included; None where there is none."""
    if isinstance(y, np.ndarray | list | tuple):
        return None
    one = y.iloc[:, 0] if hasattr(y, "iloc") and getattr(y, "ndim", 1) == 2 else y
    column = to_column("y", one)
    if column.kind != "category" or not column.ordered:
        return None
    return list(with_declared_levels(column).levels or ())
