"""Counts of several outcomes whose probabilities differ from row to row beyond what the predictor says."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Parameter, Response

from . import _beta_law, _dirichlet_law, _tables
from ._custom import custom
from ._levels import against_first


def code(response: Response) -> Response:
    """Return counts ``(obs, level)`` of int64, with their sums as trials."""
    return _tables.counts_by_level(response, "dirichlet_multinomial")


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``Multinomial(trials, p)`` with ``p ~ Dirichlet(kappa mu)`` integrated out."""

    def logp(value: Any, trials: Any, eta: Any, kappa: Any) -> Any:
        inside = pt.and_(pt.all(pt.ge(value, 0), axis=-1), pt.eq(value.sum(axis=-1), trials))
        count = pt.maximum(value, 0)
        ways = pt.gammaln(trials + 1.0) - pt.gammaln(count + 1.0).sum(axis=-1)
        each = _dirichlet_law.log_rising(_dirichlet_law.shapes(eta, kappa), count).sum(axis=-1)
        return pt.switch(inside, ways + each - _dirichlet_law.log_rising(kappa, trials), -np.inf)

    def draw(trials: Any, eta: Any, kappa: Any, size: Any) -> Any:
        return pm.Multinomial.dist(n=trials, p=_dirichlet_law.dirichlet(eta, kappa, size=size))

    given = _tables.trials_of(aux), against_first(params["mu"]), pt.as_tensor(params["kappa"])
    return custom("DirichletMultinomial", logp, draw, *given, signature="(),(k),()->(k)")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the expected counts ``(obs, level)``; the probabilities where the number of trials is not known."""
    return _tables.trials_of(aux)[..., None] * aux.link.inverse(against_first(params["mu"]))


FAMILY = Family(
    name="dirichlet_multinomial",
    title="Dirichlet-multinomial distribution",
    aliases=("dirmultinomial", "dirmult"),
    parameters=(
        Parameter("mu", ("softmax",), shape="contrast", link_in_family=True),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
    ),
    code=code,
    rv=rv,
    mean=mean,
    scale=_tables.equal_odds,
    modifiers=frozenset({"prop", "weighted"}),
    words=frozenset({"discrete", "levels", "trials", "several_columns"}),
    example={"mu": (0.4, -0.7), "kappa": 6.0},
    density=(
        "{y} ~ Multinomial({n}, p), p ~ Dirichlet({kappa} {mu})\n"
        "    {n} is their sum, and {mu} has the mean probability {mu_k} of each level k = {levels}"
    ),
    notes=(
        "The response is c(first, second, third). Overdispersed multinomial counts: a row's probabilities vary about mu with "
        "precision kappa, and a count of mean n m has variance n m (1 - m) (n + kappa) / (1 + kappa). As kappa grows it becomes "
        "the family multinomial. Predictors are as there."
    ),
)
