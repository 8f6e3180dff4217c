"""Fréchet responses: largest values of many with a heavy tail and nothing below 0."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import gamma as gamma_function

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux, Family, Link, Parameter, ParameterTerms, Response, RowLaw, RowTerms, RowValues
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from ._custom import custom
from ._defaults import fixed
from ._positive import log_above, log_below, log_density
from ._scale import through, values

CLOGLOG: Any = LINKS["cloglog"]
MAX_EXPONENT = 300.0
"""Where exponentials end, so that their products do not overflow: the density there is as good as 0."""


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "frechet", "numbers on the whole line may be 'gev'")


def _log_hazard(value: Any, mu: Any, alpha: Any) -> Any:
    """Return ``z = -alpha log(value / mu)``: ``exp(z)`` of a response is exponential with mean 1."""
    return -alpha * (pt.log(value) - pt.log(mu))


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with ``P(Y <= y) = exp(-(y / mu)^-alpha)`` (Fréchet 1927)."""
    del aux

    def logp(value: Any, mu: Any, alpha: Any) -> Any:
        def inside(y: Any) -> Any:
            z = _log_hazard(y, mu, alpha)
            return pt.log(alpha) - pt.log(y) + z - pt.exp(pt.minimum(z, MAX_EXPONENT))

        return log_density(value, inside)

    def logcdf(value: Any, mu: Any, alpha: Any) -> Any:
        return log_below(value, lambda y: CLOGLOG.log1m_inverse(_log_hazard(y, mu, alpha)))

    def icdf(q: Any, mu: Any, alpha: Any) -> Any:
        return mu * pt.exp(-pt.log(-pt.log(q)) / alpha)

    def draw(mu: Any, alpha: Any, size: Any) -> Any:
        return mu * pt.exp(pm.Gumbel.dist(pt.zeros_like(mu + alpha), 1.0, size=size) / alpha)

    mu, alpha = params["mu"], params["alpha"]
    return custom("Frechet", logp, draw, mu, alpha, signature="(),()->()", logcdf=logcdf, icdf=icdf)


def _moment(alpha: Any, order: int) -> Any:
    """Return the moment of an order about 0 where ``mu`` is 1, ``Γ(1 - order / alpha)``; infinite for ``alpha <= order``."""
    there = pt.gt(alpha, float(order))
    return pt.switch(there, pt.gamma(1.0 - order / pt.where(there, alpha, 2.0 * order)), float("inf"))


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu Γ(1 - 1 / alpha)``, which is infinite for ``alpha <= 1``."""
    del aux
    return params["mu"] * _moment(params["alpha"], 1)


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu² (Γ(1 - 2 / alpha) - Γ(1 - 1 / alpha)²)``, which is infinite for ``alpha <= 2``."""
    del aux
    there = pt.gt(params["alpha"], 2.0)
    inner = pt.where(there, params["alpha"], 4.0)
    return pt.switch(there, params["mu"] ** 2 * (_moment(inner, 2) - _moment(inner, 1) ** 2), float("inf"))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log(1 - exp(-exp(z)))``."""
    del aux
    return log_above(value, lambda y: CLOGLOG.log_inverse(_log_hazard(y, params["mu"], params["alpha"])))


def row_terms(response: Response, link: str) -> RowTerms | None:
    """Return ``log alpha - log y + z - exp z`` with ``z = -alpha (log y - eta)``, under the log link."""
    if link != "log":
        return None
    logs = np.log(np.asarray(response.value, dtype=np.float64)[:, None])

    def found(eta: np.ndarray, given: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = given["alpha"]
        z = alpha * (eta - logs)
        e = np.exp(np.minimum(z, MAX_EXPONENT))
        value = np.log(alpha) - logs + z - e
        if order == 0:
            return (value,)
        change = np.where(z < MAX_EXPONENT, e, 0.0)
        slope = alpha * (1.0 - change)
        return (value, slope) if order == 1 else (value, slope, -(alpha**2) * change)

    return found


def by_alpha(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``alpha``."""
    if link != "log":
        return None
    logs = np.log(np.asarray(response.value, dtype=np.float64)[:, None])

    def found(eta: np.ndarray, given: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        alpha, apart = given[name], eta - logs
        z = alpha * apart
        change = np.where(z < MAX_EXPONENT, np.exp(np.minimum(z, MAX_EXPONENT)), 0.0)
        return 1.0 / alpha + apart * (1.0 - change), -1.0 / alpha**2 - apart**2 * change

    return found


def row_law(link: str) -> RowLaw:
    """Return mean, variance and new responses in NumPy."""
    del link

    def moment(alpha: np.ndarray, order: int) -> np.ndarray:
        there = alpha > order
        return np.where(there, gamma_function(1.0 - order / np.where(there, alpha, 2.0 * order)), np.inf)

    def mean_of(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return params["mu"] * moment(params["alpha"], 1)

    def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        with np.errstate(over="ignore"):  # of tails that are heavier than numbers are large
            return np.asarray(params["mu"] * np.exp(rng.gumbel(size=params["mu"].shape) / params["alpha"]))

    def variance_of(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        inner = np.where(params["alpha"] > 2.0, params["alpha"], 4.0)
        whole = params["mu"] ** 2 * (moment(inner, 2) - moment(inner, 1) ** 2)
        return np.where(params["alpha"] > 2.0, whole, np.inf)

    return RowLaw(mean_of, draw, variance_of)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread from the response's median, near which ``mu`` is."""
    value, _ = values(response)
    median = float(np.median(value))
    return through(link, median, median)


ALPHA = fixed("LogNormal(0.7, 1)", "from tails without a mean (1 and less) to hardly any spread; half of it above 2")

FAMILY = Family(
    name="frechet",
    title="Fréchet distribution",
    aliases=("inverse_weibull", "invweibull"),
    parameters=(
        Parameter("mu", ("log", "softplus", "identity"), "positive", elsewhere={"scale": "mu"}),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", ALPHA, elsewhere={"shape": "alpha", "nu": "alpha"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=row_terms,
    parameter_terms=by_alpha,
    row_law=row_law,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.2, "alpha": 5.0},
    density="{y} ~ Fréchet({mu}, {alpha})\n    scale and shape: P({y} ≤ u) = exp(−(u / {mu})^−{alpha})",
    notes=(
        "mu is the scale and alpha the shape: P(Y <= y) = exp(-(y / mu)^-alpha), so that 1 / Y is Weibull. Small alpha are heavy "
        "tails: the mean is mu Gamma(1 - 1 / alpha), infinite where alpha is 1 or less, and so is the variance where alpha is 2 "
        "or less. It is 'gev' with xi = 1 / alpha above 0 and the lower end at 0. Other software has the mean in the place of mu."
    ),
)
