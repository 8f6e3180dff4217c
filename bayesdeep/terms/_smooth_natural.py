r"""Natural cubic splines from their values and second derivatives at knots: cubic between knots, straight beyond the outer ones.

Between knots :math:`\kappa_j` and :math:`\kappa_{j+1}`, :math:`h` apart, with the values :math:`\beta` and the second derivatives
:math:`\gamma` at the knots, 0 at the outer ones,

.. math:: f(t) = a^- \beta_j + a^+ \beta_{j+1} + c^- \gamma_j + c^+ \gamma_{j+1}, \qquad
    a^- = (\kappa_{j+1} - t) / h, \quad c^- = ((\kappa_{j+1} - t)^3 / h - h (\kappa_{j+1} - t)) / 6,

:math:`a^+, c^+` the same with :math:`t - \kappa_j` (Wood 2017, Generalized Additive Models, 2nd edition, section 5.3.1).
"""

import numpy as np


def natural(t: np.ndarray, knots: np.ndarray, values: np.ndarray, curvatures: np.ndarray) -> np.ndarray:
    """Return several splines at ``t``, ``(obs, spline)``; ``values`` and ``curvatures`` at the knots are ``(knot, spline)``."""
    left = np.clip(np.searchsorted(knots, t, side="right") - 1, 0, len(knots) - 2)
    gap, before, behind = knots[left + 1] - knots[left], t - knots[left], knots[left + 1] - t
    low, high = t < knots[0], t > knots[-1]
    lower, upper = (behind**3 / gap - gap * behind) / 6.0, (before**3 / gap - gap * before) / 6.0
    # Beyond the ends the tangents there, whose slopes depend on the second derivatives of the knots beside.
    lower = np.where(low, -before * gap / 3.0, np.where(high, -behind * gap / 6.0, lower))
    upper = np.where(low, -before * gap / 6.0, np.where(high, -behind * gap / 3.0, upper))
    found = (behind / gap)[:, None] * values[left] + (before / gap)[:, None] * values[left + 1]
    return found + lower[:, None] * curvatures[left] + upper[:, None] * curvatures[left + 1]
