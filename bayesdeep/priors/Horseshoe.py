"""The regularised horseshoe over a block of coefficients."""

from typing import Any

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Prior
from bayesdeep.core.terms import Scope


def fill(arguments: dict[str, Any], columns: int, rows: int) -> dict[str, Any]:
    r"""Put in the global scale when none was given: :math:`\tau_0 = p_0 / (P - p_0) / \sqrt n`.

    :math:`p_0`, the number of coefficients thought to matter, is a quarter of them, at least one and fewer than all.
    """
    if arguments["tau0"] is None:
        relevant = min(max(1.0, columns / 4), max(columns - 0.5, 0.5))
        arguments = {**arguments, "tau0": float(f"{relevant / (columns - relevant) / rows**0.5:.4g}")}
    return arguments


def block(scope: Scope, key: str, arguments: dict[str, Any], units: Any, dims: int) -> Any:
    r"""Return coefficients :math:`\beta_j = u_j z_j \tau \tilde\lambda_j`, ``(coefficient,)``.

    :math:`\tilde\lambda_j^2 = c^2 \lambda_j^2 / (c^2 + \tau^2 \lambda_j^2)`, with one :math:`\tau` and one slab
    :math:`c` for the whole block; :math:`u_j` is the coefficient's natural scale.
    """
    z = scope.hidden(f"{key}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, dims)
    local = scope.hidden(f"{key}_lambda", "HalfCauchy", {"beta": 1.0}, dims)
    tau = scope.hidden(f"{key}_global", "HalfCauchy", {"beta": 1.0}, ())
    scope.shows(tau)
    tau = tau * arguments["tau0"]
    half_df = arguments["slab_df"] / 2
    slab2 = scope.hidden(f"{key}_slab", "InverseGamma", {"alpha": half_df, "beta": half_df}, ())
    slab2 = slab2 * arguments["slab_scale"] ** 2
    scope.report(f"{key}_tau", tau)
    shrunk = pt.sqrt(slab2 * local**2 / (slab2 + tau**2 * local**2))
    return units * z * tau * shrunk


PRIOR = Prior(
    "Horseshoe",
    ("tau0", "slab_scale", "slab_df"),
    support="block",
    positive=("tau0", "slab_scale", "slab_df"),
    defaults={"tau0": None, "slab_scale": 2.0, "slab_df": 4.0},
    fill=fill,
    block=block,
    example={"tau0": 0.1, "slab_scale": 2.0, "slab_df": 4.0},
    notes=(
        "Regularised horseshoe (Piironen and Vehtari 2017, doi:10.1214/17-EJS1337SI) on coefficients measured in "
        "spreads of the response per standard deviation of the column; one tau for the block."
    ),
)
