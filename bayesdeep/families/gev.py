"""Largest values of many: the generalised extreme value distribution."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers

from ._custom import custom
from ._defaults import fixed, residual_sd
from ._scale import mean_sd, through

EULER, ZETA_2, ZETA_3 = float(np.euler_gamma), float(np.pi**2 / 6.0), 1.2020569031595942
STRAIGHT, STRAIGHT_MOMENTS = 1e-4, 1e-4
"""Sizes of ``xi z``, and of ``xi`` in moments, below which series take the place of differences that would cancel."""

CLOGLOG: Any = LINKS["cloglog"]


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "gev")


def _reduced(value: Any, mu: Any, sigma: Any, xi: Any) -> tuple[Any, Any]:
    """Return ``s = log(1 + xi z) / xi`` with ``z = (value - mu) / sigma``, and whether the value is in the support.

    It is standard Gumbel: ``P(Y <= y) = exp(-exp(-s))``. With ``xi`` near 0 it is ``z (1 - xi z / 2 + …)``.
    """
    z = (value - mu) / sigma
    x = xi * z
    inside = pt.gt(x, -1.0)
    small = pt.lt(abs(x), STRAIGHT)
    series = z * (1.0 - x * (0.5 - x * (1.0 / 3.0 - x * (0.25 - 0.2 * pt.where(small, x, 0.0)))))
    usual = inside & ~small
    exact = pt.log1p(pt.where(usual, x, 1.0)) / pt.where(usual, xi, 1.0)
    return pt.switch(small, pt.switch(small, series, 0.0), exact), inside


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with ``P(Y <= y) = exp(-(1 + xi (y - mu) / sigma)^(-1 / xi))`` (Jenkinson 1955)."""
    del aux

    def logp(value: Any, mu: Any, sigma: Any, xi: Any) -> Any:
        s, inside = _reduced(value, mu, sigma, xi)
        return pt.switch(inside, -pt.log(sigma) - (1.0 + xi) * s + CLOGLOG.log1m_inverse(-s), -np.inf)

    def logcdf(value: Any, mu: Any, sigma: Any, xi: Any) -> Any:
        s, inside = _reduced(value, mu, sigma, xi)
        return pt.switch(inside, CLOGLOG.log1m_inverse(-s), pt.switch(pt.gt(xi, 0.0), -np.inf, 0.0))

    def icdf(q: Any, mu: Any, sigma: Any, xi: Any) -> Any:
        return _at(-pt.log(-pt.log(q)), mu, sigma, xi)

    def draw(mu: Any, sigma: Any, xi: Any, size: Any) -> Any:
        return _at(pm.Gumbel.dist(pt.zeros_like(mu + sigma + xi), 1.0, size=size), mu, sigma, xi)

    given = (params["mu"], params["sigma"], params["xi"])
    return custom("GEV", logp, draw, *given, signature="(),(),()->()", logcdf=logcdf, icdf=icdf)


def _at(s: Any, mu: Any, sigma: Any, xi: Any) -> Any:
    """Return the response whose standard Gumbel value is ``s``: ``mu + sigma (exp(xi s) - 1) / xi``."""
    x = xi * s
    small = pt.lt(abs(x), 1e-8)
    straight = s * (1.0 + 0.5 * x)
    return mu + sigma * pt.switch(small, straight, pt.expm1(pt.where(small, 1.0, x)) / pt.where(small, 1.0, xi))


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu + sigma (Γ(1 - xi) - 1) / xi``, which is infinite for ``xi >= 1``; at 0 Euler's constant takes its place."""
    del aux
    xi = params["xi"]
    there, straight = pt.lt(xi, 1.0), pt.lt(abs(xi), STRAIGHT_MOMENTS)
    inner = pt.where(there & ~straight, xi, 0.5)
    factor = pt.expm1(pt.gammaln(1.0 - inner)) / inner
    series = EULER + 0.5 * (EULER**2 + ZETA_2) * xi
    return pt.switch(there, params["mu"] + params["sigma"] * pt.switch(straight, series, factor), float("inf"))


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma² (Γ(1 - 2 xi) - Γ(1 - xi)²) / xi²``, which is infinite for ``xi >= 1/2``; at 0 it is ``sigma² π² / 6``."""
    del aux
    xi = params["xi"]
    there, straight = pt.lt(xi, 0.5), pt.lt(abs(xi), STRAIGHT_MOMENTS)
    inner = pt.where(there & ~straight, xi, 0.25)
    first = pt.gammaln(1.0 - inner)
    factor = pt.exp(2.0 * first) * pt.expm1(pt.gammaln(1.0 - 2.0 * inner) - 2.0 * first) / inner**2
    series = ZETA_2 + 2.0 * (ZETA_3 + EULER * ZETA_2) * xi
    return pt.switch(there, params["sigma"] ** 2 * pt.switch(straight, series, factor), float("inf"))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log(1 - exp(-exp(-s)))``; a value beyond the upper end has probability 0."""
    del aux
    s, inside = _reduced(value, params["mu"], params["sigma"], params["xi"])
    return pt.switch(inside, CLOGLOG.log_inverse(-s), pt.switch(pt.gt(params["xi"], 0.0), 0.0, -np.inf))


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread from the response's mean and sd, as they are for ``xi = 0``."""
    average, sd = mean_sd(response)
    return through(link, average - EULER * sd / float(np.sqrt(ZETA_2)), sd)


XI = fixed("Normal(0, 0.25)", "shapes of floods, rain and winds are between -0.5 and 0.5 (Martins & Stedinger 2000)")

FAMILY = Family(
    name="gev",
    title="generalised extreme value distribution",
    aliases=("gen_extreme_value", "genextreme"),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus"), elsewhere={"location": "mu", "loc": "mu"}),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd, elsewhere={"scale": "sigma"}),
        Parameter(
            "xi", ("identity",), "real", XI, spread=lambda link: 0.1,
            elsewhere={"shape": "xi", "k": "-xi", "c": "-xi", "gamma": "xi"},
        ),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.7, "xi": 0.1},
    density="{y} ~ GEV({mu}, {sigma}, {xi})\n    location, scale and shape",
    notes=(
        "mu is the location, sigma the scale and xi the shape: P(Y <= y) = exp(-(1 + xi (y - mu) / sigma)^(-1 / xi)), where the "
        "bracket is above 0. With xi = 0 it is Gumbel's; above 0 there is a lower end, mu - sigma / xi, and a heavy upper tail, "
        "without a mean from xi = 1; below 0 there is an upper end. SciPy writes c = -xi. Smallest values are minus the largest "
        "of -y."
    ),
)
