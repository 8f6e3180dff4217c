"""Zero, one, or a proportion between them, all from one predictor: ends are what lies beyond thresholds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Cuts, Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import from_zero_to_one
from bayesdeep.core.supports import UNIT

from . import _beta_atom_terms, _beta_law, _row_laws
from ._custom import custom
from ._scale import scale_unit

LATENT_SD = float(np.pi / np.sqrt(3.0))
"""Standard deviation of the logistic distribution."""


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0, 1 or between them."""
    return from_zero_to_one(response, "ordered_beta")


def cells(response: Response) -> np.ndarray:
    """Return which side of the thresholds rows ``(obs,)`` are on: 0 of zeros, 2 of ones, 1 of what lies between."""
    value = np.asarray(response.value, dtype=np.float64)
    return np.where(value == 0.0, 0, np.where(value == 1.0, 2, 1)).astype(np.int64)


def _logs(eta: Any, threshold: Any) -> tuple[Any, Any, Any]:
    """Return the log probabilities of 0, of something between, and of 1.

    Of the logistic distribution function ``F(u) - F(l) = F(u) (1 - F(l)) (1 - exp(l - u))``, in which nothing cancels.
    """
    above, beyond = eta - threshold[..., 0], eta - threshold[..., 1]
    step = pt.log(-pt.expm1(threshold[..., 0] - threshold[..., 1]))
    return -pt.softplus(above), -pt.softplus(-above) - pt.softplus(beyond) + step, -pt.softplus(-beyond)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return 0 below the first threshold, 1 above the second, and a beta variable between them."""
    link = aux.link

    def logp(value: Any, eta: Any, kappa: Any, threshold: Any) -> Any:
        none, some, all_of_it = _logs(eta, threshold)
        between = some + _beta_law.density(value, link.inverse(eta), kappa)
        return pt.switch(pt.eq(value, 0.0), none, pt.switch(pt.eq(value, 1.0), all_of_it, between))

    def draw(eta: Any, kappa: Any, threshold: Any, size: Any) -> Any:
        blank = pt.zeros_like(eta + kappa + threshold[..., 0])
        latent = pm.Logistic.dist(eta + blank, 1.0, size=size)
        value = _beta_law.draw(link.inverse(eta) + blank, kappa + blank, size=size)
        return pt.switch(pt.lt(latent, threshold[..., 0]), 0.0, pt.switch(pt.gt(latent, threshold[..., 1]), 1.0, value))

    given = params["mu"], params["kappa"], params["threshold"]
    return custom("OrderedBeta", logp, draw, *given, signature="(),(),(c)->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``P(1) + P(between) F(eta)``."""
    _, some, all_of_it = _logs(params["mu"], _by_row(params))
    return pt.exp(all_of_it) + pt.exp(some) * aux.link.inverse(params["mu"])


def variance(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the beta part's variance, as often as there is one, and that between 0, it and 1."""
    none, some, all_of_it = (pt.exp(log) for log in _logs(params["mu"], _by_row(params)))
    mu, whole = aux.link.inverse(params["mu"]), mean(params, aux)
    inside = some * (_beta_law.variance(mu, params["kappa"]) + (mu - whole) ** 2)
    return none * whole**2 + inside + all_of_it * (1.0 - whole) ** 2


def _by_row(params: Mapping[str, Any]) -> Any:
    """Return the thresholds with an axis of rows before that of the cuts."""
    return params["threshold"][..., None, :]


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the place of a mean of one half, and the link's own spread."""
    del response
    return scale_unit(link)


def threshold(response: Response, link: Link) -> Default:
    """Return the prior of the thresholds, from the standard deviation of the latent variable."""
    del response, link
    text = f"StudentT(3, 0, {2.5 * LATENT_SD:.4g})"
    return Default(text, "2.5 standard deviations of the latent variable, heavy tails: ends may be rare")


FAMILY = Family(
    name="ordered_beta",
    title="ordered beta distribution",
    aliases=("ordbeta", "ordbetareg"),
    parameters=(
        Parameter("mu", ("logit",), link_in_family=True),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", _beta_law.KAPPA, elsewhere={"phi": "kappa"}),
        Parameter(
            "threshold",
            (),
            "ordered",
            threshold,
            shape="cut",
            cuts=Cuts(("0", "1"), ("0", "between 0 and 1", "1"), cells),
            elsewhere={"cutzero": "threshold[0]", "cutone": "threshold[1]", "psi": "threshold"},
        ),
    ),
    code=code,
    support=UNIT,
    rv=rv,
    mean=mean,
    variance=variance,
    row_terms=_beta_atom_terms.of_ordered_ends,
    parameter_terms=_beta_atom_terms.kappa_of_ordered_ends,
    row_seconds=2e-7,
    row_law=_row_laws.of_ordered_ends,
    scale=scale,
    atoms=(0.0, 1.0),
    example={"mu": 0.4, "kappa": 5.0, "threshold": (-1.2, 1.5)},
    density=(
        "P({y} = 0) = F({threshold}[0] − {eta})\n"
        "P({y} = 1) = F({eta} − {threshold}[1])\n"
        "else {y} ~ Beta(F({eta}) {kappa}, (1 − F({eta})) {kappa})\n"
        "    mean F({eta}) and precision {kappa} between 0 and 1\n"
        "F(x) = {inverse}"
    ),
    notes=(
        "A predictor that moves proportions moves zeros and ones with them (Kubinec 2023, Political Analysis 31(4), 519-536): "
        "P(y = 0) = F(threshold[0] - eta) and P(y = 1) = F(eta - threshold[1]); between 0 and 1 the mean is F(eta) and the "
        "precision kappa. The intercept stays in the predictor."
    ),
)
