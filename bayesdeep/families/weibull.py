"""Lifetimes whose hazard grows or falls with a power of time."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from ._custom import custom, not_evaluated
from ._defaults import fixed
from ._positive import log_above, log_below, log_density
from ._scale import scale_mean

# P(Y <= y) = 1 - exp(-exp(w)) with w = alpha (log y - log scale): the cloglog link has both logarithms.
HAZARD: Any = LINKS["cloglog"]


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "weibull")


def log_scale(mu: Any, alpha: Any) -> Any:
    """Return the logarithm of ``mu / Γ(1 + 1 / alpha)``."""
    return pt.log(mu) - pt.gammaln(1.0 + 1.0 / alpha)


def log_hazard(value: Any, mu: Any, alpha: Any) -> Any:
    """Return the logarithm of the cumulative hazard, ``alpha (log value - log scale)``."""
    return alpha * (pt.log(value) - log_scale(mu, alpha))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Weibull`` with shape ``alpha`` and mean ``mu``."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any) -> Any:
        def inside(y: Any) -> Any:
            w = log_hazard(y, mu, alpha)
            return pt.log(alpha) - pt.log(y) + w + HAZARD.log1m_inverse(w)

        return log_density(value, inside)

    def logcdf(value: Any, mu: Any, alpha: Any) -> Any:
        return log_below(value, lambda y: HAZARD.log_inverse(log_hazard(y, mu, alpha)))

    def icdf(q: Any, mu: Any, alpha: Any) -> Any:
        return pt.exp(log_scale(mu, alpha)) * (-pt.log1p(-q)) ** (1.0 / alpha)

    def draw(mu: Any, alpha: Any, size: Any) -> Any:
        unit = pm.Exponential.dist(scale=pt.ones_like(mu + alpha), size=size)
        return pt.exp(log_scale(mu, alpha) + pt.log(unit) / alpha)

    mu, alpha = params["mu"], params["alpha"]
    return custom("Weibull", logp, draw, mu, alpha, signature="(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu² (Γ(1 + 2 / alpha) / Γ(1 + 1 / alpha)² - 1)``."""
    del aux
    alpha = params["alpha"]
    return params["mu"] ** 2 * pt.expm1(pt.gammaln(1.0 + 2.0 / alpha) - 2.0 * pt.gammaln(1.0 + 1.0 / alpha))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return minus the cumulative hazard, ``-(value / scale)^alpha``."""
    del aux
    mu, alpha = params["mu"], params["alpha"]
    return log_above(value, lambda y: HAZARD.log1m_inverse(log_hazard(y, mu, alpha)))


def beyond(params: Mapping[str, Any], aux: Aux, lower: Any) -> Any:
    """Return the lifetime given that it is longer than ``lower``: ``scale ((lower / scale)^alpha + E)^(1 / alpha)``."""
    del aux

    def draw(mu: Any, alpha: Any, lower: Any, size: Any) -> Any:
        unit = pm.Exponential.dist(scale=pt.ones_like(mu + alpha + lower), size=size)
        before = pt.where(lower > 0.0, pt.exp(log_hazard(pt.where(lower > 0.0, lower, 1.0), mu, alpha)), 0.0)
        return pt.exp(log_scale(mu, alpha) + pt.log(before + unit) / alpha)

    given = params["mu"], params["alpha"], pt.as_tensor(lower)
    return custom("WeibullBeyond", not_evaluated, draw, *given, signature="(),(),()->()")


ALPHA = fixed("LogNormal(0, 1)", "from a strongly falling to a strongly rising hazard; 1 is a constant one")

FAMILY = Family(
    name="weibull",
    title="Weibull distribution",
    aliases=("weibull_min", "survreg"),
    parameters=(
        Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", ALPHA, elsewhere={"shape": "alpha"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    beyond=beyond,
    example={"mu": 1.4, "alpha": 1.8},
    density="{y} ~ Weibull({alpha}, {mu} / Γ(1 + 1 / {alpha}))\n    shape and scale; the mean is {mu}",
    notes="mu is the mean and alpha the shape; the scale is mu / Gamma(1 + 1 / alpha).",
)
