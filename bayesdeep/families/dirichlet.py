"""Shares of a whole: several parts of every row, which sum to 1."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Family, Parameter, Response

from . import _beta_law, _dirichlet_law, _tables
from ._custom import custom
from ._levels import against_first


def code(response: Response) -> Response:
    """Return shares ``(obs, part)`` of float64."""
    return _tables.shares_by_part(response, "dirichlet")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Dirichlet(kappa mu)``, ``mu`` from log odds against the first part ``(obs, part - 1)``."""
    del aux

    def draw(eta: Any, kappa: Any, size: Any) -> Any:
        return _dirichlet_law.dirichlet(eta, kappa, size=size)

    eta = against_first(params["mu"])
    return custom(
        "Dirichlet", _dirichlet_law.density, draw, eta, pt.as_tensor(params["kappa"]), signature="(k),()->(k)"
    )


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mean shares ``(obs, part)``."""
    return aux.link.inverse(against_first(params["mu"]))


FAMILY = Family(
    name="dirichlet",
    title="Dirichlet distribution",
    aliases=("dirichlet_regression", "compositional"),
    parameters=(
        Parameter("mu", ("softmax",), shape="contrast", link_in_family=True),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
    ),
    code=code,
    rv=rv,
    mean=mean,
    scale=_tables.equal_odds,
    words=frozenset({"levels", "several_columns"}),
    example={"mu": (0.4, -0.7), "kappa": 6.0},
    density="{y} ~ Dirichlet({kappa} {mu})\n    {mu} has the mean share {mu_k} of each part k = {levels}",
    notes=(
        "The response is c(first, second, third), shares that sum to 1. There is a predictor for each part but the first: the "
        "log odds of its mean share against that of the first. kappa is the precision: a share of mean m has variance "
        "m (1 - m) / (1 + kappa). With two parts it is the family beta of the second."
    ),
)
