"""A bell that leans to one side: Azzalini's skew-normal distribution, by its mean and standard deviation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import numbers

from . import _skew_normal_terms
from ._custom import custom
from ._defaults import fixed, residual_sd
from ._scale import scale_mean
from ._skew_normal_tails import log_below

LOG_2_ROOT_2PI = float(np.log(2.0) - 0.5 * np.log(2 * np.pi))
HALF_PI = 2.0 / np.pi


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "skew_normal")


def _direct(mu: Any, sigma: Any, alpha: Any) -> tuple[Any, Any, Any]:
    """Return location, scale and ``delta = alpha / √(1 + alpha²)`` of the standardised variable's definition."""
    delta = alpha / pt.sqrt(1.0 + alpha * alpha)
    omega = sigma / pt.sqrt(1.0 - HALF_PI * delta * delta)
    return mu - omega * delta * np.sqrt(HALF_PI), omega, delta


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with density ``2 φ(z) Φ(alpha z) / omega``, ``z = (y - xi) / omega`` (Azzalini 1985)."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
        xi, omega, _ = _direct(mu, sigma, alpha)
        z = (value - xi) / omega
        return LOG_2_ROOT_2PI - pt.log(omega) - 0.5 * z * z + log_normal_cdf(alpha * z)

    def logcdf(value: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
        xi, omega, _ = _direct(mu, sigma, alpha)
        return log_below((value - xi) / omega, alpha)

    def draw(mu: Any, sigma: Any, alpha: Any, size: Any) -> Any:
        xi, omega, delta = _direct(mu, sigma, alpha)
        like = pt.zeros_like(mu + sigma + alpha)
        half, rest = (pm.Normal.dist(like, 1.0, size=size) for _ in range(2))
        return xi + omega * (delta * abs(half) + pt.sqrt(1.0 - delta * delta) * rest)

    given = (params["mu"], params["sigma"], params["alpha"])
    return custom("SkewNormal", logp, draw, *given, signature="(),(),()->()", logcdf=logcdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma²``."""
    del aux
    return params["sigma"] ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: the distribution function of the mirror image, which leans the other way."""
    del aux
    xi, omega, _ = _direct(params["mu"], params["sigma"], params["alpha"])
    return log_below((xi - value) / omega, -params["alpha"])


ALPHA = fixed("Normal(0, 4)", "either way, from symmetric to nearly a half bell, which 8 is")

FAMILY = Family(
    name="skew_normal",
    title="skew-normal distribution",
    aliases=("skewnorm",),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
        Parameter(
            "alpha", ("identity",), "real", ALPHA, spread=lambda link: 1.6,
            elsewhere={"shape": "alpha", "slant": "alpha", "skew": "alpha", "delta": "alpha / sqrt(1 + alpha^2)"},
        ),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_skew_normal_terms.terms,
    parameter_terms=_skew_normal_terms.by_parameter,
    row_law=_skew_normal_terms.law,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"about"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.7, "alpha": 2.5},
    density="{y} ~ SkewNormal({mu}, {sigma}, {alpha})\n    mean, standard deviation and slant",
    notes=(
        "mu is the mean, sigma the standard deviation and alpha the slant: with z = (y - xi) / omega the density is "
        "2 phi(z) Phi(alpha z) / omega, omega = sigma / sqrt(1 - 2 delta^2 / pi), xi = mu - omega delta sqrt(2 / pi), "
        "delta = alpha / sqrt(1 + alpha^2). The skewness is less than 1; near alpha = 0 the data say little of alpha."
    ),
)
