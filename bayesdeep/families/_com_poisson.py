"""The Conway-Maxwell-Poisson distribution given its mean as tensors, which have derivatives and compile for every backend.

The sum over counts has a fixed number of terms, and the rate is found by a fixed number of Newton steps: no distribution takes
more, as :mod:`bayesdeep.numerics.com_poisson` shows, where all this is written for arrays. The last two steps have derivatives:
those of the rate, to the third order.
"""

from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.numerics import com_poisson as in_numpy
from bayesdeep.numerics.com_poisson import LEAST_MEAN, LEAST_POWER, LEAST_VARIANCE, MOST_MEAN, MOST_POWER, WIDTHS

STEPS, STEPS_WITH_DERIVATIVES = 6, 2


def kept(mu: Any, nu: Any) -> tuple[Any, Any]:
    """Return mean and power where they are numbers."""
    mu = pt.clip(mu, LEAST_MEAN, MOST_MEAN)
    return mu, pt.clip(nu, LEAST_POWER, MOST_POWER * (1.0 + mu))


def log_probability(count: Any, mu: Any, nu: Any) -> Any:
    """Return the log probability of counts."""
    held, tilt, exponent, weight = _sum(mu, nu)
    top = pt.max(exponent, axis=-1, keepdims=True)
    total = top[..., 0] + pt.log((weight * pt.exp(exponent - top)).sum(axis=-1))
    return nu * in_numpy.ratio(pt, pt.gammaln, count + 0.0 * held, held, count - held) + (count - held) * tilt - total


def variance(mu: Any, nu: Any) -> Any:
    """Return the variance."""
    held, _, exponent, weight = _sum(mu, nu)
    return _moments(exponent, weight, _counts(held, nu)[0] - held[..., None])[1]


def _counts(mu: Any, nu: Any) -> tuple[Any, Any]:
    """Return the counts ``(…, term)`` that the sum is taken over, and their weights."""
    lower, upper = (pt.expand_dims(one, -1) for one in in_numpy.window(pt, mu, nu))
    place, weight = in_numpy.wide_rule(pt, lower, upper)
    size = in_numpy.NODES + in_numpy.SINGLE + in_numpy.ORDER + 1
    wide = pt.gt(upper - lower + 1.0, WIDTHS[-1] * 1.0)
    return pt.where(wide, place, lower + np.arange(size)), pt.where(wide, weight, 1.0)


def _sum(mu: Any, nu: Any) -> tuple[Any, Any, Any, Any]:
    """Return the mean without derivatives, the tilt, and the sum's exponents and weights ``(…, term)``."""
    from pytensor.gradient import disconnected_grad

    held, power = disconnected_grad(mu), disconnected_grad(nu)
    y, weight = (disconnected_grad(one) for one in _counts(held, power))
    column = pt.expand_dims(held, -1)
    apart = y - column
    own = disconnected_grad(in_numpy.ratio(pt, pt.gammaln, y, column, apart))
    tilt = disconnected_grad(in_numpy.start(pt, held, power))
    for _ in range(STEPS):
        mean, spread = _moments(pt.expand_dims(power, -1) * own + pt.expand_dims(tilt, -1) * apart, weight, apart)
        tilt = disconnected_grad(tilt + in_numpy.newton(pt, mean, spread, held))
    for _ in range(STEPS_WITH_DERIVATIVES):
        mean, spread = _moments(pt.expand_dims(nu, -1) * own + pt.expand_dims(tilt, -1) * apart, weight, apart)
        tilt = tilt + (mu - held - mean) / spread
    return held, tilt, pt.expand_dims(nu, -1) * own + pt.expand_dims(tilt, -1) * apart, weight


def _moments(exponent: Any, weight: Any, apart: Any) -> tuple[Any, Any]:
    """Return mean and variance of ``apart``."""
    terms = weight * pt.exp(exponent - pt.max(exponent, axis=-1, keepdims=True))
    share = terms / terms.sum(axis=-1, keepdims=True)
    mean = (share * apart).sum(axis=-1)
    return mean, pt.maximum((share * (apart - pt.expand_dims(mean, -1)) ** 2).sum(axis=-1), LEAST_VARIANCE)
