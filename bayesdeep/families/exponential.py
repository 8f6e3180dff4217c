"""Waiting times without memory."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from ._custom import custom, not_evaluated
from ._positive import log_above, log_below, log_density
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "exponential")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Exponential`` with mean ``mu``."""
    del aux

    def logp(value: Any, mu: Any) -> Any:
        return log_density(value, lambda y: -pt.log(mu) - y / mu)

    def logcdf(value: Any, mu: Any) -> Any:
        return log_below(value, lambda y: pt.log1mexp(-y / mu))

    def icdf(q: Any, mu: Any) -> Any:
        return -mu * pt.log1p(-q)

    def draw(mu: Any, size: Any) -> Any:
        return pm.Exponential.dist(scale=mu, size=size)

    return custom("Exponential", logp, draw, params["mu"], signature="()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu²``."""
    del aux
    return params["mu"] ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``-value / mu``."""
    del aux
    return log_above(value, lambda y: -y / params["mu"])


def beyond(params: Mapping[str, Any], aux: Aux, lower: Any) -> Any:
    """Return the waiting time given that it is longer than ``lower``: it begins anew there."""
    del aux

    def draw(mu: Any, lower: Any, size: Any) -> Any:
        return pt.maximum(lower, 0.0) + pm.Exponential.dist(scale=mu + pt.zeros_like(lower), size=size)

    given = params["mu"], pt.as_tensor(lower)
    return custom("ExponentialBeyond", not_evaluated, draw, *given, signature="(),()->()")


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``mu + (a exp(-a / mu) - b exp(-b / mu)) / P`` for bounds ``a`` (at least 0) and ``b``."""
    mu, mass = params["mu"], log_mass(params)
    a, b = pt.maximum(lower, 0.0), pt.as_tensor(upper)
    far = pt.isinf(b)
    end = pt.where(far, 1.0, b)
    return mu + a * pt.exp(-a / mu - mass) - pt.where(far, 0.0, end * pt.exp(-end / mu - mass))


FAMILY = Family(
    name="exponential",
    title="exponential distribution",
    aliases=("expon",),
    parameters=(Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    truncated_mean=truncated_mean,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    beyond=beyond,
    example={"mu": 1.4},
    density="{y} ~ Exponential(1 / {mu})\n    a rate; the mean is {mu}",
    notes="mu is the mean, one over the rate.",
)
