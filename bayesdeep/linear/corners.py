r"""Coordinates of scales whose joint prior density is infinite where all of them are 0.

A prior on what many scales explain together, such as R2D2M2, has mass :math:`O(r^d)` within a distance :math:`r` of that corner,
so that its density there is about :math:`r^{d - K}` for :math:`K` scales: no mode is to be found, and no proposal covers it. With
:math:`z_k = \sinh|x_k|`, the radius :math:`\rho^2 = \sum_k w_k z_k^2` and

.. math:: s_k = u_k z_k h(\rho), \qquad h(\rho) = \left(\frac{\rho^2}{1 + \rho^2}\right)^{c / 2}, \qquad c = K / d - 1 ,

the density of :math:`x` is bounded. The weights :math:`w_k`, which sum to 1, are the squares of what each scale adds to the
total where the units are, so that a scale that makes up most of it decides on :math:`\rho`, and others are left in their units.
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.linear import LinearSystem

LEAST_POWER = 0.05
"""Powers of the radius below which the corner is left as it is."""
NEAR, NEARER = 1e-6, 1e-8
"""Of likely values, where the density's power is looked at."""
STEPS = 60


@dataclass(frozen=True)
class Corner:
    """Scales that are 0 together: their places, the weights of their squares, and the power ``c``."""

    places: tuple[int, ...]
    weights: tuple[float, ...]
    power: float

    def log_shrink(self, log_z: np.ndarray) -> np.ndarray:
        """Return ``log h`` ``(batch,)`` at logarithms of ``z`` ``(batch, dim)``."""
        return 0.5 * self.power * -np.logaddexp(0.0, -self._log_squares(log_z))

    def log_unshrunk(self, log_s: np.ndarray) -> np.ndarray:
        """Return ``log h`` ``(batch,)`` at logarithms of ``s / u`` ``(batch, dim)``, of which ``z`` is that less."""
        target = self._log_squares(log_s)
        # q = log rho^2 solves q - c log(1 + exp(-q)) = target, which rises, and falls short of its tangent.
        q = np.where(target > 0, target, target / (1.0 + self.power))
        for _ in range(STEPS):
            away = q - self.power * np.logaddexp(0.0, -q) - target
            q = q - away / (1.0 + self.power / (1.0 + np.exp(np.minimum(q, 700.0))))
        return 0.5 * self.power * -np.logaddexp(0.0, -q)

    def log_jacobian(self, log_z: np.ndarray) -> np.ndarray:
        """Return the log determinant of ``s / u`` by ``z`` ``(batch,)``."""
        squares = np.exp(np.minimum(self._log_squares(log_z), 700.0))
        return len(self.places) * self.log_shrink(log_z) + np.log1p(self.power / (1.0 + squares))

    def _log_squares(self, log_z: np.ndarray) -> np.ndarray:
        return np.logaddexp.reduce(2.0 * log_z[:, list(self.places)] + np.log(self.weights), axis=1)


def corners_of(system: LinearSystem, units: np.ndarray) -> tuple[Corner, ...]:
    """Return the corners of a system's joint priors whose scales are all in ``units`` ``(dim,)``, not a number for others."""
    found = []
    for joint in system.joint:
        places = list(joint.scales)
        if np.isnan(units[places]).any():
            continue
        point = np.zeros((1, system.dim))
        point[0, places] = np.log(units[places])
        if joint.over.index is not None:
            point[0, joint.over.index] = np.log(system.hyperparameters[joint.over.index].start)
        values = joint.values(point)
        near, nearer = (float(joint.log_density(values * share)[0]) for share in (NEAR, NEARER))
        power = (nearer - near) / np.log(NEARER / NEAR)
        if power < -LEAST_POWER:
            weights = values[0] ** 2 / (values[0] ** 2).sum()
            found.append(Corner(tuple(places), tuple(float(w) for w in weights), -power / (len(places) + power)))
    return tuple(found)
