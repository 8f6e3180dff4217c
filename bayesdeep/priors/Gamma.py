"""The Gamma prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Gamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.gamma,
    notes="Gamma with shape ``alpha`` and *rate* ``beta`` (mean ``alpha / beta``).",
)
