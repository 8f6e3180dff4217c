"""Counts of several outcomes in a known number of trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response

from . import _tables
from ._custom import custom
from ._levels import against_first


def code(response: Response) -> Response:
    """Return counts ``(obs, level)`` of int64, with their sums as trials."""
    return _tables.counts_by_level(response, "multinomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Multinomial(trials, p)`` with log odds against the first level ``(obs, level - 1)``."""

    def logp(value: Any, trials: Any, eta: Any) -> Any:
        ways = pt.gammaln(trials + 1.0) - pt.gammaln(value + 1.0).sum(axis=-1)
        found = ways + (value * pt.special.log_softmax(eta, axis=-1)).sum(axis=-1)
        inside = pt.and_(pt.all(pt.ge(value, 0), axis=-1), pt.eq(value.sum(axis=-1), trials))
        return pt.switch(inside, found, -np.inf)

    def draw(trials: Any, eta: Any, size: Any) -> Any:
        return pm.Multinomial.dist(n=trials, p=pt.special.softmax(eta, axis=-1), size=size)

    eta = against_first(params["mu"])
    return custom("Multinomial", logp, draw, _tables.trials_of(aux), eta, signature="(),(k)->(k)")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the expected counts ``(obs, level)``; the probabilities where the number of trials is not known."""
    return _tables.trials_of(aux)[..., None] * aux.link.inverse(against_first(params["mu"]))


FAMILY = Family(
    name="multinomial",
    title="multinomial distribution",
    aliases=("multinomial_counts",),
    parameters=(Parameter("mu", ("softmax",), shape="contrast", link_in_family=True),),
    code=code,
    rv=rv,
    mean=mean,
    scale=_tables.equal_odds,
    # The sums of the counts are the trials, which a response with `prop` has too.
    modifiers=frozenset({"prop", "weighted"}),
    words=frozenset({"discrete", "levels", "trials", "several_columns"}),
    example={"mu": (0.4, -0.7)},
    density=(
        "{y} ~ Multinomial({n}, {mu})\n"
        "    {n} is their sum, and {mu} has the probability {mu_k} of each level k = {levels}"
    ),
    notes=(
        "The response is c(first, second, third). There is a predictor for each level but the first: the log odds "
        "of that level against the first. The number of trials is the row's sum."
    ),
)
