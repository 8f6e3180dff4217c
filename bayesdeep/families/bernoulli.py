"""One outcome of two."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, one_column, refuse, refuse_rows, show
from bayesdeep.core.supports import UNIT

from . import _row_laws, _row_terms
from ._custom import custom
from ._information import of_successes
from ._levels import used_levels
from ._scale import mean_sd, scale_unit
from ._unit import SYMMETRIC, UNIT_LINKS, drawable, log_probabilities, probability

NEEDS = "0/1, true/false or two levels"


def code(response: Response) -> Response:
    """Return the response as 0 and 1 of int64.

    Of two levels the second is success and both labels are kept; -1/+1 count as two levels. A response that never
    or always is a success is fine if it says so in 0/1, true/false or declared categories.
    """
    one_column(response, "bernoulli", NEEDS)
    if response.levels is None:
        return _from_numbers(numbers(response, "bernoulli", NEEDS))
    if len(response.levels) != 2:
        response = used_levels(response, "bernoulli", NEEDS)
    assert response.levels is not None
    shown = ", ".join(show(level) for level in response.levels[:6])
    if len(response.levels) > 2:
        advice = f"it has {len(response.levels)} ({shown}); family 'categorical' takes more than two"
        refuse(response, "bernoulli", NEEDS, advice)
    if len(response.levels) < 2:
        refuse(response, "bernoulli", NEEDS, f"it only has {shown}; write the response as 0/1 to say which that is")
    bad = ~np.isin(response.value, (0, 1))
    refuse_rows(response, bad, "bernoulli", NEEDS)
    return response.with_(value=np.asarray(response.value, dtype=np.int64))


def _from_numbers(response: Response) -> Response:
    signs = (response.value == -1).any()
    refuse_rows(response, ~np.isin(response.value, (-1, 1) if signs else (0, 1)), "bernoulli", NEEDS)
    if signs:
        return response.with_(value=(response.value > 0).astype(np.int64), levels=(-1, 1))
    return response.with_(value=response.value.astype(np.int64))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Bernoulli(p)`` with ``log p`` and ``log(1 - p)`` taken from the link."""

    def logp(value: Any, eta: Any) -> Any:
        if aux.link.name in SYMMETRIC:
            # P(failure at eta) = P(success at -eta): one evaluation in place of two.
            success, _ = log_probabilities((2.0 * value - 1.0) * eta, aux.link)
            return pt.switch(pt.eq(value, 1) | pt.eq(value, 0), success, -np.inf)
        success, failure = log_probabilities(eta, aux.link)
        return pt.switch(pt.eq(value, 1), success, pt.switch(pt.eq(value, 0), failure, -np.inf))

    def draw(eta: Any, size: Any) -> Any:
        return pm.Bernoulli.dist(drawable(eta, aux.link), size=size)

    return custom("Bernoulli", logp, draw, params["mu"], signature="()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the probability of success."""
    return probability(params["mu"], aux.link)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``p (1 - p)``."""
    p = mean(params, aux)
    return p * (1.0 - p)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a probability of one half, and the link's own spread."""
    return mean_sd(response) if link.name == "identity" else scale_unit(link)


FAMILY = Family(
    name="bernoulli",
    title="Bernoulli distribution",
    aliases=("binary", "logistic", "logit", "probit"),
    parameters=(Parameter("mu", (*UNIT_LINKS, "tanh", "identity"), "unit", link_in_family=True),),
    code=code,
    support=UNIT,
    rv=rv,
    mean=mean,
    variance=variance,
    information=of_successes,
    row_terms=_row_terms.of_successes,
    row_law=_row_laws.of_successes,
    fused={"logit": "bernoulli"},
    scale=scale,
    words=frozenset({"discrete", "two_levels"}),
    example={"mu": 0.4},
    density="{y} ~ Bernoulli({mu})",
    inverse={"tanh": "mu = (1 + tanh(eta)) / 2"},
    notes="mu is the probability of success, the second of two levels. With the tanh link it is (1 + tanh eta) / 2.",
)
