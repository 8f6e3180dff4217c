"""The R2D2 prior: a prior on the share of variance explained, divided among a block of coefficients."""

from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Prior
from bayesdeep.core.terms import Scope


def block(scope: Scope, key: str, arguments: dict[str, Any], units: Any, dims: int) -> Any:
    r"""Return coefficients :math:`\beta_j = u_j z_j \sqrt{R^2 \phi_j}`, ``(coefficient,)``.

    :math:`R^2 \sim \mathrm{Beta}` with the given mean and precision, :math:`\phi \sim \mathrm{Dirichlet}`; since
    :math:`u_j` is one spread of the response per standard deviation of column :math:`j`, the columns together are
    expected to explain the share :math:`R^2` of that spread.
    """
    mean, precision = arguments["mean_R2"], arguments["prec_R2"]
    z = scope.hidden(f"{key}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, dims)
    share = scope.hidden(
        f"{key}_share", "Beta", {"alpha": mean * precision, "beta": (1 - mean) * precision}, ()
    )
    scope.shows(share)
    # A Dirichlet as normalised gammas: the same law, and it stays a vector on the unconstrained scale.
    weight = scope.hidden(f"{key}_weight", "Gamma", {"alpha": arguments["cons_D2"], "beta": 1.0}, dims)
    scope.report(f"{key}_R2", share)
    return units * z * pt.sqrt(share * weight / weight.sum())


PRIOR = Prior(
    "R2D2",
    ("mean_R2", "prec_R2", "cons_D2"),
    support="block",
    positive=("mean_R2", "prec_R2", "cons_D2"),
    unit=("mean_R2",),
    aliases={"mean": "mean_R2", "precision": "prec_R2", "concentration": "cons_D2"},
    defaults={"mean_R2": 0.5, "prec_R2": 2.0, "cons_D2": 0.5},
    block=block,
    whole="R2D2M2",
    example={"mean_R2": 0.5, "prec_R2": 2.0, "cons_D2": 0.5},
    notes=(
        "R2-induced Dirichlet decomposition (Zhang, Naughton, Bondell and Reich 2022, "
        "doi:10.1080/01621459.2020.1825449) over a block of coefficients; under the key R2, R2D2M2 over all terms."
    ),
)
