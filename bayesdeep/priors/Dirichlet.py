"""The Dirichlet prior of shares, which are positive and sum to 1."""

from typing import Any

from bayesdeep.core.priors import Prior
from bayesdeep.core.terms import Scope

from ._shares import broken_stick


def shares(scope: Scope, slot: str, arguments: dict[str, Any], size: int) -> Any:
    """Return ``(share,)``."""
    return broken_stick(scope, slot, arguments["a"], size)


PRIOR = Prior(
    "Dirichlet",
    ("a",),
    support="simplex",
    positive=("a",),
    defaults={"a": 1.0},
    block=shares,
    example={"a": 1.0},
    notes="Shares that sum to 1, density proportional to the product of share^(a - 1); 1 is uniform, larger is nearer to equal.",
)
