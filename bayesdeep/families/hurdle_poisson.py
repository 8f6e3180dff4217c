"""Zero or not, and Poisson counts above zero if not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _mixture_terms, _row_laws
from ._counts import COUNT_LINKS, LEAST_MEAN, clip_mean, log_poisson
from ._custom import custom
from ._defaults import PROBABILITY
from ._scale import scale_count, unit_spread
from ._unit import UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "hurdle_poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return zero with probability ``hu``, otherwise ``Poisson(mu)`` given that it is above zero.

    A Poisson count above zero is drawn without rejection: the first event of a Poisson process on ``(0, mu)`` given
    that there is one comes at ``t = -log(1 - u (1 - exp(-mu)))``, and the rest of the interval has
    ``Poisson(mu - t)`` more.
    """
    del aux

    def logp(value: Any, mu: Any, hu: Any) -> Any:
        above = pt.switch(pt.gt(value, 0), value, 1)
        some = pt.log1p(-hu) + log_poisson(above, mu) - pt.log1mexp(-mu)
        return pt.switch(pt.gt(value, 0), some, pt.switch(pt.eq(value, 0), pt.log(hu), -np.inf))

    def draw(mu: Any, hu: Any, size: Any) -> Any:
        mu, hu = mu + pt.zeros_like(hu), hu + pt.zeros_like(mu)
        first = -pt.log1p(pm.Uniform.dist(pt.zeros_like(mu), 1.0, size=size) * pt.expm1(-mu))
        more = pm.Poisson.dist(pt.maximum(mu - first, 0.0))
        return (1 - pm.Bernoulli.dist(hu, size=size)) * (1 + more)

    mu, hu = pt.maximum(clip_mean(params["mu"]), LEAST_MEAN), inner_unit(params["hu"])
    return custom("HurdlePoisson", logp, draw, mu, hu, signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - hu) mu / (1 - exp(-mu))``."""
    del aux
    mu = pt.maximum(params["mu"], LEAST_MEAN)
    return (1.0 - params["hu"]) * mu / -pt.expm1(-mu)


FAMILY = Family(
    name="hurdle_poisson",
    title="hurdle Poisson distribution",
    aliases=("hurdle", "truncated_poisson"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter("hu", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"psi": "1 - hu"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    row_terms=_mixture_terms.of_hurdle_counts,
    parameter_terms=_mixture_terms.hu_of_hurdle_counts,
    row_law=_row_laws.of_hurdle_counts,
    scale=scale_count,
    words=frozenset({"discrete"}),
    example={"mu": 2.6, "hu": 0.3},
    density="P({y} = 0) = {hu}\nelse {y} ~ Poisson({mu}) given that {y} > 0",
    notes=(
        "hu is the probability of zero, of any kind; mu is the mean of the Poisson distribution before its zeros are "
        "cut off."
    ),
)
