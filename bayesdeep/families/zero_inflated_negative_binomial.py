"""Overdispersed counts with extra zeros."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _overdispersed_tails, _precision_terms, _row_laws, _row_terms, _zeros
from ._counts import COUNT_LINKS
from ._custom import custom
from ._defaults import DISPERSION, PROBABILITY
from ._overdispersed import draw_overdispersed, log_overdispersed, shape_of
from ._scale import scale_count, unit_spread
from ._unit import UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "zero_inflated_negative_binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mixture of zero, with probability ``zi``, and ``NegativeBinomial(mu, alpha)``."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any, zi: Any) -> Any:
        count = pt.switch(pt.ge(value, 0), value, 0)
        plain = pt.log1p(-zi) + log_overdispersed(count, mu, alpha)
        found = pt.switch(pt.eq(value, 0), pt.logaddexp(pt.log(zi), plain), plain)
        return pt.switch(pt.ge(value, 0), found, -np.inf)

    def draw(mu: Any, alpha: Any, zi: Any, size: Any) -> Any:
        mu, zi = mu + pt.zeros_like(alpha) + pt.zeros_like(zi), zi + pt.zeros_like(mu) + pt.zeros_like(alpha)
        return (1 - pm.Bernoulli.dist(zi, size=size)) * draw_overdispersed(mu, alpha, size)

    mu, alpha = shape_of(params)
    return custom(
        "ZeroInflatedNegativeBinomial", logp, draw, mu, alpha, inner_unit(params["zi"]), signature="(),(),()->()"
    )


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) mu``."""
    del aux
    return (1.0 - params["zi"]) * params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - zi) mu (1 + mu / alpha + zi mu)``."""
    del aux
    mu, zi = params["mu"], params["zi"]
    return (1.0 - zi) * mu * (1.0 + mu / params["alpha"] + zi * mu)


def log_below(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y <= value)``: an extra zero, or a count that is no larger."""
    zi = inner_unit(params["zi"])
    # Below 0 there is nothing; asking there for the counts' own has no gradient.
    inside = pt.maximum(value, 0.0)
    found = pt.logaddexp(pt.log(zi), pt.log1p(-zi) + _overdispersed_tails.log_below(params, aux, inside))
    return pt.switch(pt.lt(value, 0), -float("inf"), found)


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: no extra zero, and a larger count."""
    zi = inner_unit(params["zi"])
    found = pt.log1p(-zi) + _overdispersed_tails.log_survival(params, aux, pt.maximum(value, 0.0))
    return pt.switch(pt.lt(value, 0), 0.0, found)


FAMILY = Family(
    name="zero_inflated_negative_binomial",
    title="zero-inflated negative binomial distribution",
    aliases=("zinb", "zinb2", "zinegbin", "zero_inflated_negbinomial"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter(
            "alpha",
            ("log", "softplus", "identity"),
            "positive",
            DISPERSION,
            elsewhere={"shape": "alpha", "theta": "alpha", "phi": "alpha"},
        ),
        Parameter("zi", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"psi": "1 - zi"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_zeros.inflated_rows(_row_terms.of_overdispersed_counts),
    parameter_terms=_zeros.inflated_parameters(
        _row_terms.of_overdispersed_counts, _precision_terms.alpha_of_overdispersed_counts
    ),
    row_law=_zeros.inflated_law(_row_laws.of_overdispersed_counts),
    scale=scale_count,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"discrete"}),
    log_below=log_below,
    log_survival=log_survival,
    example={"mu": 2.6, "alpha": 1.7, "zi": 0.3},
    density=(
        "{y} = 0 with probability {zi}: an extra zero\nelse {y} ~ NegativeBinomial({mu}, {alpha})\n"
        "    mean {mu}, variance {mu} + {mu}² / {alpha}"
    ),
    notes=(
        "zi is the probability of an extra zero; mu and mu + mu^2 / alpha are mean and variance of the negative binomial part, "
        "which has zeros of its own: many of them where alpha is small, so that zi and alpha compete for the same zeros. "
        "Censored rows contribute probabilities of the mixture."
    ),
)
