"""Counts that vary more or less than Poisson ones: the Conway-Maxwell-Poisson distribution given its mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Family, Parameter, ParameterTerms, Response, RowLaw, RowTerms, RowValues
from bayesdeep.core.response_checks import counts
from bayesdeep.core.supports import POSITIVE
from bayesdeep.numerics.com_poisson import LEAST_MEAN, MOST_MEAN, moments
from bayesdeep.numerics.com_poisson_draws import draw

from . import _com_poisson
from ._counts import COUNT_LINKS
from ._custom import custom, drawn_by
from ._defaults import fixed
from ._scale import scale_count

LEAST, MOST = (float(np.log(mean)) for mean in (LEAST_MEAN, MOST_MEAN))
"""Predictors whose exponentials are means."""


def code(response: Response) -> Response:
    """Return the response as counts of int64."""
    return counts(response, "com_poisson")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the Conway-Maxwell-Poisson distribution of mean ``mu`` and power ``nu``."""
    del aux

    def logp(value: Any, mu: Any, nu: Any) -> Any:
        count = pt.switch(pt.ge(value, 0), value, 0)
        return pt.switch(pt.ge(value, 0), _com_poisson.log_probability(count, mu, nu), -np.inf)

    def new(mu: Any, nu: Any, size: Any) -> Any:
        return drawn_by("com_poisson", draw)(mu + pt.zeros_like(nu), nu + pt.zeros_like(mu), size=size)

    mu, nu = _com_poisson.kept(params["mu"], params["nu"])
    return custom("ComPoisson", logp, new, mu, nu, signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the variance, by the sum over counts."""
    del aux
    mu, nu = params["mu"], params["nu"]
    return _com_poisson.variance(*_com_poisson.kept(mu + pt.zeros_like(nu), nu + pt.zeros_like(mu)))


def row_terms(response: Response, link: str) -> RowTerms | None:
    """Return the rows' terms under the log link.

    The log probability's slope by the mean is ``(y - mu) / variance``, as in every exponential family.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        own = moments(np.exp(np.clip(eta, LEAST, MOST)), np.asarray(values["nu"], dtype=np.float64))
        value = own.log_probability(y)
        if order == 0:
            return (value,)
        apart, share = y - own.mu, own.mu / own.variance
        slope = apart * share
        if order == 1:
            return value, slope
        return value, slope, -own.mu * share + slope * (1.0 - share * own.skew / own.variance)

    return terms


def parameter_terms(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives by ``nu`` under the log link, the mean held."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        own = moments(np.exp(np.clip(eta, LEAST, MOST)), np.asarray(values[name], dtype=np.float64))
        return own.left(y), -own.rest - (y - own.mu) * own.turn / own.variance

    return terms


def row_law(link: str) -> RowLaw:
    """Return mean, variance and new responses in NumPy."""
    del link

    def expected(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return params["mu"]

    def new(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return draw(rng, params["mu"], params["nu"])

    def spread(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        return moments(params["mu"], params["nu"]).variance

    return RowLaw(expected, new, spread)


NU = fixed("LogNormal(0, 1)", "as likely below 1 (more spread than Poisson counts) as above (less): from 0.14 to 7")

FAMILY = Family(
    name="com_poisson",
    title="Conway-Maxwell-Poisson distribution",
    aliases=("compois", "cmp", "cmpoisson", "conway_maxwell_poisson", "mean_parametrized_com_poisson"),
    parameters=(
        Parameter("mu", COUNT_LINKS, "positive"),
        Parameter(
            "nu",
            ("log", "softplus", "identity"),
            "positive",
            NU,
            elsewhere={"phi": "1 / nu", "sigma": "1 / nu", "shape": "nu", "alpha": "nu"},
        ),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=row_terms,
    parameter_terms=parameter_terms,
    row_seconds=1e-5,
    row_law=row_law,
    scale=scale_count,
    words=frozenset({"discrete"}),
    example={"mu": 2.6, "nu": 1.6},
    density="P({y} = k) ∝ λ^k / (k!)^{nu}, k = 0, 1, 2, …\n    λ such that the mean is {mu}; variance about {mu} / {nu}",
    notes=(
        "mu is the mean (Huang 2017, Mean-parametrized Conway-Maxwell-Poisson regression models for dispersed counts, "
        "Statistical Modelling 17, 359-380). nu is 1 for Poisson counts, larger for counts that vary less and smaller for "
        "counts that vary more, down to the geometric distribution at 0. Sums over counts are taken to all digits."
    ),
)
