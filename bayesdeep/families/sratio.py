"""Ordered levels that are reached one after another, by the probability of stopping: the stopping ratio."""

from typing import Any

from bayesdeep.core.records import Family, Link, Parameter, Response

from . import _ordinal_laws, _sequential_terms
from ._levels import ordered_levels
from ._sequential import mean_of, rv_of
from ._thresholds import DISC, LATENT_SD, scale, thresholds
from ._unit import UNIT_LINKS


def code(response: Response) -> Response:
    """Return codes 0, 1, 2, … ``(obs,)`` of int64 into the levels in their order."""
    return ordered_levels(response, "sratio", "an ordered category or whole numbers")


def steps(at: Any, link: Link) -> tuple[Any, Any]:
    """Return log probabilities of stopping, ``F(threshold - eta)``, and of going on."""
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    return link.log_inverse(at), link.log1m_inverse(at)


FAMILY = Family(
    name="sratio",
    title="stopping ratio (sequential ordinal) distribution",
    aliases=("stopping_ratio", "sequential"),
    parameters=(Parameter("mu", UNIT_LINKS, link_in_family=True), DISC, thresholds("real")),
    code=code,
    rv=rv_of("StoppingRatio", steps),
    mean=mean_of(steps),
    row_terms=_sequential_terms.of_stops,
    parameter_terms=_sequential_terms.disc_of_stops,
    row_law=_ordinal_laws.of_stops,
    residual=LATENT_SD.get,
    scale=scale,
    words=frozenset({"discrete", "levels", "ordered", "no_intercept"}),
    example={"mu": 0.4, "disc": 1.3, "threshold": (-0.8, 0.6, 0.1)},
    density=(
        "P({y} = k | {y} ≥ k) = F({disc}({threshold}[k] − {eta}))\n"
        "    for each level k but the last, in the order {levels}\n"
        "F(x) = {inverse}"
    ),
    notes=(
        "P(y = k | y >= k) = F(disc (threshold_k - eta)), F the inverse link, disc 1 unless it has a formula; thresholds need "
        "not increase. Tutz (1990), Sequential item response models with an ordered response, British Journal of Mathematical "
        "and Statistical Psychology 43(1), 39-55, doi:10.1111/j.2044-8317.1990.tb00925.x; Bürkner and Vuorre (2019), Ordinal "
        "regression models in psychology, Advances in Methods and Practices in Psychological Science 2(1), 77-101, "
        "doi:10.1177/2515245918823199."
    ),
)
