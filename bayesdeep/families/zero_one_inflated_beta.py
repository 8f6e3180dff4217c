"""Zero, one, or a proportion between them."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import from_zero_to_one
from bayesdeep.core.supports import UNIT

from . import _beta_atom_terms, _beta_law, _row_laws
from ._custom import custom
from ._defaults import PROBABILITY
from ._scale import scale_unit, unit_spread
from ._unit import UNIT_LINKS, inner_unit


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0, 1 or between them."""
    return from_zero_to_one(response, "zero_one_inflated_beta")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return 0 or 1 with probability ``zoi``, 1 with ``coi`` of these, otherwise ``Beta(mu kappa, (1 - mu) kappa)``."""
    del aux

    def logp(value: Any, mu: Any, kappa: Any, zoi: Any, coi: Any) -> Any:
        end = pt.switch(pt.eq(value, 1.0), pt.log(coi), pt.log1p(-coi)) + pt.log(zoi)
        at_end = pt.or_(pt.eq(value, 0.0), pt.eq(value, 1.0))
        return pt.switch(at_end, end, pt.log1p(-zoi) + _beta_law.density(value, mu, kappa))

    def draw(mu: Any, kappa: Any, zoi: Any, coi: Any, size: Any) -> Any:
        none = pt.zeros_like(mu + kappa + zoi + coi)
        end, one = (pm.Bernoulli.dist(p + none, size=size) for p in (zoi, coi))
        return pt.switch(end, one, _beta_law.draw(mu + none, kappa + none, size=size))

    zoi, coi = inner_unit(params["zoi"]), inner_unit(params["coi"])
    given = params["mu"], params["kappa"], zoi, coi
    return custom("ZeroOneInflatedBeta", logp, draw, *given, signature="(),(),(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``zoi coi + (1 - zoi) mu``."""
    del aux
    zoi = params["zoi"]
    return zoi * params["coi"] + (1.0 - zoi) * params["mu"]


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the variances of both kinds, as often as these are, and that between their means."""
    del aux
    mu, zoi, coi = params["mu"], params["zoi"], params["coi"]
    ends, inside = zoi * coi * (1.0 - coi), (1.0 - zoi) * _beta_law.variance(mu, params["kappa"])
    return ends + inside + zoi * (1.0 - zoi) * (coi - mu) ** 2


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


FAMILY = Family(
    name="zero_one_inflated_beta",
    title="zero-one-inflated beta distribution",
    aliases=("BEINF", "zoib"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit"),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
        Parameter("zoi", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere={"zi": "zoi (1 - coi)"}),
        Parameter("coi", UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread),
    ),
    code=code,
    support=UNIT,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_beta_atom_terms.of_inflated_ends,
    parameter_terms=_beta_atom_terms.parameters_of_inflated_ends,
    row_seconds=1e-7,
    row_law=_row_laws.of_inflated_ends,
    scale=scale,
    atoms=(0.0, 1.0),
    example={"mu": 0.4, "kappa": 5.0, "zoi": 0.3, "coi": 0.6},
    density=(
        "{y} is 0 or 1 with probability {zoi}, and then 1 with probability {coi}\n"
        "else {y} ~ Beta({mu} {kappa}, (1 − {mu}) {kappa})\n    mean {mu} and precision {kappa} between 0 and 1"
    ),
    notes=(
        "zoi is the probability of 0 or 1, coi that of 1 given that it is one of them (Ospina & Ferrari 2012); mu is the mean "
        "and kappa the precision between 0 and 1, so that the mean of all is zoi coi + (1 - zoi) mu."
    ),
)
