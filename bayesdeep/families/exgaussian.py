"""A normal variable plus an exponential one: response times with a slow tail."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import SQRT_2, log_normal_cdf
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers

from . import _exgaussian_terms
from ._custom import custom
from ._defaults import residual_sd
from ._scale import mean_sd, scale_mean

LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
LEAST_LEFT = 1e-12
"""Of the logarithm of what a probability leaves of another, the least that is told from 0."""


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "exgaussian")


def _log_mills(x: Any) -> Any:
    """Return ``log(Φ(-x) / φ(x))`` for ``x`` from -1 upwards; below, it is held there."""
    return pt.log(pt.erfcx(pt.maximum(x, -1.0) / SQRT_2)) + (LOG_ROOT_2PI - float(np.log(2.0)))


def _log_tail(u: Any, k: Any) -> Any:
    """Return ``log(exp(k² / 2 - k u) Φ(u - k))``, the density times ``beta``, without overflow.

    ``u`` is the distance from the normal part's mean and ``k`` the inverse of the exponential part's, both in ``sigma``. Where
    ``u`` is below ``k`` it is ``φ(u)`` times Mills' ratio at ``k - u``, in which ``k²`` is no longer there.
    """
    near = pt.lt(u - k, 1.0)
    by_ratio = -0.5 * u * u - LOG_ROOT_2PI + _log_mills(k - u)
    far = pt.where(near, k + 1.0, u)
    return pt.switch(near, by_ratio, 0.5 * k * k - k * far + log_normal_cdf(far - k))


def _distances(value: Any, mu: Any, sigma: Any, beta: Any) -> tuple[Any, Any]:
    """Return ``u`` and ``k`` of :func:`_log_tail`."""
    return (value - mu + beta) / sigma, sigma / beta


def _log_cdf(u: Any, k: Any) -> Any:
    """Return ``log(Φ(u) - exp(k² / 2 - k u) Φ(u - k))``.

    Below -1 both are ``φ(u)`` times a Mills ratio, and their ratio is that of the ratios.
    """
    low = pt.lt(u, -1.0)
    left, right = pt.where(low, u, -1.0), pt.where(low, -1.0, u)
    apart_left = _log_mills(k - left) - _log_mills(-left)
    apart_right = _log_tail(right, k) - log_normal_cdf(right)
    apart = pt.minimum(pt.switch(low, apart_left, apart_right), -LEAST_LEFT)
    return log_normal_cdf(u) + pt.log1mexp(apart)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the sum of ``Normal(mu - beta, sigma)`` and an exponential variable of mean ``beta``."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any, beta: Any) -> Any:
        return _log_tail(*_distances(value, mu, sigma, beta)) - pt.log(beta)

    def logcdf(value: Any, mu: Any, sigma: Any, beta: Any) -> Any:
        return _log_cdf(*_distances(value, mu, sigma, beta))

    def draw(mu: Any, sigma: Any, beta: Any, size: Any) -> Any:
        like = pt.zeros_like(mu + sigma + beta)
        normal = pm.Normal.dist(like, 1.0, size=size)
        return mu + sigma * normal + beta * (pm.Exponential.dist(scale=like + 1.0, size=size) - 1.0)

    given = (params["mu"], params["sigma"], params["beta"])
    return custom("ExGaussian", logp, draw, *given, signature="(),(),()->()", logcdf=logcdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``, the mean of the sum."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma² + beta²``."""
    del aux
    return params["sigma"] ** 2 + params["beta"] ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log(Φ(-u) + exp(k² / 2 - k u) Φ(u - k))``."""
    del aux
    u, k = _distances(value, params["mu"], params["sigma"], params["beta"])
    return pt.minimum(pt.logaddexp(log_normal_cdf(-u), _log_tail(u, k)), 0.0)


def beta(response: Response, link: Link) -> Default:
    """Return the prior of the exponential part's mean, which is its standard deviation too."""
    del link
    return Default(f"Gamma(2, {2.0 / mean_sd(response)[1]:.4g})", "of the size of the response's sd, and not 0")


FAMILY = Family(
    name="exgaussian",
    title="exponentially modified normal distribution (ex-Gaussian)",
    aliases=("exgauss", "exponnorm", "exponential_gaussian"),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
        Parameter(
            "beta", ("log", "softplus", "identity"), "positive", beta,
            elsewhere={"tau": "beta", "rate": "1 / beta", "lambda": "1 / beta"},
        ),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_exgaussian_terms.terms,
    parameter_terms=_exgaussian_terms.by_parameter,
    row_law=_exgaussian_terms.law,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"about"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.5, "beta": 0.8},
    density=(
        "{y} = a + b,  a ~ Normal({mu} - {beta}, {sigma}),  b ~ Exponential(1 / {beta})\n"
        "    the means of {y} and b are {mu} and {beta}"
    ),
    notes=(
        "mu is the mean of the whole response, sigma the standard deviation of its normal part and beta the mean of its "
        "exponential part; the normal part's mean is mu - beta. The variance is sigma^2 + beta^2."
    ),
)
