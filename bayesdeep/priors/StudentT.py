"""The StudentT prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "StudentT",
    ("nu", "mu", "sigma"),
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("nu", "sigma"),
    location="mu",
    scale="sigma",
    log_density=_densities.student_t,
    median=lambda nu, mu, sigma: mu,
    example={"nu": 4.0, "mu": 0.5, "sigma": 2.0},
    notes="Student t with ``nu`` degrees of freedom, location ``mu`` and scale ``sigma``.",
)
