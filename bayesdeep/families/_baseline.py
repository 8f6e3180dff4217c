r"""A baseline hazard that is a linear spline in time, with coefficients that sum to 1.

Between knots :math:`t_1 < \dots < t_K` the hazard is :math:`h_0(t) = \sum_k \gamma_k M_k(t)`, where :math:`M_k` is the hat
function about knot :math:`k` over its area, an M-spline of order 2 (Ramsay 1988, https://doi.org/10.1214/ss/1177012761).
Beyond the last knot it stays what it is there; before the first, which is 0 unless all rows enter later, there is none. The
shares :math:`\gamma` are positive and sum to 1, so that :math:`H_0(t_K) = 1`: how large the hazard is the intercept says. The
cumulative hazard is a quadratic between knots, whose inverse is one formula: quantiles and new lifetimes are exact.

Functions take ``xp``, NumPy or PyTensor's tensor module: the same lines serve graphs and arrays.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

TINY = 1e-300
NODES = 8
FAR = 12.0
"""Cumulative hazard within a piece beyond which a mean is not summed up: of survival exp(-12) is left."""


@dataclass(frozen=True)
class Baseline:
    """The knots ``(knot,)``, increasing, the first at 0 or above; at least two."""

    knots: tuple[float, ...]

    @cached_property
    def starts(self) -> np.ndarray:
        """Return where pieces begin ``(piece,)``."""
        return np.array(self.knots[:-1])

    @cached_property
    def widths(self) -> np.ndarray:
        """Return how long pieces are ``(piece,)``."""
        return np.diff(self.knots)

    @cached_property
    def areas(self) -> np.ndarray:
        """Return the areas of the hat functions ``(knot,)``."""
        zero = np.zeros(1)
        return 0.5 * (np.concatenate([self.widths, zero]) + np.concatenate([zero, self.widths]))

    def hazard_basis(self, xp: Any, time: Any) -> Any:
        """Return what each share adds to the hazard at times ``(…, 1)``: ``(…, knot)``."""
        part = xp.clip(time - self.starts, 0.0, self.widths) / self.widths
        first = xp.ones_like(part[..., :1])
        rising = xp.concatenate([first, part], axis=-1)
        falling = xp.concatenate([part, xp.zeros_like(first)], axis=-1)
        return xp.where(time < self.knots[0], 0.0, rising - falling) / self.areas

    def cumulative_basis(self, xp: Any, time: Any) -> Any:
        """Return what each share adds to the cumulative hazard at times ``(…, 1)``, at least 0: ``(…, knot)``."""
        part = xp.clip(time - self.starts, 0.0, self.widths)
        rise = 0.5 * part**2 / self.widths
        zero = xp.zeros_like(part[..., :1])
        after = xp.maximum(time - self.knots[-1], 0.0)
        found = xp.concatenate([part - rise, after + zero], axis=-1) + xp.concatenate([zero, rise], axis=-1)
        return found / self.areas

    def heights(self, shares: Any) -> list[Any]:
        """Return the hazards at the knots, each ``(…)``, from shares ``(…, knot)``."""
        return [shares[..., k] / area for k, area in enumerate(self.areas)]

    def inverse(self, xp: Any, cumulative: Any, shares: Any) -> Any:
        r"""Return the times ``(…)`` at which the cumulative hazard is ``cumulative``.

        Every piece adds the time it takes to pile up its part: :math:`2 x / (h + \sqrt{h^2 + 2 s x})` for a hazard that
        begins at :math:`h` and has the slope :math:`s`.
        """
        heights, left = self.heights(shares), cumulative
        found = self.knots[0]
        for low, high, width in zip(heights[:-1], heights[1:], self.widths, strict=True):
            whole = 0.5 * width * (low + high)
            part = xp.clip(left, 0.0, whole)
            root = xp.sqrt(xp.maximum(low**2 + 2.0 * (high - low) / width * part, 0.0))
            found = found + xp.minimum(2.0 * part / (low + root + TINY), width)
            left = left - whole
        return found + xp.maximum(left, 0.0) / (heights[-1] + TINY)

    def mean(self, xp: Any, factor: Any, shares: Any) -> Any:
        r"""Return :math:`\int_0^\infty \exp(-f H_0(t))\,dt` ``(…)`` for factors :math:`f`: the mean lifetime."""
        return self.left(xp, factor, shares, 0.0)

    def left(self, xp: Any, factor: Any, shares: Any, start: Any) -> Any:
        r"""Return :math:`\int_s^\infty \exp(-f (H_0(t) - H_0(s)))\,dt` ``(…)``: the mean time left of who is alive at ``start``.

        Gauss-Legendre in every piece, as far as survival within the piece is above :math:`e^{-12}`; in closed form outside.
        """
        heights = self.heights(shares)
        places, weights = np.polynomial.legendre.leggauss(NODES)
        places, weights = 0.5 * (places + 1.0), 0.5 * weights
        found, passed = xp.maximum(self.knots[0] - start, 0.0), 0.0
        ends = zip(self.knots[:-1], heights[:-1], heights[1:], self.widths, strict=True)
        for knot, height, high, whole in ends:
            bend, over = (high - height) / whole, xp.clip(start - knot, 0.0, whole)
            low, width = height + bend * over, whole - over
            enough = xp.minimum(FAR / (factor + TINY), 0.5 * width * (low + high))
            root = xp.sqrt(xp.maximum(low**2 + 2.0 * bend * enough, 0.0))
            span = xp.minimum(2.0 * enough / (low + root + TINY), width)
            total = 0.0
            for place, weight in zip(places, weights, strict=True):
                at = place * span
                total = total + weight * xp.exp(-passed - factor * (low + 0.5 * bend * at) * at)
            found = found + span * total
            passed = passed + 0.5 * factor * width * (low + high)
        return found + xp.exp(-passed) / (factor * heights[-1] + TINY)
