"""The gamma distribution of mean ``mu`` and shape ``alpha``, on tensors, for families that have it in them."""

from collections.abc import Callable, Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt

from ._counts import TINY_TAIL, tail_or
from ._defaults import fixed
from ._positive import TINY, log_above, log_below, log_density

ALPHA = fixed("InverseGamma(0.4, 0.3)", "wide in both directions: the coefficient of variation is alpha^(-1/2)")
"""Default prior of the shape."""


def gamma(mu: Any, alpha: Any, **options: Any) -> Any:
    """Return ``Gamma`` with shape ``alpha`` and rate ``alpha / mu``."""
    return pm.Gamma.dist(alpha=alpha, beta=alpha / mu, **options)


def draw(mu: Any, alpha: Any, size: Any = None) -> Any:
    """Return draws above 0, where doubles would round those of a small shape to it."""
    return pt.maximum(gamma(mu, alpha, size=size), TINY)


def density(value: Any, mu: Any, alpha: Any) -> Any:
    """Return the log density, minus infinity at 0 and below."""
    return log_density(value, lambda y: pm.logp(gamma(mu, alpha), y))


def below(value: Any, mu: Any, alpha: Any) -> Any:
    """Return ``log P(Y <= value)``."""
    return log_below(value, lambda y: _log_lower(alpha, alpha * y / mu))


def above(value: Any, mu: Any, alpha: Any) -> Any:
    """Return ``log Q(alpha, alpha value / mu)``, the upper incomplete gamma function.

    Where it underflows, the second convergent of Legendre's continued fraction takes its place,
    ``x^a exp(-x) / Γ(a) / (x + 1 - a - (1 - a) / (x + 3 - a))`` (Abramowitz & Stegun 6.5.31).
    """
    return log_above(value, lambda y: _log_upper(alpha, alpha / mu * y))


def mean(mu: Any, alpha: Any) -> Any:
    """Return ``mu``."""
    del alpha
    return mu


def variance(mu: Any, alpha: Any) -> Any:
    """Return ``mu² / alpha``."""
    return mu**2 / alpha


def biased(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the density ``y p(y) / mu``: the gamma density of shape ``alpha + 1`` and the same rate."""
    mu, alpha = params["mu"], params["alpha"]
    return {"mu": mu * (alpha + 1.0) / alpha, "alpha": alpha + 1.0}


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Callable[..., Any]) -> Any:
    """Return ``mu P' / P``, ``P'`` the probability between the bounds of the density ``y p(y) / mu``."""
    del lower, upper
    return params["mu"] * pt.exp(log_mass(biased(params)) - log_mass(params))


def _log_lower(a: Any, x: Any) -> Any:
    """Return ``log P(a, x)``, the lower incomplete gamma function, by the start of its series where it underflows.

    :math:`x^a e^{-x} / Γ(a + 1) \\sum_k x^k / ((a + 1) … (a + k))`, a geometric sum and its first correction.
    """
    ratio = pt.clip(x / (a + 1.0), 0.0, 0.99)
    start = a * pt.log(x) - x - pt.gammaln(a + 1.0)
    correction = pt.clip((ratio / (1.0 - ratio)) ** 2 / (a + 1.0), 0.0, 0.5)
    return tail_or(pt.gammainc(a, x), start - pt.log1p(-ratio) + pt.log1p(-correction))


def _log_upper(a: Any, x: Any) -> Any:
    tail = pt.gammaincc(a, x)
    fits = pt.gt(tail, TINY_TAIL)
    # Keep the branch not taken away from its poles, or its gradient would be NaN.
    far = pt.where(fits, 700.0 + a, x)
    legendre = a * pt.log(far) - far - pt.gammaln(a) - pt.log(far + 1 - a - (1 - a) / (far + 3 - a))
    return pt.switch(fits, pt.log(pt.where(fits, tail, 1.0)), legendre)
