"""The Beta prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Beta",
    ("alpha", "beta"),
    support="unit",
    positive=("alpha", "beta"),
    notes="Beta on (0, 1).",
)
