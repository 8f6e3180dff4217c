"""The InverseGamma prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "InverseGamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.inverse_gamma,
    notes="Inverse gamma with shape ``alpha`` and scale ``beta``.",
)
