r"""Gaussian processes by dense algebra: roots of their covariance at places, and values elsewhere given those there.

Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, MIT Press, equations 2.19 and 2.23 to 2.24.
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from bayesdeep.core.effects import Process

LEAST_PIVOT = 1e-15
"""Share of a process's variance below which what a place has to itself, given others, is rounding."""


def lower_roots(matrices: np.ndarray) -> np.ndarray:
    """Return lower-triangular roots of matrices ``(batch, n, n)``, not a number where there is none."""
    found = np.full_like(matrices, np.nan)
    for k, matrix in enumerate(matrices):
        if np.isfinite(matrix).all():
            try:
                found[k] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                continue
    return found


def process_roots(law: Process, values: Sequence[np.ndarray]) -> np.ndarray:
    """Return roots ``(batch, place, place)`` of a process's covariance at its places.

    Parameters
    ----------
    values
        Of the law's slots ``(batch,)`` each, the sd first.
    """
    sd, *others = (np.asarray(value, dtype=np.float64)[:, None, None] for value in values)
    with np.errstate(all="ignore"):
        return np.asarray(sd * lower_roots(law.correlations(others, np)))


def drawn_elsewhere(
    law: Process, values: Sequence[np.ndarray], known: np.ndarray, there: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    r"""Return a process's values at other places ``(draw, there)``, drawn together given those at its own.

    What it counts from, :math:`c = w^\top f`, is no part of what is known, :math:`u = f - c`. It is drawn first, and is normal
    with mean :math:`-1^\top R^{-1} u / 1^\top R^{-1} 1` and variance :math:`s^2 / 1^\top R^{-1} 1`.

    Parameters
    ----------
    values
        Of the law's slots ``(draw,)`` each, the sd first.
    known
        The process at its own places, counted from its average ``(draw, place)``.
    there
        The other places ``(there, variable)``.
    """
    sd, *others = (np.asarray(value, dtype=np.float64) for value in values)
    found = np.empty((len(known), len(there)))
    # Correlations do not depend on the sd: draws with the other numbers in common share one factorisation.
    each, which = np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    for own, draws in zip(each, np.split(order, np.cumsum(np.bincount(which.ravel()))[:-1]), strict=True):
        at = list(own)
        root = lower_roots(law.correlations(at, np)[None])[0]
        across = solve_triangular(root, law.alike(at, law.places, there, np), lower=True, check_finite=False)
        left = _root_of_what_is_left(law.alike(at, there, there, np) - across.T @ across)
        whole, level = known[draws], np.zeros(len(draws))
        if law.average.any():
            ones = solve_triangular(root, np.ones(len(root)), lower=True, check_finite=False)
            seen = solve_triangular(root, known[draws].T, lower=True, check_finite=False)
            level = (sd[draws] * np.sqrt(ones @ ones) * rng.standard_normal(len(draws)) - ones @ seen) / (ones @ ones)
            whole = whole + level[:, None]
        mean = solve_triangular(root, whole.T, lower=True, check_finite=False).T @ across
        noise = rng.standard_normal((len(draws), left.shape[1])) @ left.T
        found[draws] = mean + sd[draws, None] * noise - level[:, None]
    return found


def _root_of_what_is_left(covariance: np.ndarray) -> np.ndarray:
    """Return a root ``(there, rank)`` of a covariance that may be singular, as of two places next to each other."""
    lower, pivots, rank, _ = dpstrf(covariance, lower=1, tol=LEAST_PIVOT)
    found = np.empty((len(covariance), rank))
    found[pivots - 1] = np.tril(lower)[:, :rank]
    return found
