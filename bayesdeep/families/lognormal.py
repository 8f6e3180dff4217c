"""Positive numbers whose logarithm is normal."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import positive

from . import _normal_terms
from ._positive import log_above
from ._scale import moments, through, values


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "lognormal")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``LogNormal(mu, sigma)``."""
    del aux
    return pm.LogNormal.dist(params["mu"], params["sigma"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``exp(mu + sigma^2 / 2)``."""
    del aux
    return pt.exp(params["mu"] + 0.5 * params["sigma"] ** 2)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(exp(sigma²) - 1) exp(2 mu + sigma²)``."""
    del aux
    return pt.expm1(params["sigma"] ** 2) * pt.exp(2.0 * params["mu"] + params["sigma"] ** 2)


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Φ((mu - log value) / sigma)``."""
    del aux
    mu, sigma = params["mu"], params["sigma"]
    return log_above(value, lambda y: log_normal_cdf((mu - pt.log(y)) / sigma))


def log_moments(response: Response) -> tuple[float, float]:
    """Return mean and standard deviation of the response's logarithm."""
    value, weights = values(response)
    return moments(np.log(value), weights)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return mean and standard deviation of the response's logarithm on the link's scale."""
    return through(link, *log_moments(response))


def sigma(response: Response, link: Link) -> Default:
    """Return the prior of the standard deviation of the logarithm."""
    del link
    return Default(f"HalfStudentT(4, {log_moments(response)[1]:.4g})", "sd of the response's logarithm")


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``E[Y] P' / P``: ``y p(y) / E[Y]`` is the lognormal density with ``mu + sigma^2``."""
    del lower, upper
    mu, sigma = params["mu"], params["sigma"]
    biased = {"mu": mu + sigma**2, "sigma": sigma}
    return pt.exp(mu + 0.5 * sigma**2 + log_mass(biased) - log_mass(params))


FAMILY = Family(
    name="lognormal",
    title="log-normal distribution",
    aliases=("lognorm",),
    parameters=(
        Parameter("mu", ("identity", "tanh", "relu", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", sigma),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_normal_terms.of_lognormal,
    parameter_terms=_normal_terms.sigma_of_lognormal,
    truncated_mean=truncated_mean,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 0.3, "sigma": 0.7},
    density="log {y} ~ Normal({mu}, {sigma})",
    notes="mu and sigma are mean and standard deviation of log y; the mean of y is exp(mu + sigma^2 / 2).",
)
