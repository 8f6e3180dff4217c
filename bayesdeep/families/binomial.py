"""Successes in a known number of trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.supports import POSITIVE

from . import _row_laws, _row_terms
from ._custom import custom
from ._information import of_successes
from ._scale import scale_unit
from ._trials import log_ways, successes, times
from ._unit import UNIT_LINKS, drawable, log_probabilities, probability


def code(response: Response) -> Response:
    """Return successes and trials as counts of int64."""
    return successes(response, "binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Binomial(trials, p)`` with ``log p`` and ``log(1 - p)`` taken from the link."""

    def logp(value: Any, trials: Any, eta: Any) -> Any:
        success, failure = log_probabilities(eta, aux.link)
        inside = pt.and_(pt.ge(value, 0), pt.le(value, trials))
        k = pt.switch(inside, value, 0)
        wins, losses = times(k, success), times(trials - k, failure)
        return pt.switch(inside, log_ways(trials, k) + wins + losses, -np.inf)

    def draw(trials: Any, eta: Any, size: Any) -> Any:
        return pm.Binomial.dist(trials, drawable(eta, aux.link), size=size)

    return custom("Binomial", logp, draw, aux.trials, params["mu"], signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the expected number of successes."""
    return aux.trials * probability(params["mu"], aux.link)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``n p (1 - p)``."""
    p = probability(params["mu"], aux.link)
    return aux.trials * p * (1.0 - p)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a probability of one half, and the link's own spread."""
    if link.name != "identity":
        return scale_unit(link)
    assert response.trials is not None
    share = float(np.sum(response.value) / max(np.sum(response.trials), 1))
    return share, max(float(np.sqrt(share * (1 - share))), 0.05)


FAMILY = Family(
    name="binomial",
    title="binomial distribution",
    aliases=("binom", "successes"),
    parameters=(Parameter("mu", (*UNIT_LINKS, "tanh", "identity"), "unit", link_in_family=True),),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    information=of_successes,
    row_terms=_row_terms.of_successes,
    row_law=_row_laws.of_successes,
    fused={"logit": "binomial"},
    scale=scale,
    modifiers=frozenset({"prop", "weighted"}),
    words=frozenset({"discrete", "trials"}),
    example={"mu": 0.4},
    density="{y} ~ Binomial({n}, {mu})",
    inverse={"tanh": "mu = (1 + tanh(eta)) / 2"},
    notes="mu is the probability of success in one trial; the expected response is trials times mu.",
)
