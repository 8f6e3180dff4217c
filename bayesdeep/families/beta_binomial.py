"""Successes in a known number of trials whose probability varies more than trials on their own let it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.supports import POSITIVE

from . import _trials
from ._custom import custom
from ._defaults import fixed
from ._rising import LARGEST, above_power
from ._scale import scale_unit
from ._unit import UNIT_LINKS, log_probabilities, probability


def code(response: Response) -> Response:
    """Return successes and trials as counts of int64."""
    return _trials.successes(response, "beta_binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Binomial(trials, p)`` with ``p ~ Beta(mu kappa, (1 - mu) kappa)``.

    The density is the binomial one times what the rising factorials lie above powers, which goes to 1 as kappa grows.
    """

    def logp(value: Any, trials: Any, eta: Any, kappa: Any) -> Any:
        success, failure = log_probabilities(eta, aux.link)
        inside = pt.and_(pt.ge(value, 0), pt.le(value, trials))
        k = pt.switch(inside, value, 0)
        wins, losses = _trials.times(k, success), _trials.times(trials - k, failure)
        log_kappa = pt.log(kappa)
        more = above_power(pt.exp(success) * kappa, log_kappa + success, k)
        more += above_power(pt.exp(failure) * kappa, log_kappa + failure, trials - k) - above_power(
            kappa, log_kappa, trials
        )
        return pt.switch(inside, _trials.log_ways(trials, k) + wins + losses + more, -np.inf)

    def draw(trials: Any, eta: Any, kappa: Any, size: Any) -> Any:
        success, failure = log_probabilities(eta, aux.link)
        a, b = (pt.maximum(pt.exp(log_p) * kappa, _trials.LEAST_SHAPE) for log_p in (success, failure))
        return pm.Binomial.dist(trials, pm.Beta.dist(a, b, size=size))

    kappa = pt.clip(params["kappa"], _trials.LEAST, LARGEST)
    return custom("BetaBinomial", logp, draw, aux.trials, params["mu"], kappa, signature="(),(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the expected number of successes."""
    return aux.trials * probability(params["mu"], aux.link)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``n mu (1 - mu) (kappa + n) / (kappa + 1)``."""
    p, kappa = probability(params["mu"], aux.link), params["kappa"]
    return aux.trials * p * (1.0 - p) * (kappa + aux.trials) / (kappa + 1.0)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


KAPPA = fixed("LogNormal(3, 2)", "trials of a row correlate by 1 / (1 + kappa): from 0.7 to 0.001")

FAMILY = Family(
    name="beta_binomial",
    title="beta-binomial distribution",
    aliases=("betabinom", "bb"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit", link_in_family=True),
        Parameter(
            "kappa",
            ("log", "softplus", "identity"),
            "positive",
            KAPPA,
            elsewhere={"phi": "kappa", "rho": "1 / (1 + kappa)"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_trials.overdispersed_rows,
    parameter_terms=_trials.kappa_of_overdispersed,
    row_seconds=2.2e-6,
    row_law=_trials.overdispersed_law,
    scale=scale,
    modifiers=frozenset({"prop", "weighted"}),
    words=frozenset({"discrete", "trials"}),
    example={"mu": 0.4, "kappa": 5.0},
    density=(
        "{y} ~ BetaBinomial({n}, {mu} {kappa}, (1 − {mu}) {kappa})\n"
        "    mean {n} {mu}, variance {n} {mu} (1 − {mu}) ({kappa} + {n}) / ({kappa} + 1)"
    ),
    notes=(
        "mu is the mean probability of success and kappa its precision: p ~ Beta(mu kappa, (1 - mu) kappa), then "
        "k ~ Binomial(n, p). "
        "Two trials of a row correlate by 1 / (1 + kappa); a large kappa is the binomial distribution (Skellam 1948)."
    ),
)
