"""Positive, right-skewed numbers whose variance grows with the cube of the mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from ._custom import custom
from ._positive import log_above, log_below, log_density
from ._scale import mean_sd, scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "inverse_gaussian")


def _sides(value: Any, mu: Any, lam: Any) -> tuple[Any, Any, Any]:
    """Return ``(y / mu - 1) √(lam / y)``, ``-(y / mu + 1) √(lam / y)`` and ``2 lam / mu``."""
    root = pt.sqrt(lam / value)
    return (value / mu - 1.0) * root, -(value / mu + 1.0) * root, 2.0 * lam / mu


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the inverse Gaussian distribution with mean ``mu`` and shape ``lam`` (PyMC's ``Wald``).

    The distribution function is ``Φ(a) + exp(2 lam / mu) Φ(b)`` with ``a`` and ``b`` of :func:`_sides` (Chhikara &
    Folks 1974), summed in logarithms.
    """
    del aux

    def logp(value: Any, mu: Any, lam: Any) -> Any:
        return log_density(value, lambda y: pm.logp(pm.Wald.dist(mu=mu, lam=lam), y))

    def logcdf(value: Any, mu: Any, lam: Any) -> Any:
        def inside(y: Any) -> Any:
            a, b, shift = _sides(y, mu, lam)
            return pt.minimum(pt.logaddexp(log_normal_cdf(a), shift + log_normal_cdf(b)), 0.0)

        return log_below(value, inside)

    def draw(mu: Any, lam: Any, size: Any) -> Any:
        return pm.Wald.dist(mu=mu, lam=lam, size=size)

    return custom("InverseGaussian", logp, draw, params["mu"], params["lam"], signature="(),()->()", logcdf=logcdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu³ / lam``."""
    del aux
    return params["mu"] ** 3 / params["lam"]


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log(Φ(-a) - exp(2 lam / mu) Φ(b))`` with ``a`` and ``b`` of :func:`_sides`."""
    del aux

    def inside(y: Any) -> Any:
        a, b, shift = _sides(y, params["mu"], params["lam"])
        upper = log_normal_cdf(-a)
        return upper + pt.log1mexp(pt.minimum(shift + log_normal_cdf(b) - upper, -1e-12))

    return log_above(value, inside)


def lam(response: Response, link: Link) -> Default:
    """Return the prior of the shape, which is in the response's units."""
    del link
    location = mean_sd(response)[0]
    text = f"InverseGamma(0.4, {0.3 * location:.4g})"
    return Default(text, "wide in both directions around the response's mean, where the coefficient of variation is 1")


FAMILY = Family(
    name="inverse_gaussian",
    title="inverse Gaussian distribution",
    aliases=("invgauss", "wald", "ig"),
    parameters=(
        Parameter("mu", ("log", "inverse_squared", "inverse", "softplus", "identity"), "positive"),
        Parameter("lam", ("log", "softplus", "identity"), "positive", lam, elsewhere={"shape": "lam"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.4, "lam": 3.1},
    density="{y} ~ InverseGaussian({mu}, {lam})\n    mean and shape",
    notes="mu is the mean and lam the shape; the variance is mu^3 / lam.",
)
