"""The distribution of a positive number whose logarithm is normal, on tensors, for families that have it in them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Default, Link, Response

from ._positive import TINY, log_above, log_below, log_density
from ._scale import moments, through, values


def lognormal(mu: Any, sigma: Any, **options: Any) -> Any:
    """Return ``LogNormal(mu, sigma)``."""
    return pm.LogNormal.dist(mu, sigma, **options)


def draw(mu: Any, sigma: Any, size: Any = None) -> Any:
    """Return draws above 0, where doubles would round those far out to it."""
    return pt.maximum(lognormal(mu, sigma, size=size), TINY)


def density(value: Any, mu: Any, sigma: Any) -> Any:
    """Return the log density, minus infinity at 0 and below."""
    return log_density(value, lambda y: pm.logp(lognormal(mu, sigma), y))


def below(value: Any, mu: Any, sigma: Any) -> Any:
    """Return ``log Φ((log value - mu) / sigma)``."""
    return log_below(value, lambda y: log_normal_cdf((pt.log(y) - mu) / sigma))


def above(value: Any, mu: Any, sigma: Any) -> Any:
    """Return ``log Φ((mu - log value) / sigma)``."""
    return log_above(value, lambda y: log_normal_cdf((mu - pt.log(y)) / sigma))


def mean(mu: Any, sigma: Any) -> Any:
    """Return ``exp(mu + sigma² / 2)``."""
    return pt.exp(mu + 0.5 * sigma**2)


def variance(mu: Any, sigma: Any) -> Any:
    """Return ``(exp(sigma²) - 1) exp(2 mu + sigma²)``."""
    return pt.expm1(sigma**2) * pt.exp(2.0 * mu + sigma**2)


def biased(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the density ``y p(y) / E[Y]``: the lognormal density with ``mu + sigma²``."""
    return {"mu": params["mu"] + params["sigma"] ** 2, "sigma": params["sigma"]}


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Callable[..., Any]) -> Any:
    """Return ``E[Y] P' / P``, ``P'`` the probability between the bounds of the density ``y p(y) / E[Y]``."""
    del lower, upper
    mu, sigma = params["mu"], params["sigma"]
    return pt.exp(mu + 0.5 * sigma**2 + log_mass(biased(params)) - log_mass(params))


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
