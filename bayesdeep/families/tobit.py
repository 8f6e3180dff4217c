"""A normal variable of which nothing below 0 is seen but a 0."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import zero_or_above
from bayesdeep.core.supports import POSITIVE

from ._custom import custom
from ._defaults import residual_sd
from ._scale import scale_mean

LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0 or above."""
    return zero_or_above(response, "tobit")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``max(0, Normal(mu, sigma))``: density above 0, and ``Φ(-mu / sigma)`` at 0."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any) -> Any:
        some = -0.5 * ((value - mu) / sigma) ** 2 - LOG_ROOT_2PI - pt.log(sigma)
        none = pt.switch(pt.eq(value, 0.0), log_normal_cdf(-mu / sigma), -np.inf)
        return pt.switch(pt.gt(value, 0.0), some, none)

    def draw(mu: Any, sigma: Any, size: Any) -> Any:
        return pt.maximum(pm.Normal.dist(mu, sigma, size=size), 0.0)

    return custom("Tobit", logp, draw, params["mu"], params["sigma"], signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu Φ(mu / sigma) + sigma φ(mu / sigma)``."""
    del aux
    z = params["mu"] / params["sigma"]
    density = pt.exp(-0.5 * z * z - LOG_ROOT_2PI)
    return pt.maximum(params["sigma"] * (z * pt.exp(log_normal_cdf(z)) + density), 0.0)


FAMILY = Family(
    name="tobit",
    title="normal distribution censored at 0 (tobit)",
    aliases=("censored_normal", "censreg", "rectified_gaussian"),
    parameters=(
        Parameter("mu", ("relu", "identity"), link_in_family=True),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale_mean,
    atoms=(0.0,),
    example={"mu": 0.5, "sigma": 0.8},
    density="{y} = max({y}*, 0)\n{y}* ~ Normal({mu}, {sigma})",
    inverse={"relu": "mu = eta"},
    notes=(
        "mu and sigma are mean and standard deviation of the latent normal variable; the response is its positive "
        "part. The links relu and identity mean the same model: the predictor is the latent mean."
    ),
)
