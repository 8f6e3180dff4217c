r"""Thin plate regression splines, ``bs="tp"``.

The smoothest functions through given values, by their curvature :math:`\int f''(t)^2 dt`, are
:math:`f(t) = \sum_j w_j \eta(|t - t_j|) + \alpha_0 + \alpha_1 t` with :math:`\eta(r) = r^3 / 12` and
:math:`\sum_j w_j = \sum_j w_j t_j = 0`, of curvature :math:`w^\top E w`, :math:`E_{ij} = \eta(|t_i - t_j|)`. Of the
weights only the :math:`k` directions are kept that change such a function most: eigenvectors of :math:`E` with the
largest eigenvalues in size.

Wood (2003), Thin plate regression splines, Journal of the Royal Statistical Society B 65(1), 95-114,
doi:10.1111/1467-9868.00374.
"""

import numpy as np

from bayesdeep.core.columns import Json

from .._smooth_basis import FUNCTIONS, Basis, Learned
from .._smooth_natural import natural

MOST_PLACES = 2_000
"""Different values of which a function is made; of more, as many are chosen at random."""
DENSE = 400
"""Places up to which all eigenvalues are worked out."""
SEED = 1


def learn(t: np.ndarray, k: int, knots: np.ndarray | None) -> Learned:
    """Return the basis of the different rows of ``t``, or of the knots."""
    places = np.unique(t, axis=0) if knots is None else knots
    if len(places) > MOST_PLACES:
        chosen = np.random.default_rng(SEED).choice(len(places), MOST_PLACES, replace=False)
        places = places[np.sort(chosen)]
    values, vectors = _largest(_kernel(places, places), k)
    polynomials = np.column_stack([np.ones(len(places)), places])
    # Weights that no constant and no straight line could be made of.
    free = np.linalg.qr(vectors.T @ polynomials, mode="complete")[0][:, polynomials.shape[1] :]
    penalty = free.T @ (values[:, None] * free)
    return Learned({"places": places.tolist()}, vectors @ free, (penalty + penalty.T) / 2, len(penalty))


def columns(state: Json, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
    r"""Return functions whose kernels have the weights ``(place, function)``.

    Of one variable they are natural cubic splines with a knot at every place: :math:`\eta''(r) = r / 2`.
    """
    places = np.asarray(state["places"])
    curvatures = np.abs(places - places.T) @ weights / 2.0
    curvatures[[0, -1]] = 0.0
    return natural(t[:, 0], places[:, 0], _kernel(places, places) @ weights, curvatures)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distance = np.abs(a - b.T)
    return distance * distance * distance / 12.0


def _largest(kernel: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues that are largest in size ``(value,)``, and their vectors ``(place, value)``."""
    if len(kernel) <= max(DENSE, 2 * count):
        values, vectors = np.linalg.eigh(kernel)
    else:
        from scipy.sparse.linalg import eigsh

        start = np.random.default_rng(SEED).standard_normal(len(kernel))
        values, vectors = eigsh(kernel, count, which="LM", v0=start, tol=0)
    largest = np.argsort(-np.abs(values), kind="stable")[:count]
    return values[largest], vectors[:, largest]


def _knots(k: int, given: int) -> str:
    return f"{given} knots are too few for k={k}; give at least k of them, or no k" if given < k else ""


def _count(given: int) -> int:
    return min(FUNCTIONS, given)


BASIS = Basis("tp", "thin plate regression spline", 3, _knots, _count, learn, columns, straight=True)
