r"""A basis split into straight lines, which are not penalised, and columns whose coefficients have one standard deviation.

Penalised least squares with a basis :math:`X` and the penalty :math:`\lambda \delta^\top S \delta` is a normal prior. With
:math:`S = U D U^\top`, zero eigenvalues left out, :math:`X U D^{-1/2} b` has the roughness :math:`b^\top b`, so that the prior is
:math:`b \sim \text{Normal}(0, \tau^2)`. Which of the functions that differ by what is not penalised stands for them all is free;
here it is the one that is orthogonal to it over the training rows, so that a smooth's mean is 0, the straight line's
coefficient is that of the best straight line, and the rest is the departure from it. Rotated so that the columns are orthogonal
to one another as well, those of larger variance first (Demmler and Reinsch 1975, Oscillation matrices with spline smoothing,
Numerische Mathematik 24, 375-382), and scaled so that :math:`b \sim \text{Normal}(0, \sigma^2)` has over the rows the mean
variance :math:`\sigma^2`. All of it is worked out once and stored: decompositions differ between machines.
"""

import numpy as np

from bayesdeep.core.columns import Json

from ._smooth_basis import Basis

SINGULAR = 1e-13
"""A direction whose roughness is a smaller share of the roughest one's is not told from a straight line."""


def split(basis: Basis, t: np.ndarray, k: int, knots: np.ndarray | None) -> Json | None:
    """Return ``{"learned", "weights", "less"}`` from standardised variables ``(obs, variable)``; None where it is singular.

    The columns are features times ``weights`` less ``less`` times 1 and, where straight lines are not penalised, ``t``.
    """
    learned = basis.learn(t, k, knots)
    weights = learned.weights
    columns = basis.columns(learned.state, t, weights)
    unit = np.sqrt((columns**2).mean(axis=0))
    if not (np.isfinite(unit).all() and (unit > 0).all()):
        return None
    values, vectors = np.linalg.eigh(learned.penalty / np.outer(unit, unit))
    values, vectors = values[-learned.rank :], vectors[:, -learned.rank :]
    if values[0] <= SINGULAR * values[-1]:
        return None
    change = vectors / np.sqrt(values) / unit[:, None]
    weights, columns = weights @ change, columns @ change
    free = _unpenalised(basis, t)
    less = np.linalg.lstsq(free, columns)[0]
    columns = columns - free @ less
    size, turn = np.linalg.svd(columns, full_matrices=False)[1:]
    turn = turn.T / np.sqrt((size**2).sum() / len(t))
    weights, less = weights @ turn, less @ turn
    last = columns[np.lexsort(t.T[::-1])[-1]] @ turn
    sign = np.where(last < 0, -1.0, 1.0)
    return {"learned": learned.state, "weights": (weights * sign).tolist(), "less": (less * sign).tolist()}


def penalised(basis: Basis, state: Json, t: np.ndarray) -> np.ndarray:
    """Return the penalised columns ``(obs, column)``."""
    columns = basis.columns(state["learned"], t, np.asarray(state["weights"]))
    return columns - _unpenalised(basis, t) @ np.asarray(state["less"])


def _unpenalised(basis: Basis, t: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(t)), t]) if basis.straight else np.ones((len(t), 1))
