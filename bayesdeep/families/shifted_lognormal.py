"""Numbers above a shift, beyond which their logarithm is normal: response times after a time in which nothing can happen."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from . import _shifted_lognormal_terms
from ._custom import custom
from ._positive import log_above, log_below, log_density
from ._scale import moments, through, values

LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "shifted_lognormal", "numbers on the whole line may be 'exgaussian' or 'skew_normal'")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``ndt + LogNormal(mu, sigma)``."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any, ndt: Any) -> Any:
        def inside(rest: Any) -> Any:
            logs = pt.log(rest)
            return -0.5 * ((logs - mu) / sigma) ** 2 - logs - pt.log(sigma) - LOG_ROOT_2PI

        return log_density(value - ndt, inside)

    def logcdf(value: Any, mu: Any, sigma: Any, ndt: Any) -> Any:
        return log_below(value - ndt, lambda rest: log_normal_cdf((pt.log(rest) - mu) / sigma))

    def icdf(q: Any, mu: Any, sigma: Any, ndt: Any) -> Any:
        return ndt + pt.exp(mu - np.sqrt(2.0) * sigma * pt.erfcinv(2.0 * q))

    def draw(mu: Any, sigma: Any, ndt: Any, size: Any) -> Any:
        return ndt + pt.exp(mu + sigma * pm.Normal.dist(pt.zeros_like(mu + sigma + ndt), 1.0, size=size))

    given = (params["mu"], params["sigma"], params["ndt"])
    return custom("ShiftedLogNormal", logp, draw, *given, signature="(),(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``ndt + exp(mu + sigma² / 2)``."""
    del aux
    return params["ndt"] + pt.exp(params["mu"] + 0.5 * params["sigma"] ** 2)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(exp(sigma²) - 1) exp(2 mu + sigma²)``."""
    del aux
    return pt.expm1(params["sigma"] ** 2) * pt.exp(2.0 * params["mu"] + params["sigma"] ** 2)


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Φ((mu - log(value - ndt)) / sigma)``."""
    del aux
    mu, sigma = params["mu"], params["sigma"]
    return log_above(value - params["ndt"], lambda rest: log_normal_cdf((mu - pt.log(rest)) / sigma))


def shortest(response: Response) -> float:
    """Return what the shift cannot reach: the smallest response, or upper end of what is known of one."""
    ends = np.asarray(response.value, dtype=np.float64)
    if response.status is not None:
        status = np.asarray(response.status)
        ends = np.where(status == 2, ends if response.upper is None else response.upper, ends)
        ends = ends[status != 1] if (status != 1).any() else ends
    return float(ends.min())


def log_moments(response: Response) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithm of what lies beyond half the smallest response."""
    value, weights = values(response)
    half = 0.5 * min(shortest(response), float(value.min()))
    return moments(np.log(value - half), weights)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return those on the link's scale."""
    return through(link, *log_moments(response))


def sigma(response: Response, link: Link) -> Default:
    """Return the prior of the standard deviation of the logarithm."""
    del link
    return Default(
        f"HalfStudentT(4, {log_moments(response)[1]:.4g})",
        "sd of the logarithm of the response less half the smallest one",
    )


def ndt(response: Response, link: Link) -> Default:
    """Return the prior of the shift."""
    del link
    # Rounded down: a shift beyond the smallest response has no likelihood.
    least = shortest(response)
    unit = 10.0 ** (np.floor(np.log10(least)) - 3)
    return Default(f"Uniform(0, {np.floor(least / unit) * unit:.4g})", "it lies below the smallest response")


FAMILY = Family(
    name="shifted_lognormal",
    title="shifted log-normal distribution",
    aliases=("lognormal3",),
    parameters=(
        Parameter("mu", ("identity", "tanh", "relu", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", sigma),
        Parameter(
            "ndt", ("log", "softplus", "identity"), "positive", ndt,
            elsewhere={"shift": "ndt", "delta": "ndt", "t0": "ndt", "psi": "ndt"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_shifted_lognormal_terms.terms,
    parameter_terms=_shifted_lognormal_terms.by_parameter,
    row_law=_shifted_lognormal_terms.law,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 0.3, "sigma": 0.5, "ndt": 0.2},
    density="log({y} - {ndt}) ~ Normal({mu}, {sigma})",
    notes=(
        "ndt is the shift (the non-decision time of response times), below the row's response; mu and sigma are mean and "
        "standard deviation of log(y - ndt). The mean of y is ndt + exp(mu + sigma^2 / 2). Where ndt comes up to the smallest "
        "response while mu falls and sigma grows, the likelihood alone grows without end (Hill 1963), so that there is no "
        "maximum of it: priors hold these."
    ),
)
