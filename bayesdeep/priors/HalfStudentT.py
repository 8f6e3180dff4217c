"""The HalfStudentT prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "HalfStudentT",
    ("nu", "sigma"),
    support="positive",
    defaults={"sigma": 1.0},
    positive=("nu", "sigma"),
    scale="sigma",
    notes="Student t of location 0 with ``nu`` degrees of freedom and scale ``sigma``, folded at 0.",
)
