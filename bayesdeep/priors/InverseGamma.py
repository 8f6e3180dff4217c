"""The InverseGamma prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "InverseGamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.inverse_gamma,
    median=_densities.inverse_gamma_median,
    example={"alpha": 2.0, "beta": 0.5},
    notes="Inverse gamma with shape ``alpha`` and scale ``beta``.",
)
