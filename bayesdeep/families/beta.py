"""Proportions strictly between 0 and 1."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, refuse_rows

from . import _precision_terms, _row_laws
from ._defaults import fixed
from ._scale import scale_unit
from ._unit import UNIT_LINKS, inner_unit

NEEDS = "numbers above 0 and below 1"
ADVICE = (
    "counted successes are prop(k, n) with family 'binomial'; zeros and ones from rounding can be drawn in by "
    "(y * (n - 1) + 0.5) / n, n the number of rows (Smithson & Verkuilen 2006)"
)


def code(response: Response) -> Response:
    """Return the response as float64; it must lie strictly between 0 and 1."""
    response = numbers(response, "beta", NEEDS)
    refuse_rows(response, (response.value <= 0) | (response.value >= 1), "beta", NEEDS, ADVICE)
    return response


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Beta(mu kappa, (1 - mu) kappa)``."""
    del aux
    mu, kappa = inner_unit(params["mu"]), params["kappa"]
    return pm.Beta.dist(alpha=mu * kappa, beta=(1.0 - mu) * kappa)


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu (1 - mu) / (1 + kappa)``."""
    del aux
    mu = inner_unit(params["mu"])
    return mu * (1.0 - mu) / (1.0 + params["kappa"])


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


KAPPA = fixed("LogNormal(3, 1.5)", "about 1 (values crowd at 0 and 1) to 400 (values close to their mean)")

FAMILY = Family(
    name="beta",
    title="beta distribution",
    aliases=("betareg", "beta_family"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit"),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", KAPPA, elsewhere={"phi": "kappa"}),
    ),
    code=code,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_precision_terms.of_proportions,
    parameter_terms=_precision_terms.kappa_of_proportions,
    row_law=_row_laws.of_proportions,
    scale=scale,
    example={"mu": 0.4, "kappa": 5.0},
    density="{y} ~ Beta({mu} {kappa}, (1 − {mu}) {kappa})\n    mean {mu} and precision {kappa}",
    notes="mu is the mean and kappa the precision; the variance is mu (1 - mu) / (1 + kappa).",
)
