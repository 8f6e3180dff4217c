"""Waiting times without memory."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm
from bayesdeep.core.records import Aux, Family, Parameter, Response

from ._checks import positive
from ._scale import scale_mean


def code(response: Response) -> Response:
    """Return the response as float64; it must be above 0."""
    return positive(response, "exponential")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Exponential`` with mean ``mu``."""
    del aux
    return pm.Exponential.dist(scale=params["mu"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``-value / mu``."""
    del aux
    return -value / params["mu"]


FAMILY = Family(
    name="exponential",
    title="exponential distribution",
    parameters=(Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),),
    code=code,
    rv=rv,
    mean=mean,
    scale=scale_mean,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    log_survival=log_survival,
    example={"mu": 1.4},
    notes="mu is the mean, one over the rate.",
)
