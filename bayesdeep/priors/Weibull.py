"""The Weibull prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Weibull",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.weibull,
    notes="Weibull with shape ``alpha`` and scale ``beta``.",
)
