"""Successes in a known number of trials, with extra zeros."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.supports import POSITIVE

from . import _row_laws, _row_terms, _trials, _zeros
from ._custom import custom
from ._defaults import PROBABILITY
from ._scale import scale_unit, unit_spread
from ._unit import UNIT_LINKS, inner_unit, log_probabilities, probability


def code(response: Response) -> Response:
    """Return successes and trials as counts of int64."""
    return _trials.successes(response, "zero_inflated_binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mixture of zero, with probability ``zi``, and ``Binomial(trials, mu)``."""

    def logp(value: Any, trials: Any, eta: Any, zi: Any) -> Any:
        success, failure = log_probabilities(eta, aux.link)
        inside = pt.and_(pt.ge(value, 0), pt.le(value, trials))
        k = pt.switch(inside, value, 0)
        some = _trials.log_ways(trials, k) + _trials.times(k, success) + _trials.times(trials - k, failure)
        plain = pt.log1p(-zi) + some
        return pt.switch(inside, pt.switch(pt.eq(k, 0), pt.logaddexp(pt.log(zi), plain), plain), -np.inf)

    def draw(trials: Any, eta: Any, zi: Any, size: Any) -> Any:
        extra = pm.Bernoulli.dist(zi + pt.zeros_like(eta), size=size)
        return (1 - extra) * pm.Binomial.dist(trials, probability(eta, aux.link) + pt.zeros_like(zi), size=size)

    zi = inner_unit(params["zi"])
    return custom("ZeroInflatedBinomial", logp, draw, aux.trials, params["mu"], zi, signature="(),(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) n mu``."""
    return (1.0 - params["zi"]) * aux.trials * probability(params["mu"], aux.link)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) n mu (1 - mu + zi n mu)``."""
    p, zi = probability(params["mu"], aux.link), params["zi"]
    return (1.0 - zi) * aux.trials * p * (1.0 - p + zi * aux.trials * p)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a probability of one half, and the link's own spread."""
    del response
    return scale_unit(link)


FAMILY = Family(
    name="zero_inflated_binomial",
    title="zero-inflated binomial distribution",
    aliases=("zib", "zi_binomial", "zero_inflated_binom"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit", link_in_family=True),
        Parameter("zi", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"psi": "1 - zi"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_zeros.inflated_rows(_row_terms.of_successes),
    parameter_terms=_zeros.inflated_parameters(_row_terms.of_successes),
    row_law=_zeros.inflated_law(_row_laws.of_successes),
    scale=scale,
    modifiers=frozenset({"prop", "weighted"}),
    words=frozenset({"discrete", "trials"}),
    example={"mu": 0.4, "zi": 0.3},
    density="{y} = 0 with probability {zi}: an extra zero\nelse {y} ~ Binomial({n}, {mu})",
    notes=(
        "zi is the probability of an extra zero; mu is the probability of success in one trial of the other rows, which may "
        "have no success either. With one trial a row the two cannot be told apart (Hall 2000)."
    ),
)
