"""The HalfStudentT prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "HalfStudentT",
    ("nu", "sigma"),
    support="positive",
    defaults={"sigma": 1.0},
    positive=("nu", "sigma"),
    scale="sigma",
    log_density=_densities.half_student_t,
    median=_densities.half_student_t_median,
    example={"nu": 3.0, "sigma": 1.4},
    notes="Student t of location 0 with ``nu`` degrees of freedom and scale ``sigma``, folded at 0.",
)
