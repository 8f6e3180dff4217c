"""Positive numbers whose standard deviation is in proportion to their mean."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm
from bayesdeep.core.records import Aux, Family, Parameter, Response
from bayesdeep.core.response_checks import positive
from bayesdeep.core.supports import POSITIVE

from . import _gamma_law, _precision_terms, _row_laws, _row_terms
from ._custom import custom
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "gamma", "where a 0 means none at all, family 'hurdle_gamma' or 'tobit' may be right")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Gamma`` with shape ``alpha`` and rate ``alpha / mu``."""
    del aux

    def icdf(q: Any, mu: Any, alpha: Any) -> Any:
        return pm.icdf(_gamma_law.gamma(mu, alpha), q)

    def draw(mu: Any, alpha: Any, size: Any) -> Any:
        return _gamma_law.gamma(mu, alpha, size=size)

    mu, alpha = params["mu"], params["alpha"]
    logp, logcdf = _gamma_law.density, _gamma_law.below
    return custom("Gamma", logp, draw, mu, alpha, signature="(),()->()", logcdf=logcdf, icdf=icdf)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu² / alpha``."""
    del aux
    return _gamma_law.variance(params["mu"], params["alpha"])


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return the logarithm of the upper incomplete gamma function."""
    del aux
    return _gamma_law.above(value, params["mu"], params["alpha"])


FAMILY = Family(
    name="gamma",
    title="gamma distribution",
    aliases=("gamma_glm",),
    parameters=(
        Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", _gamma_law.ALPHA, elsewhere={"shape": "alpha"}),
    ),
    code=code,
    support=POSITIVE,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_row_terms.of_gamma,
    parameter_terms=_precision_terms.alpha_of_gamma,
    row_law=_row_laws.of_gamma,
    truncated_mean=_gamma_law.truncated_mean,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.4, "alpha": 2.3},
    density="{y} ~ Gamma({alpha}, {alpha} / {mu})\n    shape and rate; the mean is {mu}",
    notes="mu is the mean and alpha the shape; the variance is mu^2 / alpha.",
)
