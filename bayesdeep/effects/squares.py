r"""Squared norms of components of a random function, and what of them is more than the noise of its posterior draws.

A share cannot be negative, so that every posterior draw of an interaction that is not there has a positive one. Write a draw's
component as :math:`m + e_a` with :math:`m` the posterior mean. Products of *different* draws average to :math:`\|m\|^2`,
what all draws agree on; a draw's own square is :math:`\|m + e_a\|^2`. With data that say nothing about the component, :math:`m`
itself is noise, not larger than the :math:`e_a`, so that

.. math:: d_a = \|m\|^2 + 2 \langle m, e_a \rangle - \operatorname{E} \|e\|^2

is 0 or less on average, while for a component that is well determined it varies as the draws' own squares do. With the same for
the whole function, :math:`D_a` (noise in many components adds up to a variance that is not the function's), reported are

* ``share``: :math:`\|m\|^2` over that of the whole function, the shares of the posterior mean;
* ``lower``: the 5 % quantile of :math:`d_a / (D_a + N)`, or 0 where that is negative. It is 0 unless the mean stands out of the
  posterior's spread. :math:`N` is the noise of all other components, which the share is of as well: without it the bound of a
  component that is known, among many that are not, would lie above its share;
* ``upper``: the 95 % quantile of :math:`\|m + e_a\|^2 / D_a`, or 1.

**Monte Carlo error.** All these are means over samples of inputs. Each is found again without one of a few groups of the
sample, and the differences between these (Tukey's jackknife) are the standard error :math:`s` of the share. Its bounds are
moved away from it: from a distance :math:`h` to :math:`\sqrt{h^2 + t^2 s^2}`, with :math:`t` the 95 % quantile of Student's t
distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

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
    without
        The same without each group of the sample, for its Monte Carlo error; none where there is none.
    """

    own: np.ndarray
    cross: np.ndarray
    without: tuple["Squares", ...] = ()

    def __add__(self, other: "Squares") -> "Squares":
        without = tuple(a + b for a, b in zip(self.without, other.without, strict=True))
        return Squares(self.own + other.own, self.cross + other.cross, without)

    def over(self, divisor: float) -> "Squares":
        """Return them divided by a number."""
        return Squares(self.own / divisor, self.cross / divisor, tuple(part.over(divisor) for part in self.without))

    def known_by(self, others: "Sequence[Squares]") -> "Squares":
        """Return them with those that leave groups of the sample out."""
        return Squares(self.own, self.cross, tuple(others))

    @property
    def noise(self) -> float:
        """Return what noise adds to the draws' squares on average."""
        return float(self.own.mean() - self.cross.mean())

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
    share = _counted(_of_mean(part, whole))
    if len(part.own) == 1:
        return Share(share, float("nan"), float("nan"))
    # Where next to nothing is known of the function, nothing is of shares: bounds are then far apart.
    least = LEAST_KNOWN * size
    most, unit = whole.without_noise + max(whole.noise - part.noise, 0.0), whole.without_noise
    lower = min(float(np.quantile(part.without_noise / np.maximum(most, least), TAIL)), share)
    upper = max(float(np.quantile(part.own / np.maximum(unit, least), 1.0 - TAIL)), share)
    away = monte_carlo_error(part, whole)
    lower, upper = share - float(np.hypot(share - lower, away)), share + float(np.hypot(upper - share, away))
    return Share(share, _counted(lower), _counted(upper))


def monte_carlo_error(part: Squares, whole: Squares) -> float:
    """Return half the width of the 90 % interval of a share that comes of having this sample of inputs and no other."""
    groups = len(part.without)
    if groups < 2:
        return 0.0
    found = np.array([_of_mean(a, b) for a, b in zip(part.without, whole.without, strict=True)])
    error = np.sqrt((groups - 1) / groups * ((found - found.mean()) ** 2).sum())
    return float(student.ppf(1.0 - TAIL, groups - 1) * error)


def _of_mean(part: Squares, whole: Squares) -> float:
    """Return the share of the posterior mean, or of the only draw."""
    size = float(whole.own.mean())
    if not size > 0:
        return 0.0
    if len(part.own) == 1:
        return float(part.own[0]) / size
    return float(part.cross.mean()) / max(float(whole.cross.mean()), LEAST_KNOWN * size)


def _counted(share: float) -> float:
    """Return a share between 0 and 1, 0 where it is a rounding error."""
    return min(share, 1.0) if share > ROUNDING else 0.0
