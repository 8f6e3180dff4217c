"""Proportions strictly between 0 and 1."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, refuse_rows
from bayesdeep.core.supports import UNIT

from . import _beta_law, _precision_terms, _row_laws
from ._scale import scale_unit
from ._unit import UNIT_LINKS

NEEDS = "numbers above 0 and below 1"
ADVICE = (
    "counted successes are prop(k, n) with family 'binomial'; families 'zero_inflated_beta' (zeros), 'zero_one_inflated_beta' "
    "and 'ordered_beta' (zeros and ones) take exact ones; those from rounding can be drawn in by (y * (n - 1) + 0.5) / n, n the "
    "number of rows (Smithson & Verkuilen 2006)"
)


def code(response: Response) -> Response:
    """Return the response as float64; it must lie strictly between 0 and 1."""
    response = numbers(response, "beta", NEEDS)
    refuse_rows(response, (response.value <= 0) | (response.value >= 1), "beta", NEEDS, ADVICE)
    return response


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Beta(mu kappa, (1 - mu) kappa)``."""
    del aux
    return _beta_law.beta(params["mu"], params["kappa"])


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``."""
    del aux
    return params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu (1 - mu) / (1 + kappa)``."""
    del aux
    return _beta_law.variance(params["mu"], params["kappa"])


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


FAMILY = Family(
    name="beta",
    title="beta distribution",
    aliases=("betareg", "beta_family"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit"),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
    ),
    code=code,
    support=UNIT,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_precision_terms.of_proportions,
    parameter_terms=_precision_terms.kappa_of_proportions,
    row_seconds=1.1e-7,
    row_law=_row_laws.of_proportions,
    scale=scale,
    example={"mu": 0.4, "kappa": 5.0},
    density="{y} ~ Beta({mu} {kappa}, (1 − {mu}) {kappa})\n    mean {mu} and precision {kappa}",
    notes="mu is the mean and kappa the precision; the variance is mu (1 - mu) / (1 + kappa).",
)
