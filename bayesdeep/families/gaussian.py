"""The normal distribution."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import log_normal_cdf
from bayesdeep.core.records import Aux, Family, Parameter, Response

from ._checks import numbers
from ._defaults import residual_sd
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "gaussian")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Normal(mu, sigma)``."""
    del aux
    return pm.Normal.dist(params["mu"], params["sigma"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log Φ((mu - value) / sigma)``."""
    del aux
    return log_normal_cdf((params["mu"] - pt.as_tensor(value)) / params["sigma"])


FAMILY = Family(
    name="gaussian",
    title="normal distribution",
    parameters=(
        Parameter("mu", ("identity", "log", "softplus", "sqrt", "inverse", "tanh", "relu")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", residual_sd),
    ),
    code=code,
    rv=rv,
    mean=mean,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"gaussian"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.7},
    notes="mu is the mean and sigma the standard deviation.",
)
