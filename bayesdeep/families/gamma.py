"""Positive numbers whose standard deviation is in proportion to their mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import positive

from . import _precision_terms, _row_laws, _row_terms
from ._counts import TINY_TAIL, tail_or
from ._custom import custom
from ._defaults import fixed
from ._positive import log_above, log_below, log_density
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "gamma", "where a 0 means none at all, a hurdle or tobit model may be right")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Gamma`` with shape ``alpha`` and rate ``alpha / mu``."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any) -> Any:
        return log_density(value, lambda y: pm.logp(_gamma(mu, alpha), y))

    def logcdf(value: Any, mu: Any, alpha: Any) -> Any:
        return log_below(value, lambda y: _log_lower(alpha, alpha * y / mu))

    def icdf(q: Any, mu: Any, alpha: Any) -> Any:
        return pm.icdf(_gamma(mu, alpha), q)

    def draw(mu: Any, alpha: Any, size: Any) -> Any:
        return _gamma(mu, alpha, size=size)

    mu, alpha = params["mu"], params["alpha"]
    return custom("Gamma", logp, draw, mu, alpha, signature="(),()->()", logcdf=logcdf, icdf=icdf)


def _gamma(mu: Any, alpha: Any, **options: Any) -> Any:
    return pm.Gamma.dist(alpha=alpha, beta=alpha / mu, **options)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu² / alpha``."""
    del aux
    return params["mu"] ** 2 / params["alpha"]


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Q(alpha, alpha value / mu)``, the upper incomplete gamma function.

    Where it underflows, the second convergent of Legendre's continued fraction takes its place,
    ``x^a exp(-x) / Γ(a) / (x + 1 - a - (1 - a) / (x + 3 - a))`` (Abramowitz & Stegun 6.5.31).
    """
    del aux
    a, rate = params["alpha"], params["alpha"] / params["mu"]
    return log_above(value, lambda y: _log_upper(a, rate * y))


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


ALPHA = fixed("InverseGamma(0.4, 0.3)", "wide in both directions: the coefficient of variation is alpha^(-1/2)")


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``mu P' / P``: ``y p(y) / mu`` is the gamma density of shape ``alpha + 1`` and the same rate."""
    del lower, upper
    mu, alpha = params["mu"], params["alpha"]
    biased = {"mu": mu * (alpha + 1.0) / alpha, "alpha": alpha + 1.0}
    return mu * pt.exp(log_mass(biased) - log_mass(params))


FAMILY = Family(
    name="gamma",
    title="gamma distribution",
    aliases=("gamma_glm",),
    parameters=(
        Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", ALPHA, elsewhere={"shape": "alpha"}),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_row_terms.of_gamma,
    parameter_terms=_precision_terms.alpha_of_gamma,
    row_law=_row_laws.of_gamma,
    truncated_mean=truncated_mean,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.4, "alpha": 2.3},
    density="{y} ~ Gamma({alpha}, {alpha} / {mu})\n    shape and rate; the mean is {mu}",
    notes="mu is the mean and alpha the shape; the variance is mu^2 / alpha.",
)
