"""The StudentT prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "StudentT",
    ("nu", "mu", "sigma"),
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("nu", "sigma"),
    location="mu",
    scale="sigma",
    notes="Student t with ``nu`` degrees of freedom, location ``mu`` and scale ``sigma``.",
)
