"""The Gaussian of a model's coefficients given hyperparameters, group by group in NumPy, on coefficients in a flat layout.

The interface of :mod:`.by_columns`, for machines without a compiler and for systems that are better factorised densely.
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.hyperparameters import Scales

from .flat_layout import Layout
from .newton_step import Coefficients, Factored, factorise, solve, standardised, unstandardised, whitened_gradient
from .weighted_products import Products, Sums


@dataclass(frozen=True)
class Placed:
    """Factors at some hyperparameters; as those of :class:`.by_columns.Placed`."""

    scales: Scales
    factored: Factored

    @property
    def half_log_det(self) -> np.ndarray:
        """Return half the log determinant of the precision of standardised coefficients ``(lane,)``."""
        return self.factored.half_log_det

    @property
    def good(self) -> np.ndarray:
        """Return which have one ``(lane,)``."""
        return self.factored.good


@dataclass(frozen=True)
class ByBlocks:
    """The Gaussian of all coefficients, in the order of a layout."""

    system: LinearSystem
    layout: Layout
    products: Products

    def factorise(self, scales: Scales, sums: Sums) -> Placed:
        """Return the factors at hyperparameters, for sums over rows."""
        return Placed(scales, factorise(self.products, self.system, scales, sums))

    def effects(self, placed: Placed, z: np.ndarray | None, stretch: np.ndarray | None) -> np.ndarray:
        """Return coefficients ``(coefficient, lane)``: the mean, or the draw that standard normal ``z`` makes."""
        noise = None
        if z is not None:
            columns, *standard = self.layout.split(z if stretch is None else z * stretch[:, None])
            noise = Coefficients(columns, tuple(standard))
        at = solve(self.products, self.system, placed.scales, placed.factored, noise)
        return self.layout.flat(at.beta, tuple(unstandardised(placed.scales, f, b) for f, b in enumerate(at.standard)))

    def log_prior(self, placed: Placed, z: np.ndarray, effects: np.ndarray, stretch: np.ndarray | None) -> np.ndarray:
        """Return the log prior density ``(lane,)``, without the constants of standardised effects."""
        del z, stretch
        return self._log_prior(self._standardised(placed, effects))

    def white(
        self, placed: Placed, slope: np.ndarray, z: np.ndarray, effects: np.ndarray, stretch: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density, and the gradient of the log posterior by ``z`` ``(coefficient, lane)``."""
        del z
        at = self._standardised(placed, effects)
        white = whitened_gradient(self.products, self.system, placed.scales, placed.factored, slope, at)
        found = self.layout.flat(white.beta, white.standard)
        return self._log_prior(at), found if stretch is None else found * stretch[:, None]

    def _log_prior(self, at: Coefficients) -> np.ndarray:
        quadratic = np.einsum("bi,ij,bj->b", at.beta, self.system.precision, at.beta)
        standard = sum((np.einsum("blw,blw->b", b, b) for b in at.standard), start=np.zeros(len(at.beta)))
        return self.system.prior_constant - 0.5 * quadratic - 0.5 * standard

    def _standardised(self, placed: Placed, effects: np.ndarray) -> Coefficients:
        columns, *tables = self.layout.split(effects)
        return Coefficients(columns, standardised(placed.scales, tuple(tables)))
