"""The Gamma prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Gamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.gamma,
    median=_densities.gamma_median,
    example={"alpha": 3.0, "beta": 0.5},
    notes="Gamma with shape ``alpha`` and *rate* ``beta`` (mean ``alpha / beta``).",
)
