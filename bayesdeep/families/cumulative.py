"""Ordered levels as slices of a latent variable."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response

from . import _ordinal_terms, _row_laws
from ._custom import custom
from ._levels import ordered_levels
from ._thresholds import DISC, LATENT_SD, distance, distances, scale, thresholds
from ._unit import UNIT_LINKS

LEAST_STEP = 1e-300


def code(response: Response) -> Response:
    """Return codes 0, 1, 2, … ``(obs,)`` of int64 into the levels in their order."""
    return ordered_levels(response, "cumulative", "an ordered category or whole numbers")


def log_slice(upper: Any, lower: Any, link: Link) -> Any:
    """Return ``log(F(upper) - F(lower))`` for ``upper > lower``.

    From ``log F`` in the lower half and ``log(1 - F)`` in the upper half, so that the larger of the two numbers
    subtracted is at most about one half and nothing cancels against 1.
    """
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    low = pt.lt(upper + lower, 0.0)
    larger = pt.switch(low, link.log_inverse(upper), link.log1m_inverse(lower))
    smaller = pt.switch(low, link.log_inverse(lower), link.log1m_inverse(upper))
    return larger + pt.log1mexp(pt.minimum(smaller - larger, -LEAST_STEP))


def _log_probability(value: Any, eta: Any, threshold: Any, link: Link, disc: Any = None) -> Any:
    cuts = threshold.shape[-1]
    upper = _gather(threshold, pt.clip(value, 0, cuts - 1)) - eta
    lower = _gather(threshold, pt.clip(value - 1, 0, cuts - 1)) - eta
    if disc is not None:
        upper, lower = disc * upper, disc * lower
    # At the ends there is one cut, and both are the same: a distance of 0 would spoil the gradient.
    apart = pt.switch(pt.gt(upper, lower), upper, lower + 1.0)
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    first, last = link.log_inverse(upper), link.log1m_inverse(lower)
    middle = log_slice(apart, lower, link)
    found = pt.switch(pt.eq(value, 0), first, pt.switch(pt.eq(value, cuts), last, middle))
    return pt.switch(pt.and_(pt.ge(value, 0), pt.le(value, cuts)), found, -np.inf)


def _gather(threshold: Any, index: Any) -> Any:
    """Return the thresholds of the indexed cuts: shared by all rows, or rows of thresholds ``(…, cut)``."""
    index = pt.as_tensor(index).astype("int64")
    if threshold.ndim == 1:
        return threshold[index]
    return pt.take_along_axis(threshold, index[..., None], axis=-1)[..., 0]


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the level with ``P(y <= k) = F(disc (threshold_k - eta))``."""
    link = aux.link

    def logp(value: Any, eta: Any, threshold: Any, disc: Any = None) -> Any:
        return _log_probability(value, eta, threshold, link, disc)

    def draw(*given: Any) -> Any:
        # The first level whose cumulative probability a uniform number does not exceed.
        *own, size = given
        at = distance(*own)
        uniform = pm.Uniform.dist(pt.zeros_like(at[..., 0]), 1.0, size=size)
        return pt.gt(uniform[..., None], link.inverse(at)).sum(axis=-1)

    given = [params["mu"], params["threshold"], *([params["disc"]] if "disc" in params else [])]
    return custom("Cumulative", logp, draw, *given, signature="(),(c)->()" if len(given) == 2 else "(),(c),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the probabilities ``(obs, level)``, with the care :func:`log_slice` takes in the tails."""
    link, at = aux.link, distances(params)
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    first, last = link.log_inverse(at[..., :1]), link.log1m_inverse(at[..., -1:])
    middle = log_slice(at[..., 1:], at[..., :-1], link)
    return pt.exp(pt.concatenate([first, middle, last], axis=-1))


FAMILY = Family(
    name="cumulative",
    title="cumulative (ordinal) distribution",
    aliases=("ordinal", "ordered", "ordered_logistic", "proportional_odds", "polr", "clm", "cumulative_logit"),
    parameters=(
        Parameter("mu", UNIT_LINKS, link_in_family=True),
        DISC,
        thresholds("ordered"),
    ),
    code=code,
    rv=rv,
    mean=mean,
    row_terms=_ordinal_terms.of_slices,
    parameter_terms=_ordinal_terms.disc_of_slices,
    row_law=_row_laws.of_levels,
    residual=LATENT_SD.get,
    scale=scale,
    words=frozenset({"discrete", "levels", "ordered", "no_intercept"}),
    example={"mu": 0.4, "disc": 1.3, "threshold": (-0.8, 0.3, 1.5)},
    density=(
        "P({y} ≤ k) = F({disc}({threshold}[k] − {eta}))\n"
        "    for each level k but the last, in the order {levels}\n"
        "F(x) = {inverse}"
    ),
    notes=(
        "P(y <= k) = F(disc (threshold_k - eta)), F the inverse link, disc 1 unless it has a formula; the thresholds take the "
        "intercept's place."
    ),
)
