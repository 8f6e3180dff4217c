"""One of several outcomes without an order."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response

from ._custom import custom
from ._levels import WRITTEN_OUT, against_first, log_softmax_at, pick, refuse_one_level, used_levels

NEEDS = "two levels or more, as text, categories or whole numbers"


def code(response: Response) -> Response:
    """Return codes ``(obs,)`` of int64 into the levels that occur; the first level is what others are set against."""
    return refuse_one_level(used_levels(response, "categorical", NEEDS), "categorical", NEEDS)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Categorical`` with log odds against the first level ``(obs, level - 1)``."""
    levels = aux.levels

    def logp(value: Any, eta: Any) -> Any:
        if levels is None or levels > WRITTEN_OUT:
            return pick(pt.special.log_softmax(eta, axis=-1), value)
        return log_softmax_at(eta, value, levels)

    def draw(eta: Any, size: Any) -> Any:
        return pm.Categorical.dist(p=pt.special.softmax(eta, axis=-1), size=size)

    return custom("Categorical", logp, draw, against_first(params["mu"]), signature="(k)->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the probabilities ``(obs, level)``."""
    return aux.link.inverse(against_first(params["mu"]))


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return equal odds, and the logit's spread."""
    del response, link
    return 0.0, 1.0


FAMILY = Family(
    name="categorical",
    title="categorical distribution",
    aliases=("multinom", "mlogit", "softmax"),
    parameters=(Parameter("mu", ("softmax",), shape="contrast", link_in_family=True),),
    code=code,
    rv=rv,
    mean=mean,
    scale=scale,
    words=frozenset({"discrete", "levels"}),
    example={"mu": (0.4, -0.7)},
    density="P({y} = k) = {mu_k}\n    for the levels k = {levels}",
    notes="There is a predictor for each level but the first: the log odds of that level against the first.",
)
