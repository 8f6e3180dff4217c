"""The HalfCauchy prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "HalfCauchy",
    ("beta",),
    support="positive",
    defaults={"beta": 1.0},
    positive=("beta",),
    scale="beta",
    log_density=_densities.half_cauchy,
    median=lambda beta: beta,
    example={"beta": 2.0},
    notes="Cauchy of location 0 and scale ``beta``, folded at 0.",
)
