r"""Natural cubic regression splines, ``bs="cr"``: cubic between knots, straight beyond the outer ones.

The coefficients are the values :math:`\beta` at the knots. The slope is continuous there where the second derivatives
are :math:`\gamma = B^{-1} D \beta` (:mod:`bayesdeep.terms._smooth_natural`), and
:math:`\int f''(t)^2 dt = \beta^\top D^\top B^{-1} D \beta`.

Wood (2017), Generalized Additive Models: An Introduction with R, 2nd edition, section 5.3.1.
"""

import numpy as np

from bayesdeep.core.columns import Json

from .._smooth_basis import Basis, Learned, as_many
from .._smooth_natural import natural


def learn(t: np.ndarray, k: int, knots: np.ndarray | None) -> Learned:
    """Return the basis with the given knots, or ``k`` of them at quantiles of the different values."""
    at = np.quantile(np.unique(t[:, 0]), np.linspace(0.0, 1.0, k)) if knots is None else knots[:, 0]
    gaps = np.diff(at)
    inner = np.arange(k - 2)
    second = np.zeros((k - 2, k))
    second[inner, inner], second[inner, inner + 2] = 1.0 / gaps[:-1], 1.0 / gaps[1:]
    second[inner, inner + 1] = -1.0 / gaps[:-1] - 1.0 / gaps[1:]
    banded = np.diag((gaps[:-1] + gaps[1:]) / 3.0)
    if k > 3:
        banded += np.diag(gaps[1:-1] / 6.0, 1) + np.diag(gaps[1:-1] / 6.0, -1)
    curvatures = np.linalg.solve(banded, second)
    penalty = second.T @ curvatures
    weights = np.vstack([np.eye(k), np.zeros((1, k)), curvatures, np.zeros((1, k))])
    return Learned({"knots": at.tolist()}, weights, (penalty + penalty.T) / 2, k - 2)


def columns(state: Json, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the splines with values and second derivatives at the knots that are the weights ``(2 knot, spline)``."""
    count = len(state["knots"])
    return natural(t[:, 0], np.asarray(state["knots"]), weights[:count], weights[count:])


def _knots(k: int, given: int) -> str:
    return f"{given} knots are not the k={k} that it has; give k of them, or no k" if given != k else ""


BASIS = Basis("cr", "natural cubic regression spline", 3, _knots, as_many, learn, columns, straight=True)
