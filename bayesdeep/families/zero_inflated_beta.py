"""Zero or not, and a proportion between 0 and 1 if not."""

from bayesdeep.core.records import Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, refuse_rows
from bayesdeep.core.supports import UNIT

from . import _beta_law, _hurdle, _hurdle_terms, _precision_terms, _row_laws
from ._scale import scale_unit
from ._unit import UNIT_LINKS

ZI = "zi"
LAW = _hurdle.Law(("mu", "kappa"), _beta_law.density, _beta_law.draw, _beta_law.mean, _beta_law.variance, 0.5)
NEEDS = "numbers from 0 to below 1"
ONES = (
    "'zero_one_inflated_beta' and 'ordered_beta' take ones as well, and where there are ones and no zeros 1 - y is a response of "
    "this family; percentages are to be divided by 100"
)


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0 or between 0 and 1."""
    response = numbers(response, "zero_inflated_beta", NEEDS)
    refuse_rows(response, response.value < 0, "zero_inflated_beta", NEEDS)
    refuse_rows(response, response.value >= 1, "zero_inflated_beta", NEEDS, ONES)
    return response


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


FAMILY = Family(
    name="zero_inflated_beta",
    title="zero-inflated beta distribution",
    aliases=("BEZI", "BEINF0", "zibeta"),
    parameters=(
        Parameter("mu", UNIT_LINKS, "unit"),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
        _hurdle.share(ZI, {"hu": "zi", "psi": "1 - zi"}),
    ),
    code=code,
    support=UNIT,
    rv=_hurdle.rv("ZeroInflatedBeta", LAW, ZI),
    mean=_hurdle.mean(LAW, ZI),
    variance=_hurdle.variance(LAW, ZI),
    row_terms=_hurdle_terms.of_others(_precision_terms.of_proportions, ZI),
    parameter_terms=_hurdle_terms.parameters_of_others(_precision_terms.kappa_of_proportions, ZI),
    row_seconds=1e-7,
    row_law=_row_laws.of_hurdle(_row_laws.of_proportions, ZI),
    scale=scale,
    atoms=(0.0,),
    example={"mu": 0.4, "kappa": 5.0, "zi": 0.3},
    density="P({y} = 0) = {zi}\nelse {y} ~ Beta({mu} {kappa}, (1 − {mu}) {kappa})\n    mean {mu} and precision {kappa} above 0",
    notes=(
        "zi is the probability of zero, of any kind, since a beta distribution has none; mu is the mean and kappa the precision "
        "above it, so that the mean of all is (1 - zi) mu."
    ),
)
