r"""The R2D2M2 prior: one budget of explained variance for all terms of a model.

With :math:`\sigma` the residual standard deviation, term :math:`k` adds to the predictor, over the rows and as the prior has it on
average, the variance

.. math:: \sigma^2 \phi_k \tau^2, \qquad \tau^2 = R^2 / (1 - R^2), \qquad \sum_k \phi_k = 1 ,

so that all terms together explain the share :math:`R^2` of :math:`\sigma^2 + \sigma^2 \tau^2`, whatever there are of them:
:math:`R^2 \sim \mathrm{Beta}(\mu \nu, (1 - \mu) \nu)` with mean :math:`\mu` and precision :math:`\nu`, and
:math:`\phi \sim \mathrm{Dirichlet}(\alpha, \ldots, \alpha)` with concentration :math:`\alpha`. With :math:`\alpha = 1/2` each
standard deviation has a positive and finite density at 0, as with a half-normal prior; a smaller one expects few terms to matter.

Where the response is not normal, :math:`\sigma` is a number, ``residual_sd``: on the scale of the link the standard deviation that
a row's response is worth.

Aguilar and Bürkner (2023), Intuitive joint priors for Bayesian linear multilevel models: the R2D2M2 prior, Electronic Journal of
Statistics 17(1), 1711-1767, doi:10.1214/23-EJS2136. Zhang, Naughton, Bondell and Reich (2022), Bayesian regression using a prior
on the model fit: the R2-D2 shrinkage prior, Journal of the American Statistical Association 117, 862-874,
doi:10.1080/01621459.2020.1825449.
"""

from collections.abc import Sequence
from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Prior
from bayesdeep.core.quantities import HYPERPARAMETER, SIMPLEX
from bayesdeep.core.terms import Scope

from ._shares import broken_stick


def budget(scope: Scope, key: str, arguments: dict[str, Any], labels: Sequence[str]) -> Any:
    r"""Return :math:`\sqrt{\phi_k \tau^2}` ``(share,)``."""
    mean, precision = arguments["mean"], arguments["precision"]
    explained = scope.hidden(key, "Beta", {"alpha": mean * precision, "beta": (1.0 - mean) * precision}, (), "parameter")
    scope.shows(explained)
    explained = scope.report(key, explained, (), HYPERPARAMETER)
    shares = broken_stick(scope, f"{key}_share", arguments["concentration"], len(labels))
    shares = scope.report(f"{key}_share", shares, (scope.dim(f"{key}_term", tuple(labels)),), SIMPLEX)
    return pt.sqrt(shares * explained / (1.0 - explained))


PRIOR = Prior(
    "R2D2M2",
    ("mean", "precision", "concentration", "residual_sd"),
    support="budget",
    positive=("mean", "precision", "concentration", "residual_sd"),
    unit=("mean",),
    defaults={"mean": 0.5, "precision": 2.0, "concentration": 0.5, "residual_sd": None},
    block=budget,
    key="R2",
    example={"mean": 0.5, "precision": 2.0, "concentration": 0.5, "residual_sd": 1.0},
    notes=(
        "A prior on the share of variance that all terms explain together, divided among them (Aguilar and Bürkner 2023, "
        "doi:10.1214/23-EJS2136). Its key is R2, under which R2D2(mean=0.5, precision=2) means the same."
    ),
)
