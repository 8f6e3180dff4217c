"""The Uniform prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Uniform",
    ("lower", "upper"),
    support="bounded",
    defaults={"lower": 0.0, "upper": 1.0},
    log_density=_densities.uniform,
    median=lambda lower, upper: (lower + upper) / 2,
    example={"lower": 0.25, "upper": 4.0},
    notes="Uniform between ``lower`` and ``upper``.",
)
