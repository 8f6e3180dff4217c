r"""Counts that set off further counts: the generalized Poisson distribution of Consul and Jain (1973).

With ``theta = mu (1 - lam)`` a count has the probability
:math:`\theta (\theta + \lambda y)^{y - 1} e^{-\theta - \lambda y} / y!`: ``Poisson(theta)`` events of their own, each of
which sets off ``Poisson(lam)`` others, and these in their turn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Family, Parameter, ParameterTerms, Response, RowLaw, RowTerms, RowValues
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from ._counts import COUNT_LINKS, LEAST_MEAN, MAX_MEAN, clip_mean
from ._custom import custom, drawn_by
from ._defaults import fixed
from ._scale import scale_count, unit_spread
from ._unit import MIN_PROBABILITY, UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "generalized_poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the generalized Poisson distribution of mean ``mu``."""
    del aux

    def logp(value: Any, mu: Any, lam: Any) -> Any:
        count = pt.switch(pt.ge(value, 0), value, 0)
        place = mu + lam * (count - mu)  # theta + lam y
        found = pt.log(mu) + pt.log1p(-lam) + (count - 1.0) * pt.log(place) - place - pt.gammaln(count + 1.0)
        return pt.switch(pt.ge(value, 0), found, -np.inf)

    def new(mu: Any, lam: Any, size: Any) -> Any:
        return drawn_by("generalized_poisson", draw)(mu + pt.zeros_like(lam), lam + pt.zeros_like(mu), size=size)

    mu = pt.maximum(clip_mean(params["mu"]), LEAST_MEAN)
    return custom("GeneralizedPoisson", logp, new, mu, inner_unit(params["lam"]), signature="(),()->()")


def draw(rng: np.random.Generator, mu: np.ndarray, lam: np.ndarray) -> np.ndarray:
    """Return counts, generation by generation: those that come on their own, those that they set off, and so on."""
    mu, lam = np.broadcast_arrays(np.clip(mu, LEAST_MEAN, MAX_MEAN), np.clip(lam, 0.0, 1.0 - MIN_PROBABILITY))
    total = rng.poisson(mu * (1.0 - lam))
    place, shape = np.flatnonzero(total), total.shape
    total, rate = total.ravel(), lam.ravel()
    living, rate = total[place], rate[place]
    while place.size:
        living = rng.poisson(np.minimum(rate * living, MAX_MEAN))
        total[place] = np.minimum(total[place] + living, MAX_MEAN)
        there = living > 0
        place, living, rate = place[there], living[there], rate[there]
    return total.reshape(shape)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu / (1 - lam)²``."""
    del aux
    return params["mu"] / (1.0 - inner_unit(params["lam"])) ** 2


def row_terms(response: Response, link: str) -> RowTerms | None:
    """Return the rows' terms under the log link."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        lam = np.clip(values["lam"], 0.0, 1.0 - MIN_PROBABILITY)
        theta = (1.0 - lam) * np.exp(np.clip(eta, LEAST, MOST))
        place = theta + lam * y
        value = np.log1p(-lam) + eta + (y - 1.0) * np.where(y > 0.0, np.log(place), np.log1p(-lam) + eta) - place - base
        if order == 0:
            return (value,)
        own = theta / place  # of the place, what does not come of other counts
        slope = 1.0 + (y - 1.0) * own - theta
        return (value, slope) if order == 1 else (value, slope, (y - 1.0) * own * (1.0 - own) - theta)

    return terms


def parameter_terms(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives by ``lam`` under the log link."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        lam = np.clip(values[name], 0.0, 1.0 - MIN_PROBABILITY)
        mu = np.exp(np.clip(eta, LEAST, MOST))
        # Of a count of 0 the place is theta, and what it says of lam goes out against log theta.
        share = np.where(y > 0.0, (y - mu) / (mu + lam * (y - mu)), -1.0 / (1.0 - lam))
        first = (y - 1.0) * share - (y - mu) - 1.0 / (1.0 - lam)
        return first, -(y - 1.0) * share**2 - 1.0 / (1.0 - lam) ** 2

    return terms


LEAST, MOST = -680.0, 690.0
"""Predictors whose exponentials are numbers."""


def row_law(link: str) -> RowLaw:
    """Return mean, variance and new responses in NumPy."""
    del link

    def expected(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return params["mu"]

    def new(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return draw(rng, params["mu"], params["lam"])

    def spread(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return np.asarray(params["mu"] / (1.0 - np.clip(params["lam"], 0.0, 1.0 - MIN_PROBABILITY)) ** 2)

    return RowLaw(expected, new, spread)


LAM = fixed("Beta(1, 1)", "every share of counts that others set off is equally likely")

FAMILY = Family(
    name="generalized_poisson",
    title="generalized Poisson distribution",
    aliases=("genpois", "genpoisson", "gpois", "lagrangian_poisson", "consul"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter(
            "lam",
            UNIT_LINKS,
            "unit",
            LAM,
            spread=unit_spread,
            elsewhere={"phi": "1 / (1 - lam)^2", "alpha": "lam / (mu (1 - lam))", "theta": "lam", "shape": "lam"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=row_terms,
    parameter_terms=parameter_terms,
    row_law=row_law,
    scale=scale_count,
    words=frozenset({"discrete"}),
    example={"mu": 2.6, "lam": 0.3},
    density="{y} ~ GeneralizedPoisson({mu}, {lam})\n    mean {mu}, variance {mu} / (1 − {lam})²",
    notes=(
        "mu is the mean; the variance is mu / (1 - lam)^2, which others write as phi mu. lam is how many further counts each one "
        "sets off on average: 0 is the Poisson distribution (Consul and Jain 1973, A generalization of the Poisson distribution, "
        "Technometrics 15, 791-799). Counts of less spread are com_poisson's: with a lam below 0 the probabilities do not sum "
        "to 1."
    ),
)
