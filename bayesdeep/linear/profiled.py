r"""What a log marginal density is made of, so that scale and population coefficients can be worked out instead of searched for.

With everything in units of the residual standard deviation :math:`\sigma` the density of a response depends on it through
:math:`-n \log \sigma - r^2 / (2 \sigma^2)` alone, where :math:`r^2` is what is left when the coefficients are at their mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtrs

from .elimination import LOG_2PI

SMALL = 12
"""Columns of a factor up to which NumPy solves many at once."""


@dataclass(frozen=True)
class Parts:
    """The log marginal density in parts.

    Attributes
    ----------
    value
        All of it ``(batch,)``, population coefficients integrated out as others are.
    left
        The squares that no coefficient explains ``(batch,)``, over the residual variance.
    inverse
        Inverse precision of the population coefficients ``(batch, column, column)``, the others integrated out.
    """

    value: np.ndarray
    left: np.ndarray
    inverse: np.ndarray

    @property
    def at_population_mode(self) -> np.ndarray:
        """Return the log density ``(batch,)`` with the population coefficients at their mode, under a flat prior of theirs."""
        if not self.inverse.shape[1]:
            return self.value
        sign, log_det = np.linalg.slogdet(self.inverse)
        there = (sign > 0) & np.isfinite(log_det) & np.isfinite(self.value)
        found = self.value - 0.5 * self.inverse.shape[1] * LOG_2PI - 0.5 * np.where(there, log_det, 0.0)
        return np.where(there, found, -np.inf)


def parts_of(value: np.ndarray, left: np.ndarray, lower: np.ndarray, columns: int) -> Parts:
    """Return the parts from the factor of the precision ``(batch, n, n)``, whose first ``columns`` are the population's."""
    first = np.eye(lower.shape[1], columns)
    if lower.shape[1] <= SMALL:
        half = np.linalg.solve(lower, np.broadcast_to(first, (len(lower), *first.shape))) if columns else lower[:, :, :0]
    else:
        half = np.stack([dtrtrs(one.T, first, lower=0, trans=1)[0] for one in lower])
    return Parts(value, left, half.transpose(0, 2, 1) @ half)


def nothing(columns: int) -> Parts:
    """Return the parts where the precision has no factor."""
    return Parts(np.full(1, -np.inf), np.full(1, np.inf), np.zeros((1, columns, columns)))


NOTHING = nothing(0)


def joined(parts: Sequence[Parts]) -> Parts:
    """Return parts one after another."""
    if len(parts) == 1:
        return parts[0]
    return Parts(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "left", "inverse")))
