"""Positive numbers whose logarithm is normal."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from . import _lognormal_law, _normal_terms, _row_laws


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(
        response, "lognormal", "where a 0 means none at all, family 'hurdle_lognormal' or 'tobit' may be right"
    )


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``LogNormal(mu, sigma)``."""
    del aux
    return _lognormal_law.lognormal(params["mu"], params["sigma"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``exp(mu + sigma² / 2)``."""
    del aux
    return _lognormal_law.mean(params["mu"], params["sigma"])


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(exp(sigma²) - 1) exp(2 mu + sigma²)``."""
    del aux
    return _lognormal_law.variance(params["mu"], params["sigma"])


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Φ((mu - log value) / sigma)``."""
    del aux
    return _lognormal_law.above(value, params["mu"], params["sigma"])


FAMILY = Family(
    name="lognormal",
    title="log-normal distribution",
    aliases=("lognorm",),
    parameters=(
        Parameter("mu", ("identity", "tanh", "relu", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", _lognormal_law.sigma),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_normal_terms.of_lognormal,
    parameter_terms=_normal_terms.sigma_of_lognormal,
    row_law=_row_laws.of_lognormal,
    truncated_mean=_lognormal_law.truncated_mean,
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=_lognormal_law.scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 0.3, "sigma": 0.7},
    density="log {y} ~ Normal({mu}, {sigma})",
    notes="mu and sigma are mean and standard deviation of log y; the mean of y is exp(mu + sigma^2 / 2).",
)
