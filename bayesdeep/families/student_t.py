"""Student's t distribution: a bell with heavier tails than the normal one."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers

from . import _normal_terms
from ._defaults import fixed, robust_sd
from ._scale import median_mad, through


def code(response: Response) -> Response:
    """Return the response as float64; it must be finite numbers."""
    return numbers(response, "student_t")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``StudentT(nu, mu, sigma)``."""
    del aux
    return pm.StudentT.dist(nu=params["nu"], mu=params["mu"], sigma=params["sigma"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``: the mean for ``nu > 1``, the centre of symmetry always."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``sigma² nu / (nu - 2)``, which is infinite with two degrees of freedom or fewer."""
    del aux
    nu = params["nu"]
    return pt.switch(nu > 2.0, params["sigma"] ** 2 * nu / pt.maximum(nu - 2.0, 1e-300), float("inf"))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``: the distribution function on the other side of ``mu``."""
    return pm.logcdf(rv(params, aux), 2.0 * params["mu"] - value)


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the response's median and median absolute deviation on the link's scale."""
    return through(link, *median_mad(response))


NU = fixed("Gamma(2, 0.1)", "from very heavy tails to nearly normal (Juárez & Steel 2010)")

FAMILY = Family(
    name="student_t",
    title="Student's t distribution",
    aliases=("t", "student", "t_family", "robust"),
    parameters=(
        Parameter("mu", ("identity", "log", "softplus", "sqrt", "inverse", "tanh", "relu")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", robust_sd),
        Parameter("nu", ("log", "softplus", "identity"), "positive", NU),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_normal_terms.of_student,
    parameter_terms=_normal_terms.parameters_of_student,
    residual=lambda link: "sigma" if link == "identity" else None,
    degrees="nu",
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    words=frozenset({"about"}),
    log_survival=log_survival,
    example={"mu": 1.3, "sigma": 0.7, "nu": 5.0},
    density="{y} ~ StudentT({nu}, {mu}, {sigma})\n    degrees of freedom, location and scale",
    notes="mu is the centre, sigma the scale (not the standard deviation) and nu the degrees of freedom.",
)
