"""The Cauchy prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Cauchy",
    ("alpha", "beta"),
    defaults={"alpha": 0.0, "beta": 1.0},
    positive=("beta",),
    location="alpha",
    scale="beta",
    log_density=_densities.cauchy,
    median=lambda alpha, beta: alpha,
    example={"alpha": 0.5, "beta": 2.0},
    notes="Cauchy with location ``alpha`` and scale ``beta``.",
)
