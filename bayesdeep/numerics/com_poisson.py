r"""The Conway-Maxwell-Poisson distribution given its mean: :math:`P(y) \propto \lambda^y / (y!)^\nu` with :math:`E(y) = \mu`.

Its constant has no closed form, nor has the rate that makes ``mu`` the mean. Both come from a sum over counts. With
``b(y) = log mu^y / y! - log mu^mu / Gamma(mu + 1)`` probabilities are ``exp(nu b(y) + (y - mu) tilt) / total``, in which nothing
is large where the distribution has weight, so that the tilt is found to all digits whatever mu and nu are.

Where counts with weight are few they are summed one by one. Else the sum is an integral over the window by Gauss and Legendre's
rule with Gregory's corrections where the window begins at 0, whose error is that of the sum's rounding: terms are smooth on the
scale of counts wherever there are many of them. This takes the place of the expansion for large means (Gaunt,
Iyengar, Olde Daalhuis and Simsek 2019, An asymptotic expansion for the normalizing constant of the Conway-Maxwell-Poisson
distribution, Annals of the Institute of Statistical Mathematics 71, 163-180), which needs ``nu mu`` to be large as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import gammaln

DROP = 40.0
"""Terms of the sum that are smaller than the largest by this power of e are left out."""
WIDTHS = (16, 32, 64, 128)
"""How many counts are summed one by one: the least of these that suffices."""
SINGLE, NODES, ORDER = 20, 96, 12
"""Counts from 0 that stand by themselves in the rule for wide windows, nodes of its integral, and orders of its corrections."""
LARGE = 10.0
"""From here on Stirling's formula serves for factorials."""
MAX_STEPS, CLOSE = 60, 1e-9
"""Newton steps, and the step in standard deviations after which there is none: the next would be its square."""
LEAST_MEAN, MOST_MEAN, LEAST_POWER, MOST_POWER = 1e-140, 1e15, 1e-15, 1e4
"""Between which means and powers of the factorial are kept; the last is times ``1 + mu``. Beyond the powers are the geometric
distribution, and the one on two neighbouring counts, to all digits."""
LEAST_VARIANCE = 1e-140
LOG_FACTORIALS = gammaln(np.arange(256.0) + 1.0)


def ratio(m: Any, gamma: Any, y: Any, mu: Any, apart: Any) -> Any:
    """Return ``log(mu^y / y!) - log(mu^mu / Gamma(mu + 1))`` with ``apart = y - mu``, in NumPy or PyTensor (``m``)."""
    high, base = m.maximum(y, LARGE), m.maximum(mu, LARGE)
    t = m.where(m.minimum(y, mu) < LARGE, 0.0, apart / base)
    far = -base * ((1.0 + t) * m.log1p(t) - t) - 0.5 * m.log1p(t) - (_rest(high) - _rest(base))
    near = apart * m.log(mu) - gamma(y + 1.0) + gamma(mu + 1.0)
    return m.where(m.minimum(y, mu) < LARGE, near, far)


def whole_ratio(y: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Return the same of rows of neighbouring counts, of small ones by a table."""
    if y[:, -1].max() >= len(LOG_FACTORIALS):
        return np.asarray(ratio(np, gammaln, y, mu, y - mu))
    return np.asarray((y - mu) * np.log(mu) - LOG_FACTORIALS[y.astype(np.intp)] + gammaln(mu + 1.0))


def _rest(z: Any) -> Any:
    inverse = 1.0 / z
    s = inverse * inverse
    return inverse * (
        1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))))
    )


def window(m: Any, mu: Any, nu: Any) -> tuple[Any, Any]:
    """Return between which counts there is weight.

    Above the mode ``m`` a term has fallen by ``nu (y log(y / m) - y + m)``, and the mode is at most one above the mean and hardly
    more than ``1 / nu`` below it; and no tail is heavier than that of the geometric distribution.
    """
    top = mu + 1.0
    c = DROP / (nu * top)
    x = c / 3.0 + m.sqrt(c * c / 9.0 + 2.0 * c)
    for _ in range(2):
        x = x - m.maximum((1.0 + x) * m.log1p(x) - x - c, 0.0) / m.maximum(m.log1p(x), 1e-300)
    upper = m.minimum(top * (1.0 + x), DROP * (mu + 1.0)) + 1.0
    low = m.maximum(mu - 1.0 - 1.0 / nu, 0.0)
    lower = m.maximum(low - m.sqrt(2.0 * low * DROP / nu), 0.0)
    return m.floor(lower), m.ceil(upper)


def start(m: Any, mu: Any, nu: Any) -> Any:
    """Return a tilt to begin with.

    The rate is about ``mu (1 + mu)^(nu - 1)``, which is right for small and for large means and for ``nu`` 0 and 1. Where ``nu``
    is large the distribution is one on three neighbouring counts, of which the rate is known.
    """
    smooth = (1.0 - nu) * (m.log(mu) - m.log1p(mu))
    k = m.floor(mu + 0.5)
    f = m.clip(mu - k, -0.5, 0.5)
    low = m.maximum(k, 1.0)
    # Odds u of k + 1 and v of k - 1 against k have u v = ((k) / (k + 1))^nu, and u - v = f (1 + u + v).
    log_both = m.where(k > 0.0, -nu * m.log1p(1.0 / low), -2e5)
    tiny = 1e-300
    root = 0.5 * m.logaddexp(2.0 * m.log(m.maximum(abs(f), tiny)), np.log(4.0) + m.log1p(-f * f) + log_both)
    size = m.logaddexp(m.log(m.maximum(abs(f), tiny)), root)
    log_up = m.where(f >= 0.0, size - np.log(2.0) - m.log1p(-f), np.log(2.0) + log_both + m.log1p(f) - size)
    # Odds of k + 1 against k are rate / (k + 1)^nu.
    stairs = log_up + nu * (m.log1p((1.0 + k - mu) / mu))
    return m.where(nu > mu + 1.0, stairs, smooth)


@dataclass(frozen=True)
class Moments:
    """Of each distribution, arrays of one shape.

    Attributes
    ----------
    mu, nu
        Mean and power of the factorial, kept where they are numbers.
    tilt, log_total
        See the module.
    variance, skew
        Variance and third central moment.
    centre, lean
        Mean of ``b`` and the slope by which it goes with the count: what is left, ``b - centre - lean (y - mu)``, has nothing to
        do with the count any more. By it the log probability changes with ``nu``.
    rest, turn
        Variance of what is left, and the mean of its square times ``y - mu``.
    """

    mu: np.ndarray
    nu: np.ndarray
    tilt: np.ndarray
    log_total: np.ndarray
    variance: np.ndarray
    skew: np.ndarray
    centre: np.ndarray
    lean: np.ndarray
    rest: np.ndarray
    turn: np.ndarray

    def of(self, which: np.ndarray) -> "Moments":
        """Return some of them, by place."""
        return Moments(*(getattr(self, field.name)[which] for field in fields(self)))

    def column(self) -> "Moments":
        """Return them as a column, for several counts each."""
        return Moments(*(getattr(self, field.name)[:, None] for field in fields(self)))

    def log_ratio(self, y: np.ndarray) -> np.ndarray:
        """Return ``b`` of counts."""
        return np.asarray(ratio(np, gammaln, y, self.mu, y - self.mu))

    def log_probability(self, y: np.ndarray) -> np.ndarray:
        """Return the log probability of counts."""
        return np.asarray(self.nu * self.log_ratio(y) + (y - self.mu) * self.tilt - self.log_total)

    def left(self, y: np.ndarray) -> np.ndarray:
        """Return what is left of ``b`` of counts: the derivative of the log probability by ``nu``."""
        return np.asarray(self.log_ratio(y) - self.centre - self.lean * (y - self.mu))


_last: tuple[tuple[Any, ...], Moments] | None = None


def moments(mu: np.ndarray, nu: np.ndarray) -> Moments:
    """Return the distributions of mean ``mu`` and power ``nu``, which broadcast; the last are kept."""
    global _last
    kept, key = _last, (mu.shape, mu.tobytes(), nu.shape, nu.tobytes())
    if kept is not None and kept[0] == key:
        return kept[1]
    mu = np.clip(mu, LEAST_MEAN, MOST_MEAN)
    mu, nu = np.broadcast_arrays(mu, np.clip(nu, LEAST_POWER, MOST_POWER * (1.0 + mu)))
    # Rows that share their parameters are many in designed data, and finding them costs a fiftieth of solving them.
    pairs, place = np.unique(mu.ravel() + 1j * nu.ravel(), return_inverse=True)
    flat, power = pairs.real.copy(), pairs.imag.copy()
    found = np.full((8, flat.size), np.nan)
    with np.errstate(all="ignore"):
        for which, y, weight in groups(flat, power):
            found[:, which] = _solved(flat[which], power[which], y, weight)
    made = Moments(mu, nu, *(one[place].reshape(mu.shape) for one in found))
    _last = (key, made)
    return made


MAX_NUMBERS = 2_000_000


def groups(mu: np.ndarray, nu: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Return groups of distributions with the counts that their sums are taken over and these counts' weights, None for 1."""
    good = np.isfinite(mu) & np.isfinite(nu)
    lower, upper = window(np, np.where(good, mu, 1.0), np.where(good, nu, 1.0))
    wide, before = upper - lower + 1.0, 0.0
    for width in (*WIDTHS, np.inf):
        chosen = np.flatnonzero(good & (wide > before) & (wide <= width))
        before = width
        size = NODES + SINGLE + ORDER + 1 if width == np.inf else int(width)
        for which in np.array_split(chosen, max(1, -(-chosen.size * size // MAX_NUMBERS))):
            if not which.size:
                continue
            if width < np.inf:
                yield which, lower[which, None] + np.arange(size), None
            else:
                yield which, *wide_rule(np, lower[which, None], upper[which, None])


def wide_rule(m: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    """Return counts and weights by which smooth terms between ``lower`` and ``upper``, columns, are summed."""
    single, corrections, node, share = _rule()
    begin = len(single) - 1.0
    near = lower <= begin
    first = m.where(near, SINGLE * 1.0, lower)
    # A rule for windows that begin at 0 has its nodes crowd there, where factorials are least smooth.
    place = first + (upper - first) * m.where(near, node**3, node)
    weight = (upper - first) * share * m.where(near, 3.0 * node**2, 1.0)
    apart = m.where(near, corrections, 0.0)
    if m is np:
        return np.concatenate([np.broadcast_to(single, apart.shape), place], 1), np.concatenate([apart, weight], 1)
    return m.concatenate([single + 0.0 * apart, place], -1), m.concatenate([apart, weight], -1)


@cache
def _rule() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return counts from 0, their weights beside an integral from ``SINGLE`` on, and the integral's nodes and weights on (0, 1).

    Gregory's formula: the sum from n on is the integral from there and ``sum_k c_k Delta^k f(n)``, in which the ``c_k`` are the
    coefficients of ``1 / log(1 + t) - 1 / t``.
    """
    coefficients = [Fraction(1)]
    for k in range(1, ORDER + 2):  # of t / log(1 + t)
        coefficients.append(
            -sum((Fraction((-1) ** j, j + 1) * coefficients[k - j] for j in range(1, k + 1)), Fraction(0))
        )
    weights = np.zeros(SINGLE + ORDER + 1)
    weights[:SINGLE] = 1.0
    binomial = [Fraction(1)]
    for order in range(ORDER + 1):
        for j, ways in enumerate(binomial):
            weights[SINGLE + j] += float(coefficients[order + 1] * ways * (-1) ** (order - j))
        binomial = [Fraction(1), *(a + b for a, b in pairwise(binomial)), Fraction(1)]
    node, share = np.polynomial.legendre.leggauss(NODES)
    return np.arange(SINGLE + ORDER + 1.0), weights, (node + 1.0) / 2.0, share / 2.0


def _solved(mu: np.ndarray, nu: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return tilt, log total and moments ``(8, distribution)``, by Newton's method kept between bounds."""
    column = mu[:, None]
    apart = y - column
    own = ratio(np, gammaln, y, column, apart) if weight is not None else whole_ratio(y, column)
    power = nu[:, None] * own
    tilt = start(np, mu, nu)
    low, high = np.full(mu.shape, -np.inf), np.full(mu.shape, np.inf)
    for _ in range(MAX_STEPS):
        p, top, total = _probabilities(power + tilt[:, None] * apart, weight)
        mean = (p * apart).sum(axis=1)
        variance = np.maximum((p * (apart - mean[:, None]) ** 2).sum(axis=1), LEAST_VARIANCE)
        low, high = np.where(mean < 0.0, tilt, low), np.where(mean > 0.0, tilt, high)
        # Of the logarithm of the mean, which is nearly straight; where steps leave the bounds, the middle of these.
        step = newton(np, mean, variance, mu)
        ahead = tilt + step
        done = np.abs(step) * np.sqrt(variance) < CLOSE
        outside = ~done & ((ahead <= low) | (ahead >= high)) & np.isfinite(low) & np.isfinite(high)
        tilt = np.where(outside, (low + high) / 2.0, ahead)
        if done.all():
            break
    p, top, total = _probabilities(power + tilt[:, None] * apart, weight)
    variance = np.maximum((p * apart**2).sum(axis=1), LEAST_VARIANCE)
    skew = (p * apart**3).sum(axis=1)
    centre = (p * own).sum(axis=1)
    lean = (p * apart * (own - centre[:, None])).sum(axis=1) / variance
    left = own - centre[:, None] - lean[:, None] * apart
    squares = p * left**2
    return np.array(
        [tilt, top + np.log(total), variance, skew, centre, lean, squares.sum(axis=1), (squares * apart).sum(axis=1)]
    )


def newton(m: Any, mean: Any, variance: Any, mu: Any) -> Any:
    """Return the step of the tilt from ``mean``, that of ``y - mu``, to 0: Newton's for the logarithm of the mean of ``y``."""
    whole = m.maximum(mean + mu, 1e-3 * mu)
    limit = 4.0 / m.sqrt(m.maximum(variance, 1e-4 * m.minimum(mu, 1.0)))
    return m.clip(-m.log1p((whole - mu) / mu) * whole / variance, -limit, limit)


def _probabilities(exponent: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    top = exponent.max(axis=1)
    terms = np.exp(exponent - top[:, None])
    terms = terms if weight is None else terms * weight
    total = terms.sum(axis=1)
    return terms / total[:, None], top, total
