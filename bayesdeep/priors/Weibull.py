"""The Weibull prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Weibull",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    log_density=_densities.weibull,
    median=lambda alpha, beta: beta * _densities.LOG_2 ** (1 / alpha),
    example={"alpha": 1.7, "beta": 2.0},
    notes="Weibull with shape ``alpha`` and scale ``beta``.",
)
