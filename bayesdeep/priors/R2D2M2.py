r"""The R2D2M2 prior: one budget of explained variance for all terms of a model.

With :math:`\sigma` the residual standard deviation, term :math:`k` adds to the predictor, over the rows and as the prior has it
on average, the variance

.. math:: \sigma^2 \phi_k \tau^2, \qquad \tau^2 = R^2 / (1 - R^2), \qquad \sum_k \phi_k = 1 ,

so that all terms together explain the share :math:`R^2` of :math:`\sigma^2 + \sigma^2 \tau^2`, whatever there are of them:
:math:`R^2 \sim \mathrm{Beta}(\mu \nu, (1 - \mu) \nu)` with mean :math:`\mu` and precision :math:`\nu`, and
:math:`\phi \sim \mathrm{Dirichlet}(\alpha, \ldots, \alpha)` with concentration :math:`\alpha`. With :math:`\alpha = 1/2` each
standard deviation has a positive and finite density at 0, as with a half-normal prior; a smaller one expects few terms to matter.

Where the response is not normal, :math:`\sigma` is a number, ``residual_sd``: on the scale of the link the standard deviation
that a row's response is worth.

Aguilar and Bürkner (2023), Intuitive joint priors for Bayesian linear multilevel models: the R2D2M2 prior, Electronic Journal of
Statistics 17(1), 1711-1767, doi:10.1214/23-EJS2136. Zhang, Naughton, Bondell and Reich (2022), Bayesian regression using a prior
on the model fit: the R2-D2 shrinkage prior, Journal of the American Statistical Association 117, 862-874,
doi:10.1080/01621459.2020.1825449.
"""

from collections.abc import Sequence
from functools import partial
from math import lgamma, log
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Prior, Reported
from bayesdeep.core.quantities import HYPERPARAMETER, SIMPLEX
from bayesdeep.core.terms import Scope

from ._shares import broken_stick

LEAST = 1e-300
"""What a variance of 0 counts as where shares are divided by it."""


def budget(scope: Scope, key: str, arguments: dict[str, Any], labels: Sequence[str]) -> Any:
    r"""Return :math:`s_k = \tau \sqrt{\phi_k}` ``(share,)``.

    Sampled are the :math:`s_k` themselves, standard deviations like others: one that the data know moves with no other.
    """
    count, given = len(labels), (arguments["mean"], arguments["precision"], arguments["concentration"])

    def made() -> Any:
        mean, precision, concentration = given
        share = scope.hidden(f"{key}_explained", "Beta", {"alpha": mean * precision, "beta": (1.0 - mean) * precision}, ())
        scope.shows(share)
        return pt.sqrt(broken_stick(scope, f"{key}_share", concentration, count) * share / (1.0 - share))

    likely = float(np.sqrt(given[0] / (1.0 - given[0]) / count))
    return scope.joint_sds(f"{key}_sds", count, made, partial(_of_tensor, count, *given), likely)


def explained(sds: Any) -> Any:
    r"""Return :math:`R^2` ``(…,)`` from standard deviations ``(…, share)`` in residual ones, an array or a tensor."""
    total = (sds**2).sum(axis=-1)
    return total / (1.0 + total)


def shares(sds: Any) -> Any:
    r"""Return :math:`\phi` ``(…, share)``."""
    squares = sds**2
    return squares / (squares.sum(axis=-1, keepdims=True) + LEAST)


def _of_tensor(count: int, mean: float, precision: float, concentration: float, sds: Any) -> Any:
    return _terms(pt.log(sds).sum(), pt.log1p, pt.log, (sds**2).sum(), count, mean, precision, concentration)


def log_density(x: Any, mean: float, precision: float, concentration: float, residual_sd: float | None = None) -> Any:
    r"""Return the log density of standard deviations ``(…, share)`` in residual ones, ``(…)``.

    From :math:`s_k^2 = \tau^2 \phi_k`, with :math:`\tau^2` of a beta prime distribution, by the change of variables:
    :math:`\log p(s) = c + (2 \alpha - 1) \sum_k \log s_k + (\mu \nu - K \alpha) \log \tau^2 - \nu \log(1 + \tau^2)`.
    """
    del residual_sd
    x = np.asarray(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _terms(np.log(x).sum(axis=-1), np.log1p, np.log, (x**2).sum(axis=-1), x.shape[-1], mean, precision, concentration)


def _terms(logs: Any, log1p: Any, log_: Any, total: Any, count: int, mean: float, precision: float, concentration: float) -> Any:
    constant = lgamma(precision) - lgamma(mean * precision) - lgamma((1.0 - mean) * precision)
    constant += lgamma(count * concentration) - count * lgamma(concentration) + count * log(2.0)
    beyond = mean * precision - count * concentration
    found = constant - precision * log1p(total)
    found = found + (2.0 * concentration - 1.0) * logs if concentration != 0.5 else found
    return found + beyond * log_(total) if beyond else found


def written(
    key: str, labels: Sequence[str], mean: float, precision: float, concentration: float, residual_sd: float | None = None
) -> tuple[str, ...]:
    """Return the laws of the share that is explained and of its division, and the standard deviations made of both."""
    del residual_sd
    dirichlet = f" ~ Dirichlet({concentration:.6g}, …, {concentration:.6g})" if len(labels) > 1 else " = 1"
    return (
        f"{key} ~ Beta({mean * precision:.6g}, {(1.0 - mean) * precision:.6g}): mean {mean:.6g}, precision {precision:.6g}",
        f"φ = {key}_share{dirichlet}, the shares of {', '.join(labels)}",
        f"s[k] = √(φ[k] · {key} / (1 − {key}))",
    )


PRIOR = Prior(
    "R2D2M2",
    ("mean", "precision", "concentration", "residual_sd"),
    support="budget",
    positive=("mean", "precision", "concentration", "residual_sd"),
    unit=("mean",),
    defaults={"mean": 0.5, "precision": 2.0, "concentration": 0.5, "residual_sd": None},
    block=budget,
    log_density=log_density,
    key="R2",
    reports=(Reported("", HYPERPARAMETER, explained), Reported("_share", SIMPLEX, shares, each=True)),
    example={"mean": 0.5, "precision": 2.0, "concentration": 0.5, "residual_sd": 1.0},
    written=written,
    notes=(
        "A prior on the share of variance that all terms explain together, divided among them (Aguilar and Bürkner 2023, "
        "doi:10.1214/23-EJS2136). Its key is R2, under which R2D2(mean=0.5, precision=2) means the same."
    ),
)
