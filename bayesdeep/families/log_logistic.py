"""Positive numbers whose logarithm is logistic: lifetimes whose hazard may rise first and then fall."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from . import _log_logistic_terms
from ._custom import custom
from ._defaults import fixed
from ._positive import log_above, log_below, log_density
from ._scale import through, values


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "log_logistic")


def _odds(value: Any, mu: Any, alpha: Any) -> Any:
    """Return the log odds of a response up to ``value``, ``alpha log(value / mu)``."""
    return alpha * (pt.log(value) - pt.log(mu))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with ``P(Y <= y) = 1 / (1 + (y / mu)^-alpha)``."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any) -> Any:
        def inside(y: Any) -> Any:
            z = _odds(y, mu, alpha)
            return pt.log(alpha) - pt.log(y) + z - 2.0 * pt.softplus(z)

        return log_density(value, inside)

    def logcdf(value: Any, mu: Any, alpha: Any) -> Any:
        return log_below(value, lambda y: -pt.softplus(-_odds(y, mu, alpha)))

    def icdf(q: Any, mu: Any, alpha: Any) -> Any:
        return mu * pt.exp((pt.log(q) - pt.log1p(-q)) / alpha)

    def draw(mu: Any, alpha: Any, size: Any) -> Any:
        return mu * pt.exp(pm.Logistic.dist(pt.zeros_like(mu + alpha), 1.0, size=size) / alpha)

    mu, alpha = params["mu"], params["alpha"]
    return custom("LogLogistic", logp, draw, mu, alpha, signature="(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu (π / alpha) / sin(π / alpha)``, which is infinite for ``alpha <= 1``."""
    del aux
    return params["mu"] * _moment(params["alpha"], 1)


def _moment(alpha: Any, order: int) -> Any:
    """Return the moment of an order about 0 where ``mu`` is 1: ``b / sin b`` with ``b = order π / alpha``."""
    there = pt.gt(alpha, float(order))
    b = order * np.pi / pt.where(there, alpha, 2.0 * order)
    return pt.switch(there, b / pt.sin(b), float("inf"))


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu² (2 b / sin 2 b - b² / sin² b)`` with ``b = π / alpha``, which is infinite for ``alpha <= 2``."""
    del aux
    alpha = params["alpha"]
    there = pt.gt(alpha, 2.0)
    inner = pt.where(there, alpha, 4.0)
    return pt.switch(there, params["mu"] ** 2 * (_moment(inner, 2) - _moment(inner, 1) ** 2), float("inf"))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``-log(1 + (value / mu)^alpha)``."""
    del aux
    mu, alpha = params["mu"], params["alpha"]
    return log_above(value, lambda y: -pt.softplus(_odds(y, mu, alpha)))


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread from the response's median, which ``mu`` is."""
    value, _ = values(response)
    median = float(np.median(value))
    return through(link, median, median)


ALPHA = fixed("LogNormal(0.7, 1)", "from tails without a mean (1 and less) to hardly any spread; half of it above 2")

FAMILY = Family(
    name="log_logistic",
    title="log-logistic distribution",
    aliases=("llogis", "fisk"),
    parameters=(
        Parameter("mu", ("log", "softplus", "identity"), "positive"),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", ALPHA, elsewhere={"shape": "alpha"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_log_logistic_terms.terms,
    parameter_terms=_log_logistic_terms.by_alpha,
    row_law=_log_logistic_terms.law,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.4, "alpha": 6.0},
    density="log {y} ~ Logistic(log {mu}, 1 / {alpha})\n    location and scale; the median of {y} is {mu}",
    notes=(
        "mu is the median and alpha the shape: P(Y <= y) = 1 / (1 + (y / mu)^-alpha). The mean is "
        "mu (pi / alpha) / sin(pi / alpha), and infinite where alpha is 1 or less; the variance is where alpha is 2 or less. "
        "Software for survival times has sigma = 1 / alpha."
    ),
)
