"""The Normal prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Normal",
    ("mu", "sigma"),
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("sigma",),
    location="mu",
    scale="sigma",
    gaussian=lambda mu, sigma: (mu, sigma**-2),
    log_density=_densities.normal,
    median=lambda mu, sigma: mu,
    example={"mu": 0.5, "sigma": 2.0},
    notes="Normal with mean ``mu`` and standard deviation ``sigma``.",
)
