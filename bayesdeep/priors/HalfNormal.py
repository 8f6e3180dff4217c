"""The HalfNormal prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "HalfNormal",
    ("sigma",),
    support="positive",
    defaults={"sigma": 1.0},
    positive=("sigma",),
    scale="sigma",
    log_density=_densities.half_normal,
    median=_densities.half_normal_median,
    example={"sigma": 0.7},
    notes="Normal of mean 0 and standard deviation ``sigma``, folded at 0.",
)
