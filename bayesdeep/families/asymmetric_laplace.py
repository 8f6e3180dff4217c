"""The distribution behind quantile regression."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import numbers

from ._custom import custom
from ._defaults import fixed, residual_sd
from ._scale import scale_mean
from ._unit import inner_unit


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "asymmetric_laplace")


def _below(z: Any, q: Any) -> Any:
    """Return ``log P(Z <= z)`` of the standard distribution: ``q exp((1 - q) z)`` up to 0, then one minus a tail."""
    left, right = pt.minimum(z, 0.0), pt.maximum(z, 0.0)
    return pt.switch(pt.le(z, 0.0), pt.log(q) + (1.0 - q) * left, pt.log1p(-(1.0 - q) * pt.exp(-q * right)))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with density ``q (1 - q) / sigma exp(-rho_q((y - mu) / sigma))``.

    ``rho_q(z) = z (q - [z < 0])`` is the check function (Yu & Moyeed 2001).
    """
    del aux

    def logp(value: Any, mu: Any, sigma: Any, q: Any) -> Any:
        z = (value - mu) / sigma
        return pt.log(q) + pt.log1p(-q) - pt.log(sigma) - z * (q - pt.lt(z, 0.0))

    def logcdf(value: Any, mu: Any, sigma: Any, q: Any) -> Any:
        return _below((value - mu) / sigma, q)

    def icdf(p: Any, mu: Any, sigma: Any, q: Any) -> Any:
        left = pt.log(pt.minimum(p, q) / q) / (1.0 - q)
        right = -pt.log((1.0 - pt.maximum(p, q)) / (1.0 - q)) / q
        return mu + sigma * (left + right)

    def draw(mu: Any, sigma: Any, q: Any, size: Any) -> Any:
        like = pt.zeros_like(mu + sigma + q)
        return icdf(pm.Uniform.dist(like, 1.0, size=size), mu, sigma, q)

    given = (params["mu"], params["sigma"], inner_unit(params["quantile"]))
    return custom("AsymmetricLaplace", logp, draw, *given, signature="(),(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu + sigma (1 - 2 q) / (q (1 - q))``, the mean; ``mu`` itself is the ``q`` quantile."""
    del aux
    q = inner_unit(params["quantile"])
    return params["mu"] + params["sigma"] * (1.0 - 2.0 * q) / (q * (1.0 - q))


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma² (1 - 2 q + 2 q²) / (q (1 - q))²``."""
    del aux
    q = inner_unit(params["quantile"])
    return params["sigma"] ** 2 * (1.0 - 2.0 * q + 2.0 * q**2) / (q * (1.0 - q)) ** 2


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: the distribution function of the mirror image, with ``1 - q``."""
    del aux
    q = inner_unit(params["quantile"])
    return _below((params["mu"] - value) / params["sigma"], 1.0 - q)


QUANTILE = fixed("Beta(2, 2)", "any quantile, rather a middle one; to model one quantile fix it by bd.known(0.9)")

FAMILY = Family(
    name="asymmetric_laplace",
    title="asymmetric Laplace distribution",
    aliases=("asym_laplace", "quantile", "ald", "quantile_regression"),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
        Parameter("quantile", ("logit", "probit"), "unit", QUANTILE),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.4, "quantile": 0.7},
    density="{y} ~ AsymmetricLaplace({mu}, {sigma}, {quantile})\n    location, scale, and P({y} ≤ {mu}) = {quantile}",
    notes=(
        "mu is the quantile of that name: P(Y <= mu) = quantile. For quantile regression fix it, "
        "quantile=bd.known(0.9); otherwise it is estimated as a skewness. The likelihood is a working one, so that "
        "intervals of coefficients need not have their nominal coverage."
    ),
)
