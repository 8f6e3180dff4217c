"""Counts whose variance is their mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _row_laws, _row_terms
from ._counts import COUNT_LINKS, clip_mean, log_few, log_poisson, tail_or
from ._information import of_counts
from ._scale import scale_count


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Poisson(mu)``."""
    del aux
    return pm.Poisson.dist(clip_mean(params["mu"]))


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def log_below(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y <= value)``, the upper incomplete gamma ``Q(value + 1, mu)``; see ``log_few`` where it underflows."""
    del aux
    mu, k = clip_mean(params["mu"]), pt.maximum(pt.floor(value), 0.0)
    some = pt.maximum(mu, 1.0)  # only means far above the count get there
    far = log_few(log_poisson(k, mu), k / some, 1.0 / pt.maximum(k, 1.0))
    return pt.switch(pt.lt(value, 0), -float("inf"), tail_or(pt.gammaincc(k + 1.0, mu), far))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``, the lower incomplete gamma function ``P(value + 1, mu)``.

    Where it underflows, its series' first term with the rest as a geometric sum: the terms after
    ``P(Y = value + 1)`` shrink by ``mu / (value + 2)`` at least.
    """
    del aux
    # Below 0 everything is above.
    mu, k = clip_mean(params["mu"]), pt.maximum(pt.floor(value), 0.0)
    far = log_poisson(k + 1.0, mu) - pt.log1p(-pt.minimum(mu / (k + 2.0), 0.99))
    return pt.switch(pt.lt(value, 0), 0.0, tail_or(pt.gammainc(k + 1.0, mu), far))


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``mu P(lower - 1 <= Y <= upper - 1) / P(lower <= Y <= upper)``, since ``k p(k) = mu p(k - 1)``."""
    del lower, upper
    return params["mu"] * pt.exp(log_mass(params, 1.0) - log_mass(params))


FAMILY = Family(
    name="poisson",
    title="Poisson distribution",
    aliases=("pois",),
    parameters=(Parameter("mu", COUNT_LINKS, "positive"),),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    information=of_counts,
    row_terms=_row_terms.of_counts,
    row_law=_row_laws.of_counts,
    fused={"log": "poisson"},
    truncated_mean=truncated_mean,
    scale=scale_count,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"discrete"}),
    log_below=log_below,
    log_survival=log_survival,
    example={"mu": 2.6},
    density="{y} ~ Poisson({mu})",
    notes=(
        "mu is the mean. Left-censored rows contribute P(Y <= value), right-censored ones "
        "P(Y >= value), intervals P(value <= Y <= upper)."
    ),
)
