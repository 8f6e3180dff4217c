"""Negative binomial counts as a density of our own, for families that put something beside them."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt

from ._counts import LEAST_MEAN, MAX_MEAN, clip_mean
from ._rising import LARGEST, LEAST, above_power

LEAST_SHAPE = 1e-280
"""Smallest shape: the largest mean over it is still a number."""


def shape_of(params: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return ``mu`` and ``alpha``, kept where their ratio is a number."""
    return pt.maximum(clip_mean(params["mu"]), LEAST_MEAN), pt.clip(params["alpha"], LEAST_SHAPE, LARGEST)


def log_none(mu: Any, alpha: Any) -> Any:
    """Return ``log P(Y = 0) = -alpha log(1 + mu / alpha)``."""
    return -alpha * pt.log1p(mu / alpha)


def log_overdispersed(count: Any, mu: Any, alpha: Any) -> Any:
    """Return the log probability of counts ``count >= 0`` with mean ``mu`` and variance ``mu + mu² / alpha``.

    It is the Poisson one where alpha is large: ``alpha log(1 + mu / alpha)`` goes to mu, and how far the rising factorial of
    alpha is above a power to 0.
    """
    own = above_power(alpha, pt.log(alpha), count) - pt.gammaln(count + 1.0)
    return own + count * (pt.log(mu) - pt.log1p(mu / alpha)) + log_none(mu, alpha)


def draw_overdispersed(mu: Any, alpha: Any, size: Any) -> Any:
    """Return counts: Poisson ones whose mean has a gamma distribution."""
    rate = pm.Gamma.dist(alpha + pt.zeros_like(mu), 1.0, size=size) * (mu / alpha)
    return pm.Poisson.dist(pt.minimum(rate, MAX_MEAN))


def draw_above_zero(mu: Any, alpha: Any, size: Any) -> Any:
    """Return negative binomial counts above zero, without rejection.

    They are what a process of time ``alpha`` adds up to whose jumps come at the rate ``log(1 + mu / alpha)`` and have logarithmic
    sizes. The first jump given that there is one comes at ``t = -log(1 - u (1 - exp(-alpha rate))) / rate``; it is
    ``1 + floor(log v / log(1 - exp(-rate w)))`` with uniform ``v`` and ``w`` (Kemp 1981, Efficient generation of logarithmically
    distributed pseudo-random variables, Applied Statistics 30, 249-253), and the time left has negative binomial counts of shape
    ``alpha - t`` more.
    """
    none = pt.zeros_like(mu)
    rate = pt.log1p(mu / alpha)
    u, v, w = (pm.Uniform.dist(none, 1.0, size=size) for _ in range(3))
    at = -pt.log1p(u * pt.expm1(-alpha * rate)) / rate
    jump = 1.0 + pt.floor(pt.log(v) / pt.log1mexp(-pt.maximum(rate * w, LEAST_MEAN)))
    left = pt.maximum(alpha - at, LEAST)
    more = pm.Poisson.dist(pt.minimum(pm.Gamma.dist(left, 1.0) * (mu / alpha), MAX_MEAN))
    return pt.cast(pt.minimum(jump, MAX_MEAN), "int64") + more
