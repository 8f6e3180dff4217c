"""The LKJ prior of a correlation matrix."""

from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Prior
from bayesdeep.core.terms import Scope


def partial_to_correlation(partial: list[Any], size: int) -> Any:
    r"""Return the correlations below the diagonal, row by row, from canonical partial correlations.

    With partial correlations :math:`p_{ij}`, the Cholesky factor of the correlation matrix has
    :math:`L_{ij} = p_{ij} \prod_{m<j} \sqrt{1 - p_{im}^2}` and :math:`L_{ii} = \prod_{m<i} \sqrt{1 - p_{im}^2}`
    (Lewandowski, Kurowicka and Joe 2009, doi:10.1016/j.jmva.2009.04.008). Written out scalar by scalar: for the
    handful of coefficients that vary by group a matrix routine costs more than the arithmetic.
    """
    rows: list[list[Any]] = [[1.0]]
    k = 0
    for i in range(1, size):
        row, left = [], 1.0
        for _ in range(i):
            p = partial[k]
            row.append(p * left)
            left = left * pt.sqrt(1.0 - p**2)
            k += 1
        rows.append([*row, left])
    return pt.stack(
        [sum(a * b for a, b in zip(rows[i], rows[j], strict=False)) for i in range(1, size) for j in range(i)]
    )


def correlation(scope: Scope, key: str, arguments: dict[str, Any], size: int) -> Any:
    r"""Return ``(pair,)`` correlations with density proportional to :math:`|R|^{\eta - 1}`.

    The partial correlation in column :math:`j` (from 1) of the factor is :math:`2B - 1` with
    :math:`B \sim \mathrm{Beta}(b, b)`, :math:`b = \eta + (K - 1 - j) / 2`, independently of the others.
    """
    shape = [arguments["eta"] + (size - 2 - j) / 2 for i in range(1, size) for j in range(i)]
    unit = scope.hidden(f"{key}_partial", "Beta", {"alpha": shape, "beta": shape}, len(shape), "correlation")
    # |R| to the power (K - 1 - j) / 2 is what the change from partial correlations to correlations takes from these densities.
    beyond = [(size - 2 - j) / 2 for i in range(1, size) for j in range(i)]
    scope.shows(unit, sum((b * (pt.log(unit[k]) + pt.log1p(-unit[k])).sum() for k, b in enumerate(beyond) if b), start=0.0))
    return partial_to_correlation([2.0 * unit[k] - 1.0 for k in range(len(shape))], size)


PRIOR = Prior(
    "LKJ",
    ("eta",),
    support="correlation",
    positive=("eta",),
    defaults={"eta": 1.0},
    block=correlation,
    example={"eta": 2.0},
    notes="Correlation matrices with density proportional to det(R)^(eta - 1); 1 is uniform, larger is nearer to 0.",
)
