"""Amounts with zeros: sums of a Poisson number of gamma amounts, whose variance is a power of the mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, refuse_rows
from bayesdeep.core.supports import POSITIVE

from . import _tweedie_series as series
from . import _tweedie_terms
from ._counts import MAX_MEAN
from ._custom import custom
from ._defaults import fixed
from ._scale import mean_sd, scale_count

NEEDS = "numbers that are 0 or above"
EDGE = 1e-9
"""How far from 1 and 2 a power stays at the least, beyond which terms have lost their digits."""


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0 or above."""
    response = numbers(response, "tweedie", NEEDS)
    refuse_rows(
        response, response.value < 0, "tweedie", NEEDS, "numbers on the whole line may be 'gaussian' or 'student_t'"
    )
    return response


def _inner(power: Any) -> tuple[Any, Any]:
    """Return a power kept inside (1, 2), and whether it was."""
    inside = pt.gt(power, 1.0) & pt.lt(power, 2.0)
    return pt.clip(power, 1.0 + EDGE, 2.0 - EDGE), inside


def _log_series(y: Any, phi: Any, p: Any) -> Any:
    a = (2.0 - p) / (p - 1.0)
    m = series.peak(y, phi, p, pt)
    j, weights = series.places(m, a, pt)
    each = series.slope(y, phi, p, pt)
    terms = j * each[..., None] - pt.gammaln(j + 1.0) - pt.gammaln(j * a[..., None]) + weights
    return pt.logsumexp(terms, axis=-1)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the sum of ``Poisson(mu^(2 - p) / (phi (2 - p)))`` gamma amounts (Jørgensen 1987)."""
    del aux

    def logp(value: Any, mu: Any, phi: Any, power: Any) -> Any:
        p, inside = _inner(power)
        none, some = pt.eq(value, 0.0), pt.gt(value, 0.0)
        y = pt.where(some, value, 1.0)
        logs = pt.log(mu)
        rate = pt.exp((2.0 - p) * logs) / (phi * (2.0 - p))
        # All three have an axis of rows before the one of places is put behind it.
        rows = pt.zeros_like(y + mu + phi + p)
        density = (
            _log_series(y + rows, phi + rows, p + rows)
            - pt.log(y)
            - y * pt.exp((1.0 - p) * logs) / (phi * (p - 1.0))
            - rate
        )
        return pt.switch(inside, pt.switch(some, density, pt.switch(none, -rate, -np.inf)), -np.inf)

    def draw(mu: Any, phi: Any, power: Any, size: Any) -> Any:
        p, _ = _inner(power)
        rate = pt.exp((2.0 - p) * pt.log(mu)) / (phi * (2.0 - p))
        count = pm.Poisson.dist(pt.minimum(rate, MAX_MEAN), size=size)
        amount = pm.Gamma.dist(alpha=pt.maximum(count, 1) * (2.0 - p) / (p - 1.0), beta=1.0)
        return pt.switch(pt.gt(count, 0), amount * phi * (p - 1.0) * pt.exp((p - 1.0) * pt.log(mu)), 0.0)

    given = (params["mu"], params["phi"], params["power"])
    return custom("Tweedie", logp, draw, *given, signature="(),(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``phi mu^power``."""
    del aux
    return params["phi"] * pt.exp(params["power"] * pt.log(params["mu"]))


def phi(response: Response, link: Link) -> Default:
    """Return the prior of the dispersion, whose unit depends on the power: it is wider the farther the mean is from 1."""
    del link
    location, sd = mean_sd(response)
    location = location if location > 0 else 0.5 / len(response.value)
    middle = 2.0 * np.log(sd) - 1.5 * np.log(location)
    wide = np.sqrt(1.0 + (0.29 * np.log(location)) ** 2)
    return Default(
        f"LogNormal({middle:.4g}, {wide:.4g})", "the response's variance over its mean to the power 1.5, wide both ways"
    )


POWER = fixed("Uniform(1, 2)", "every power between those of counts (1) and of gamma amounts (2)")

FAMILY = Family(
    name="tweedie",
    title="Tweedie distribution (Poisson sum of gamma amounts)",
    aliases=("tw", "compound_poisson_gamma"),
    parameters=(
        Parameter("mu", ("log", "softplus", "identity"), "positive"),
        Parameter("phi", ("log", "softplus", "identity"), "positive", phi, elsewhere={"dispersion": "phi"}),
        Parameter(
            "power",
            ("logit_from_1",),
            "one_to_two",
            POWER,
            spread=lambda link: 0.4,
            elsewhere={"p": "power", "xi": "power"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_tweedie_terms.terms,
    parameter_terms=_tweedie_terms.by_parameter,
    row_seconds=1e-6,
    row_law=_tweedie_terms.law,
    scale=scale_count,
    atoms=(0.0,),
    example={"mu": 1.4, "phi": 0.8, "power": 1.35},
    density=(
        "{y} ~ Tweedie({mu}, {phi}, {power})\n    mean, dispersion and power, 1 < {power} < 2; Var {y} = {phi} {mu}^{power}, "
        "P({y} = 0) = exp(-{mu}^(2 - {power}) / ({phi} (2 - {power})))"
    ),
    notes=(
        "mu is the mean, phi the dispersion and power (p) lies between 1 and 2: the variance is phi mu^p. The response is the "
        "sum of a Poisson number of gamma amounts, and 0 where that number is; the density is Dunn & Smyth's series (2005)."
    ),
)
