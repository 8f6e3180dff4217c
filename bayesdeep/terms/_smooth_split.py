r"""A basis split into straight lines, which are not penalised, and columns whose coefficients have one standard deviation.

Penalised least squares with a basis :math:`X` and the penalty :math:`\lambda \delta^\top S \delta` is a normal prior.
With :math:`S = U D U^\top`, zero eigenvalues left out, :math:`X U D^{-1/2} b` has the roughness :math:`b^\top b`, so
that the prior is :math:`b \sim \text{Normal}(0, \tau^2)`. Which of the functions that differ by what is not penalised
stands for them all is free; here it is the one that is orthogonal to it over the training rows, so that a smooth's
mean is 0, the straight line's coefficient is that of the best straight line, and the rest is the departure from it.
Rotated so that the columns are orthogonal to one another as well, those of larger variance first (Demmler and Reinsch
1975, Oscillation matrices with spline smoothing, Numerische Mathematik 24, 375-382), and scaled so that
:math:`b \sim \text{Normal}(0, \sigma^2)` has over the rows the mean variance :math:`\sigma^2`. All of it is worked
out once and stored: decompositions differ between machines.

A smooth may be of parts, each the same functions times a column of its own (``by=``): a number's values, or 1 in the rows of
one level and 0 in the others. A part is split by itself, over the rows where it is not 0.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from bayesdeep.core.columns import Json

from ._smooth_basis import Basis

SINGULAR = 1e-13
"""A direction whose roughness is a smaller share of the roughest one's is not told from a straight line."""
ALIKE = 1e-6
"""Singular values that differ by a smaller share are of functions that could as well be others in their span."""

FAR = 0.3
"""Share of its largest value at which a function is far from 0."""


def split(basis: Basis, t: np.ndarray, k: int, knots: np.ndarray | None, parts: Sequence[np.ndarray]) -> Json | None:
    """Return ``{"learned", "weights", "parts"}`` from standardised variables ``(obs, variable)``; None where it is singular.

    ``parts`` are the columns ``(obs,)`` by which the functions are multiplied. A part's columns are features times ``weights``
    times its ``"turn"``, less its ``"less"`` times 1 and, where straight lines are not penalised, ``t``.
    """
    # The order of the rows must not even decide how sums are rounded.
    order = np.lexsort((*parts, *t.T[::-1]))
    t, parts = t[order], [times[order] for times in parts]
    learned = basis.learn(t, k, knots)
    weights = learned.weights
    columns = basis.columns(learned.state, t, weights)
    unit = np.sqrt((columns**2).mean(axis=0))
    if not (np.isfinite(unit).all() and unit.max() > 0):
        return None
    # A function that is 0 in all rows, such as a B-spline in a gap between them, is known by its neighbours alone.
    unit = np.where(unit > 0, unit, unit.max())
    values, vectors = np.linalg.eigh(learned.penalty / np.outer(unit, unit))
    values, vectors = values[-learned.rank :], vectors[:, -learned.rank :]
    if values[0] <= SINGULAR * values[-1]:
        return None
    change = vectors / np.sqrt(values) / unit[:, None]
    weights, columns = weights @ change, columns @ change
    found = [_part(t, unpenalised(basis, t), columns, times) for times in parts]
    return {"learned": learned.state, "weights": weights.tolist(), "parts": found}


def _part(t: np.ndarray, free: np.ndarray, columns: np.ndarray, times: np.ndarray) -> Json:
    there = np.flatnonzero(times)
    t, free, columns, times = t[there], free[there], columns[there], times[there, None]
    less = np.linalg.lstsq(free * times, columns * times)[0]
    bare = columns - free @ less
    # As many rows as columns, for all directions, also those that no row says anything of.
    padded = np.vstack([bare * times, np.zeros((max(columns.shape[1] - len(t), 0), columns.shape[1]))])
    size, turn = np.linalg.svd(padded, full_matrices=False)[1:]
    turn = _one_way(size, turn.T, bare, t) / np.sqrt((size**2).sum() / len(t))
    values = bare @ turn
    # A function goes up where it is last far from 0; at the very end a sine has no sign.
    far = np.abs(values) > FAR * np.abs(values).max(axis=0)
    last = len(t) - 1 - np.argmax(far[::-1], axis=0)
    sign = np.where(values[last, np.arange(len(last))] < 0, -1.0, 1.0)
    return {"turn": (turn * sign).tolist(), "less": (less @ turn * sign).tolist()}


def _one_way(size: np.ndarray, turn: np.ndarray, bare: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the directions with those of one size, which may be any of their span, as the powers of ``t`` have them.

    A cyclic basis on even knots has sines and cosines of one size.
    """
    turn, starts = turn.copy(), [0, *(np.flatnonzero(-np.diff(size) > ALIKE * size[:-1]) + 1), len(size)]
    for start, stop in pairwise(starts):
        if stop - start > 1 and size[start] > ALIKE * size[0]:
            own = turn[:, start:stop]
            powers = t[:, :1] ** np.arange(1, stop - start + 1)
            turn[:, start:stop] = own @ np.linalg.qr((bare @ own).T @ powers)[0]
    return turn


def penalised(basis: Basis, state: Json, t: np.ndarray) -> Iterator[np.ndarray]:
    """Yield each part's penalised columns ``(obs, column)``, not yet multiplied by the part's own."""
    columns = basis.columns(state["learned"], t, np.asarray(state["weights"]))
    for part in state["parts"]:
        yield columns @ np.asarray(part["turn"]) - unpenalised(basis, t) @ np.asarray(part["less"])


def unpenalised(basis: Basis, t: np.ndarray) -> np.ndarray:
    """Return constant and, where they are not penalised, straight lines ``(obs, column)``."""
    return np.column_stack([np.ones(len(t)), t]) if basis.straight else np.ones((len(t), 1))
