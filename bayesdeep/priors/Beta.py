"""The Beta prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Beta",
    ("alpha", "beta"),
    support="unit",
    positive=("alpha", "beta"),
    log_density=_densities.beta,
    median=_densities.beta_median,
    example={"alpha": 2.0, "beta": 3.0},
    notes="Beta on (0, 1).",
)
