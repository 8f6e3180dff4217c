"""Coefficients that codings leave out, such as the last level's of sums to zero, in products too."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, Transform
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.core.writing import LeftOut


def left_out_of(columns: Json, products: Sequence[Sequence[Any]]) -> tuple[LeftOut, ...]:
    """Return what the codings of learned columns leave out.

    Parameters
    ----------
    columns
        As :func:`~bayesdeep.terms._packing.pack` returns them.
    products
        The products of nodes that they were learned from.
    """
    nodes = list(dict.fromkeys(factor for product in products for factor in product))
    factors = list(zip(nodes, columns["state"]["factors"], strict=True))
    found: list[LeftOut] = []
    for (name, start, stop, *_), coded in zip(columns["terms"], columns["state"]["terms"], strict=True):
        labelled = {i for piece in coded["pieces"] for i, _ in piece if _transform(*factors[i]) is not None}
        before = 0
        for piece in coded["pieces"]:
            labels, weights = _piece([(*factors[i], full) for i, full in piece], single=len(labelled) == 1)
            width = weights.shape[1]
            after = stop - start - before - width
            for label, row in zip(labels, weights, strict=True):
                if np.count_nonzero(row) != 1 or row.max() != 1.0:
                    whole = np.concatenate([np.zeros(before), row, np.zeros(after)])
                    found.append(LeftOut(name, label, tuple(whole.tolist())))
            before += width
    return tuple(found)


def _transform(node: Any, learned: Json) -> Transform | None:
    """Return what made a factor's levels or basis functions; None for one number."""
    if "learned" not in learned:
        return None
    made: Transform = TRANSFORMS[getattr(node, "function", "C")]
    return made if made.labels(learned["learned"]) is not None else None


def _piece(factors: Sequence[tuple[Any, Json, bool]], single: bool) -> tuple[list[str], np.ndarray]:
    """Return labels, those left out too, and how each is made of the columns ``(label, column)``, the first factor fastest."""
    names: list[tuple[str, ...]] = [()]
    weights = np.ones((1, 1))
    for node, learned, full in factors:
        transform = _transform(node, learned)
        if transform is None:
            continue
        own, rows = _factor(transform, learned["learned"], full)
        names = [(*left, right) for right in own for left in names]
        weights = np.kron(rows, weights)
    return [name[0] if single and name else ", ".join(name) for name in names], weights


def _factor(transform: Transform, state: Json, full: bool) -> tuple[list[str], np.ndarray]:
    """Return the labels of a factor's columns and of the one left out, and how they are made of the columns."""
    labels = transform.labels(state) or ()
    contrast = None if transform.contrasts is None else transform.contrasts(state)
    kept = labels if full or not transform.categorical else labels[1:] if contrast is None else contrast[1]
    rest = None if full or transform.left_out is None else transform.left_out(state)
    rows = np.eye(len(kept))
    if rest is None:
        return [str(label) for label in kept], rows
    return [*map(str, kept), rest[0]], np.vstack([rows, rest[1]])
