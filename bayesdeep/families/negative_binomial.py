"""Counts that vary more than Poisson counts of the same mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _precision_terms, _row_laws, _row_terms
from ._counts import COUNT_LINKS, clip_mean
from ._defaults import DISPERSION
from ._information import of_overdispersed_counts
from ._overdispersed_tails import log_below, log_survival
from ._scale import scale_count


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "negative_binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``NegativeBinomial(mu, alpha)``."""
    del aux
    return pm.NegativeBinomial.dist(mu=clip_mean(params["mu"]), alpha=params["alpha"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu + mu² / alpha``."""
    del aux
    return params["mu"] + params["mu"] ** 2 / params["alpha"]


def truncated_mean(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return ``mu P'(lower - 1 <= Y <= upper - 1) / P``: ``k p(k)`` is that of shape ``alpha + 1``, moved by one."""
    del lower, upper
    mu, alpha = params["mu"], params["alpha"]
    biased = {"mu": mu * (alpha + 1.0) / alpha, "alpha": alpha + 1.0}
    return mu * pt.exp(log_mass(biased, 1.0) - log_mass(params))


FAMILY = Family(
    name="negative_binomial",
    title="negative binomial distribution",
    aliases=("negbinomial", "negbin", "nbinom", "nbinom2", "nb", "nb2"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter(
            "alpha", ("log", "softplus", "identity"), "positive", DISPERSION,
            elsewhere={"shape": "alpha", "theta": "alpha", "phi": "alpha"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    information=of_overdispersed_counts,
    row_terms=_row_terms.of_overdispersed_counts,
    parameter_terms=_precision_terms.alpha_of_overdispersed_counts,
    row_law=_row_laws.of_overdispersed_counts,
    truncated_mean=truncated_mean,
    scale=scale_count,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"discrete"}),
    log_below=log_below,
    log_survival=log_survival,
    example={"mu": 2.6, "alpha": 1.7},
    density="{y} ~ NegativeBinomial({mu}, {alpha})\n    mean {mu}, variance {mu} + {mu}² / {alpha}",
    notes=(
        "mu is the mean and the variance is mu + mu^2 / alpha: the smaller alpha, the stronger the overdispersion. "
        "Left-censored rows contribute P(Y <= value), right-censored ones "
        "P(Y >= value), intervals P(value <= Y <= upper)."
    ),
)
