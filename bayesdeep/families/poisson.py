"""Counts whose variance is their mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm
from bayesdeep.core.records import Aux, Family, Parameter, Response

from ._checks import counts
from ._counts import COUNT_LINKS, held
from ._scale import scale_count


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Poisson(mu)``."""
    del aux
    return pm.Poisson.dist(held(params["mu"]))


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


FAMILY = Family(
    name="poisson",
    title="Poisson distribution",
    parameters=(Parameter("mu", COUNT_LINKS, "positive"),),
    code=code,
    rv=rv,
    mean=mean,
    scale=scale_count,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"discrete"}),
    example={"mu": 2.6},
    notes=(
        "mu is the mean. Left-censored rows contribute P(Y <= value), right-censored ones P(Y > value), intervals "
        "P(value < Y <= upper)."
    ),
)
