"""Noise with a peak and two exponential tails: the likelihood of median regression, with a scale."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers

from ._custom import custom
from ._scale import median_mad, moments, through, values

LOG_2 = float(np.log(2.0))


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "laplace")


def _below(z: Any) -> Any:
    """Return ``log P(Z <= z)`` of the standard distribution: ``exp(z) / 2`` up to 0, then one minus the other tail."""
    left, right = pt.minimum(z, 0.0), pt.maximum(z, 0.0)
    return pt.switch(pt.le(z, 0.0), left - LOG_2, pt.log1p(-0.5 * pt.exp(-right)))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with density ``exp(-|y - mu| / sigma) / (2 sigma)``."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any) -> Any:
        return -abs((value - mu) / sigma) - pt.log(sigma) - LOG_2

    def logcdf(value: Any, mu: Any, sigma: Any) -> Any:
        return _below((value - mu) / sigma)

    def icdf(q: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * (pt.log(2.0 * pt.minimum(q, 0.5)) - pt.log(2.0 - 2.0 * pt.maximum(q, 0.5)))

    def draw(mu: Any, sigma: Any, size: Any) -> Any:
        return pm.Laplace.dist(mu, sigma, size=size)

    return custom("Laplace", logp, draw, params["mu"], params["sigma"], signature="(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``, mean and median."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``2 sigma²``."""
    del aux
    return 2.0 * params["sigma"] ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: the distribution function on the other side of ``mu``."""
    del aux
    return _below((params["mu"] - value) / params["sigma"])


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the response's median and median absolute deviation on the link's scale."""
    return through(link, *median_mad(response))


def sigma(response: Response, link: Link) -> Default:
    """Return the prior of the scale: the mean distance from the median is what maximum likelihood makes of it."""
    del link
    value, weights = values(response)
    distance = float(np.average(np.abs(value - median_mad(response)[0]), weights=weights))
    return Default(
        f"HalfStudentT(4, {distance if distance > 0 else moments(value, weights)[1]:.4g})",
        "mean distance of the response from its median",
    )


FAMILY = Family(
    name="laplace",
    title="Laplace distribution",
    aliases=("double_exponential",),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", sigma, elsewhere={"b": "sigma", "scale": "sigma"}),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"about"}),
    log_survival=log_survival,
    example={"mu": 0.3, "sigma": 1.2},
    density="{y} ~ Laplace({mu}, {sigma})\n    location and scale",
    notes="mu is mean and median, sigma the scale: the mean distance from mu. The standard deviation is sqrt(2) sigma.",
)
