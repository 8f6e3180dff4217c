"""Ordered levels by the odds between neighbours: the adjacent category model."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response

from . import _adjacent_terms, _ordinal_laws
from ._levels import WRITTEN_OUT, log_softmax_at, ordered_levels, pick
from ._thresholds import DISC, distances, levels_rv, scale, thresholds
from ._unit import UNIT_LINKS


def code(response: Response) -> Response:
    """Return codes 0, 1, 2, … ``(obs,)`` of int64 into the levels in their order."""
    return ordered_levels(response, "acat", "an ordered category or whole numbers")


def log_odds(at: Any, link: Link) -> Any:
    """Return the log odds of the next level against each, ``log F - log(1 - F)`` at ``eta - threshold``."""
    if link.name == "logit":
        return -at
    assert link.log_inverse is not None
    assert link.log1m_inverse is not None
    return link.log_inverse(-at) - link.log1m_inverse(-at)


def _totals(at: Any, link: Link) -> Any:
    """Return log probabilities of the levels ``(…, level)``, up to a constant."""
    return pt.concatenate([pt.zeros_like(at[..., :1]), pt.cumsum(log_odds(at, link), axis=-1)], axis=-1)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the level with ``P(y = k + 1) / P(y = k) = F / (1 - F)`` at ``eta - threshold_k``."""
    link, levels = aux.link, aux.levels

    def log_probability(value: Any, at: Any) -> Any:
        if levels is None or levels > WRITTEN_OUT:
            return pick(pt.special.log_softmax(_totals(at, link), axis=-1), value)
        return log_softmax_at(_totals(at, link), value, levels)

    return levels_rv("AdjacentCategory", params, log_probability, lambda at: pt.special.softmax(_totals(at, link), axis=-1))


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the levels' probabilities ``(obs, level)``."""
    return pt.special.softmax(_totals(distances(params), aux.link), axis=-1)


FAMILY = Family(
    name="acat",
    title="adjacent category (ordinal) distribution",
    aliases=("adjacent_category", "adjacent", "partial_credit"),
    parameters=(Parameter("mu", UNIT_LINKS, link_in_family=True), DISC, thresholds("real")),
    code=code,
    rv=rv,
    mean=mean,
    row_terms=_adjacent_terms.of_neighbours,
    parameter_terms=_adjacent_terms.disc_of_neighbours,
    row_law=_ordinal_laws.of_neighbours,
    scale=scale,
    words=frozenset({"discrete", "levels", "ordered", "no_intercept"}),
    example={"mu": 0.4, "disc": 1.3, "threshold": (-0.8, 0.6, 0.1)},
    density=(
        "P({y} = k + 1 | {y} = k or k + 1) = F({disc}({eta} − {threshold}[k]))\n"
        "    for each level k but the last, in the order {levels}\n"
        "F(x) = {inverse}"
    ),
    notes=(
        "P(y = k + 1 | y = k or k + 1) = F(disc (eta - threshold_k)), F the inverse link, disc 1 unless it has a formula; "
        "thresholds need not increase. Under the logit link it is the partial credit model of item response theory: Masters "
        "(1982), A Rasch model for partial credit scoring, Psychometrika 47(2), 149-174, doi:10.1007/BF02296272; Bürkner and "
        "Vuorre (2019), Ordinal regression models in psychology, Advances in Methods and Practices in Psychological Science "
        "2(1), 77-101, doi:10.1177/2515245918823199."
    ),
)
