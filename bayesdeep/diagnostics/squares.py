r"""Squared norms of components of a random function, and what of them is more than the noise of its posterior draws.

A share cannot be negative, so that every posterior draw of an interaction that is not there has a positive one. Write a draw's
component as :math:`m + e_a` with :math:`m` the posterior mean. Products of *different* draws average to :math:`\|m\|^2`,
what all draws agree on; a draw's own square is :math:`\|m + e_a\|^2`. With data that say nothing about the component, :math:`m`
itself is noise, not larger than the :math:`e_a`, so that

.. math:: d_a = \|m\|^2 + 2 \langle m, e_a \rangle - \operatorname{E} \|e\|^2

is 0 or less on average, while for a component that is well determined it varies as the draws' own squares do. With the same for
the whole function, :math:`D_a` (noise in many components adds up to a variance that is not the function's), reported are

* ``share``: :math:`\|m\|^2` over that of the whole function, the shares of the posterior mean;
* ``lower``: the 5 % quantile of :math:`d_a / D_a`, or 0 where that is negative. It is 0 unless the mean stands out of the
  posterior's spread;
* ``upper``: the 95 % quantile of :math:`\|m + e_a\|^2 / D_a`, or 1.
"""

from dataclasses import dataclass

import numpy as np

TAIL = 0.05
LEAST_KNOWN = 0.1
"""Part of a function's variance that is taken to be more than noise at least."""
ROUNDING = 1e-15
"""Shares that differences of rounded numbers have."""


@dataclass(frozen=True)
class Share:
    """A component's share of the function's variance, and its interval."""

    share: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Squares:
    """Squared norms of a component, by draw ``(draw,)``.

    Attributes
    ----------
    own
        Of each draw.
    cross
        Mean product of each draw with the other draws; NaN if there are none.
    """

    own: np.ndarray
    cross: np.ndarray

    def __add__(self, other: "Squares") -> "Squares":
        return Squares(self.own + other.own, self.cross + other.cross)

    def over(self, divisor: float) -> "Squares":
        """Return them divided by a number."""
        return Squares(self.own / divisor, self.cross / divisor)

    @property
    def without_noise(self) -> np.ndarray:
        """Return the draws' squares less what noise adds to them ``(draw,)``."""
        return 2.0 * self.cross - self.own.mean()


def squares(parts: np.ndarray) -> Squares:
    """Return sums of squares over points of a component ``(draw, background, point)``.

    There are two or more independent backgrounds; only products of different ones are used.
    """
    draws, backgrounds, _ = parts.shape
    pairs = backgrounds * (backgrounds - 1)
    total, mean = parts.sum(axis=1), parts.mean(axis=0)
    own = (np.einsum("sp,sp->s", total, total) - np.einsum("skp,skp->s", parts, parts)) / pairs
    with_mean = (total @ mean.sum(axis=0) - np.einsum("skp,kp->s", parts, mean)) / pairs
    # Without a draw's product with itself.
    cross = (draws * with_mean - own) / (draws - 1) if draws > 1 else np.full(1, np.nan)
    return Squares(own, cross)


def share_of(part: Squares, whole: Squares) -> Share:
    """Return a component's share of the whole function, see the module."""
    size = float(whole.own.mean())
    if not size > 0:
        return Share(0.0, 0.0, 0.0)
    if len(part.own) == 1:
        return Share(_counted(float(part.own[0]) / size), float("nan"), float("nan"))
    # Where next to nothing is known of the function, nothing is of shares: bounds are then far apart.
    unit = np.maximum(whole.without_noise, LEAST_KNOWN * size)
    share = _counted(float(part.cross.mean()) / max(float(whole.cross.mean()), LEAST_KNOWN * size))
    lower = _counted(float(np.quantile(part.without_noise / unit, TAIL)))
    upper = _counted(float(np.quantile(part.own / unit, 1.0 - TAIL)))
    return Share(share, min(lower, share), max(upper, share))


def _counted(share: float) -> float:
    """Return a share between 0 and 1, 0 where it is a rounding error."""
    return min(share, 1.0) if share > ROUNDING else 0.0
