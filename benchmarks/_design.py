"""A card and a data frame to the arrays that models written by hand start from.

Written without bayesdeep's own design code, so that the tools agree only if both are right.
"""

from typing import Any

import numpy as np

from ._cards import Card, indexed


def design(card: Card, frame: Any) -> dict[str, np.ndarray]:
    """Return the model's arrays.

    Returns
    -------
    dict
        ``y`` ``(row,)``, ``trials`` where there are any, ``X`` ``(row, column)`` with ``X_names`` and ``X_slots`` (the
        prior's key), and for group k ``codes_k`` ``(row,)``, ``levels_k``, ``Z_k`` ``(row, coefficient)`` and
        ``Z_k_names`` of two columns: the term and the level, empty for numbers.
    """
    found = {"y": frame[card.response].to_numpy().astype(np.float64)}
    if card.trials is not None:
        found["trials"] = frame[card.trials].to_numpy().astype(np.float64)
    parts = [part for name in card.population for part in columns(frame, name)]
    found["X"] = _stack([values for _, _, values in parts], len(frame))
    found["X_names"] = np.array([indexed(name, label) for name, label, _ in parts], dtype=str)
    found["X_slots"] = np.array([name for name, _, _ in parts], dtype=str)
    for k, group in enumerate(card.groups):
        codes, levels = group_codes(frame, group.factor)
        terms = [part for name in group.coefficients for part in columns(frame, name)]
        found[f"codes_{k}"], found[f"levels_{k}"] = codes, levels
        found[f"Z_{k}"] = _stack([values for _, _, values in terms], len(frame))
        found[f"Z_{k}_names"] = np.array([(name, label or "") for name, label, _ in terms], dtype=str)
    return found


def columns(frame: Any, name: str) -> list[tuple[str, str | None, np.ndarray]]:
    """Return name, level and values of a term's columns; text and categories are coded against their first level."""
    import pandas as pd

    if name == "1":
        return [("1", None, np.ones(len(frame)))]
    column = frame[name]
    if pd.api.types.is_numeric_dtype(column):
        return [(name, None, column.to_numpy().astype(np.float64))]
    categories = column.cat.categories if hasattr(column, "cat") else sorted(column.unique())
    return [(name, str(c), (column == c).to_numpy().astype(np.float64)) for c in list(categories)[1:]]


def group_codes(frame: Any, factor: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's group as a number, and the groups' labels."""
    label = frame[factor[0]].astype(str)
    for name in factor[1:]:
        label = label + ":" + frame[name].astype(str)
    levels, codes = np.unique(label.to_numpy().astype(str), return_inverse=True)
    return codes.astype(np.int64), levels


def _stack(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.column_stack(parts) if parts else np.zeros((rows, 0))
