r"""Natural cubic regression splines, ``bs="cr"``: cubic between knots, straight beyond the outer ones.

Between knots :math:`\kappa_j` and :math:`\kappa_{j+1}`, :math:`h` apart, a spline with the values :math:`\beta` and the second
derivatives :math:`\gamma` at the knots is

.. math:: f(t) = a^- \beta_j + a^+ \beta_{j+1} + c^- \gamma_j + c^+ \gamma_{j+1}, \qquad
    a^- = (\kappa_{j+1} - t) / h, \quad c^- = ((\kappa_{j+1} - t)^3 / h - h (\kappa_{j+1} - t)) / 6,

:math:`a^+, c^+` the same with :math:`t - \kappa_j`. Its slope is continuous where :math:`B \gamma = D \beta`, and
:math:`\int f''(t)^2 dt = \beta^\top D^\top B^{-1} D \beta`.

Wood (2017), Generalized Additive Models: An Introduction with R, 2nd edition, section 5.3.1.
"""

import numpy as np

from bayesdeep.core.columns import Json

from ._smooth_basis import Basis, Learned


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


def features(state: Json, t: np.ndarray) -> np.ndarray:
    """Return what values and second derivatives at the knots are multiplied by ``(obs, 2 knot)``."""
    knots, x = np.asarray(state["knots"]), t[:, 0]
    count, rows = len(knots), np.arange(len(x))
    left = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, count - 2)
    gap, before, behind = knots[left + 1] - knots[left], x - knots[left], knots[left + 1] - x
    low, high = x < knots[0], x > knots[-1]
    lower, upper = (behind**3 / gap - gap * behind) / 6.0, (before**3 / gap - gap * before) / 6.0
    lower = np.where(low, -before * gap / 3.0, np.where(high, -behind * gap / 6.0, lower))
    upper = np.where(low, -before * gap / 6.0, np.where(high, -behind * gap / 3.0, upper))
    found = np.zeros((len(x), 2 * count))
    found[rows, left], found[rows, left + 1] = behind / gap, before / gap
    found[rows, count + left], found[rows, count + left + 1] = lower, upper
    return found


def _knots(k: int, given: int) -> str:
    return f"{given} knots are not the k={k} that it has" if given != k else ""


BASIS = Basis("cr", "natural cubic regression spline", 3, _knots, learn, features, straight=True)
