"""Zero or not, and overdispersed counts above zero if not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response, RowLaw, RowValues
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE

from . import _overdispersed_tails, _precision_terms, _row_terms, _zeros
from ._counts import COUNT_LINKS, LEAST_MEAN, MAX_MEAN
from ._custom import custom
from ._defaults import DISPERSION, PROBABILITY
from ._overdispersed import LEAST_SHAPE, draw_above_zero, log_none, log_overdispersed, shape_of
from ._rising import LARGEST, LEAST
from ._scale import scale_count, unit_spread
from ._unit import UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "hurdle_negative_binomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return zero with probability ``hu``, otherwise ``NegativeBinomial(mu, alpha)`` given that it is above zero."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any, hu: Any) -> Any:
        above = pt.switch(pt.gt(value, 0), value, 1)
        some = pt.log1p(-hu) + log_overdispersed(above, mu, alpha) - pt.log1mexp(log_none(mu, alpha))
        return pt.switch(pt.gt(value, 0), some, pt.switch(pt.eq(value, 0), pt.log(hu), -np.inf))

    def draw(mu: Any, alpha: Any, hu: Any, size: Any) -> Any:
        mu, hu = mu + pt.zeros_like(alpha) + pt.zeros_like(hu), hu + pt.zeros_like(mu) + pt.zeros_like(alpha)
        return (1 - pm.Bernoulli.dist(hu, size=size)) * draw_above_zero(mu, alpha, size)

    mu, alpha = shape_of(params)
    return custom("HurdleNegativeBinomial", logp, draw, mu, alpha, inner_unit(params["hu"]), signature="(),(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``(1 - hu) mu / (1 - P0)``, ``P0 = (1 + mu / alpha)^-alpha``."""
    del aux
    mu, alpha = shape_of(params)
    return (1.0 - params["hu"]) * mu / -pt.expm1(log_none(mu, alpha))


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mean (1 + mu + mu / alpha - mean)``."""
    mu, alpha = shape_of(params)
    expected = mean(params, aux)
    return expected * (1.0 + mu + mu / alpha - expected)


def log_below(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y <= value)``: a zero, or a count above it that is no larger."""
    hu, none = inner_unit(params["hu"]), log_none(*shape_of(params))
    own = _overdispersed_tails.log_below(params, aux, pt.maximum(value, 1.0))
    some = own + pt.log1mexp(pt.minimum(none - own, -LEAST_MEAN)) - pt.log1mexp(none)
    counted = pt.logaddexp(pt.log(hu), pt.log1p(-hu) + pt.minimum(some, 0.0))
    return pt.switch(pt.lt(value, 0), -float("inf"), pt.switch(pt.lt(value, 1), pt.log(hu), counted))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: above the hurdle, and a larger count among those above zero."""
    hu, inside = inner_unit(params["hu"]), pt.maximum(value, 0.0)
    far = _overdispersed_tails.log_survival(params, aux, pt.maximum(inside, 1.0))
    beyond = pt.switch(pt.lt(inside, 1.0), 0.0, far - pt.log1mexp(log_none(*shape_of(params))))
    return pt.switch(pt.lt(value, 0), 0.0, pt.log1p(-hu) + beyond)


def row_law(link: str) -> RowLaw:
    """Return mean, variance and new responses in NumPy; counts above zero as :func:`._overdispersed.draw_above_zero` has them."""
    del link

    def shapes(params: RowValues) -> tuple[np.ndarray, np.ndarray]:
        return np.clip(params["mu"], LEAST_MEAN, MAX_MEAN), np.clip(params["alpha"], LEAST_SHAPE, LARGEST)

    def expected(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        mu, alpha = shapes(params)
        return np.asarray((1.0 - params["hu"]) * mu / -np.expm1(-alpha * np.log1p(mu / alpha)))

    def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        mu, alpha = np.broadcast_arrays(*shapes(params))
        rate = np.log1p(mu / alpha)
        at = -np.log1p(rng.random(mu.shape) * np.expm1(-alpha * rate)) / rate
        turn = np.maximum(rate * rng.random(mu.shape), LEAST_MEAN)
        with np.errstate(divide="ignore"):  # the form that is not taken
            missed = np.where(turn > 0.7, np.log1p(-np.exp(-turn)), np.log(-np.expm1(-turn)))
            jump = np.minimum(1.0 + np.floor(np.log1p(-rng.random(mu.shape)) / missed), MAX_MEAN)
        left = np.maximum(alpha - at, LEAST)
        more = rng.poisson(np.minimum(rng.standard_gamma(left) * (mu / alpha), MAX_MEAN))
        return np.where(rng.random(mu.shape) < params["hu"], 0, jump.astype(np.int64) + more)

    def spread(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        mu, alpha = shapes(params)
        found = expected(params, trials)
        return np.asarray(found * (1.0 + mu + mu / alpha - found))

    return RowLaw(expected, draw, spread)


FAMILY = Family(
    name="hurdle_negative_binomial",
    title="hurdle negative binomial distribution",
    aliases=("hurdle_negbinomial", "hurdle_nb", "truncated_nbinom2"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter(
            "alpha",
            ("log", "softplus", "identity"),
            "positive",
            DISPERSION,
            elsewhere={"shape": "alpha", "theta": "alpha", "phi": "alpha"},
        ),
        Parameter("hu", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"psi": "1 - hu", "zi": "hu"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_zeros.hurdle_rows(_row_terms.of_overdispersed_counts),
    parameter_terms=_zeros.hurdle_parameters(
        _row_terms.of_overdispersed_counts, _precision_terms.alpha_of_overdispersed_counts
    ),
    row_law=row_law,
    scale=scale_count,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"discrete"}),
    log_below=log_below,
    log_survival=log_survival,
    example={"mu": 2.6, "alpha": 1.7, "hu": 0.3},
    density="P({y} = 0) = {hu}\nelse {y} ~ NegativeBinomial({mu}, {alpha}) given that {y} > 0",
    notes=(
        "hu is the probability of zero, of any kind; mu and mu + mu^2 / alpha are mean and variance of the negative binomial "
        "distribution before its zeros are cut off. Where alpha goes to 0 the counts above zero become logarithmic ones and mu "
        "and alpha cannot be told apart (Mullahy 1986)."
    ),
)
