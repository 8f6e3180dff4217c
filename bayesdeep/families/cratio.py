"""Ordered levels that are reached one after another, by the probability of going on: the continuation ratio."""

from typing import Any

from bayesdeep.core.records import Family, Link, Parameter, Response

from . import _ordinal_laws, _sequential_terms
from ._levels import ordered_levels
from ._sequential import mean_of, rv_of
from ._thresholds import DISC, LATENT_SD, scale, thresholds
from ._unit import UNIT_LINKS


def code(response: Response) -> Response:
    """Return codes 0, 1, 2, … ``(obs,)`` of int64 into the levels in their order."""
    return ordered_levels(response, "cratio", "an ordered category or whole numbers")


def steps(at: Any, link: Link) -> tuple[Any, Any]:
    """Return log probabilities of stopping, and of going on, ``F(eta - threshold)``."""
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    return link.log1m_inverse(-at), link.log_inverse(-at)


FAMILY = Family(
    name="cratio",
    title="continuation ratio (sequential ordinal) distribution",
    aliases=("continuation_ratio",),
    parameters=(Parameter("mu", UNIT_LINKS, link_in_family=True), DISC, thresholds("real")),
    code=code,
    rv=rv_of("ContinuationRatio", steps),
    mean=mean_of(steps),
    row_terms=_sequential_terms.of_going_on,
    parameter_terms=_sequential_terms.disc_of_going_on,
    row_law=_ordinal_laws.of_going_on,
    residual=LATENT_SD.get,
    scale=scale,
    words=frozenset({"discrete", "levels", "ordered", "no_intercept"}),
    example={"mu": 0.4, "disc": 1.3, "threshold": (-0.8, 0.6, 0.1)},
    density=(
        "P({y} > k | {y} ≥ k) = F({disc}({eta} − {threshold}[k]))\n"
        "    for each level k but the last, in the order {levels}\n"
        "F(x) = {inverse}"
    ),
    notes=(
        "P(y > k | y >= k) = F(disc (eta - threshold_k)), F the inverse link, disc 1 unless it has a formula; thresholds need "
        "not increase. Under links that are symmetric (logit, probit, cauchit) it is the stopping ratio. Tutz (1991), Sequential "
        "models in categorical regression, Computational Statistics and Data Analysis 11(3), 275-295, "
        "doi:10.1016/0167-9473(91)90086-H; Bürkner and Vuorre (2019), Ordinal regression models in psychology, Advances in "
        "Methods and Practices in Psychological Science 2(1), 77-101, doi:10.1177/2515245918823199."
    ),
)
