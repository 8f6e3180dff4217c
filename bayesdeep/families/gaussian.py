"""The normal distribution."""

import math
from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import numbers

from . import _normal_terms
from ._defaults import residual_sd
from ._information import of_normal
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "gaussian")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Normal(mu, sigma)``."""
    del aux
    return pm.Normal.dist(params["mu"], params["sigma"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma²``."""
    del aux
    return params["sigma"] ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Φ((mu - value) / sigma)``."""
    del aux
    return log_normal_cdf((params["mu"] - pt.as_tensor(value)) / params["sigma"])


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``mu + sigma (φ(a) - φ(b)) / P``, with the standardised bounds ``a`` and ``b``; ``φ`` as a logarithm."""
    mu, sigma, mass = params["mu"], params["sigma"], log_mass(params)
    a, b = (lower - mu) / sigma, (upper - mu) / sigma
    return mu + sigma * (pt.exp(-0.5 * a**2 - LOG_ROOT - mass) - pt.exp(-0.5 * b**2 - LOG_ROOT - mass))


LOG_ROOT = 0.5 * math.log(2 * math.pi)


FAMILY = Family(
    name="gaussian",
    title="normal distribution",
    aliases=("normal", "norm", "ols", "linear"),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus", "sqrt", "inverse", "tanh", "relu")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    information=of_normal,
    row_terms=_normal_terms.of_normal,
    parameter_terms=_normal_terms.sigma_of_normal,
    truncated_mean=truncated_mean,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"gaussian", "about"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.7},
    density="{y} ~ Normal({mu}, {sigma})",
    notes="mu is the mean and sigma the standard deviation.",
)
