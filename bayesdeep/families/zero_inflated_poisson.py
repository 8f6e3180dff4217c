"""Poisson counts with extra zeros."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _mixture_terms, _row_laws
from ._counts import COUNT_LINKS, clip_mean, log_poisson
from ._custom import custom
from ._defaults import PROBABILITY
from ._scale import scale_count, unit_spread
from ._unit import UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "zero_inflated_poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mixture of zero, with probability ``zi``, and ``Poisson(mu)``."""
    del aux

    def logp(value: Any, mu: Any, zi: Any) -> Any:
        log_extra, log_rest = pt.log(zi), pt.log1p(-zi)
        count = pt.switch(pt.ge(value, 0), value, 0)
        some = log_rest + log_poisson(count, mu)
        found = pt.switch(pt.eq(value, 0), pt.logaddexp(log_extra, log_rest - mu), some)
        return pt.switch(pt.ge(value, 0), found, -np.inf)

    def draw(mu: Any, zi: Any, size: Any) -> Any:
        extra = pm.Bernoulli.dist(zi + pt.zeros_like(mu), size=size)
        return (1 - extra) * pm.Poisson.dist(mu + pt.zeros_like(zi), size=size)

    zi = inner_unit(params["zi"])
    return custom("ZeroInflatedPoisson", logp, draw, clip_mean(params["mu"]), zi, signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) mu``."""
    del aux
    return (1.0 - params["zi"]) * params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) mu (1 + zi mu)``."""
    del aux
    mu, zi = params["mu"], params["zi"]
    return (1.0 - zi) * mu * (1.0 + zi * mu)


FAMILY = Family(
    name="zero_inflated_poisson",
    title="zero-inflated Poisson distribution",
    aliases=("zip", "zi_poisson", "zero_inflated"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter("zi", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"psi": "1 - zi"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_mixture_terms.of_inflated_counts,
    parameter_terms=_mixture_terms.zi_of_inflated_counts,
    row_law=_row_laws.of_inflated_counts,
    scale=scale_count,
    words=frozenset({"discrete"}),
    example={"mu": 2.6, "zi": 0.3},
    density="{y} = 0 with probability {zi}: an extra zero\nelse {y} ~ Poisson({mu})",
    notes="zi is the probability of an extra zero; mu is the mean of the Poisson part, which has zeros of its own.",
)
