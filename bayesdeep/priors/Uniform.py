"""The Uniform prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Uniform",
    ("lower", "upper"),
    support="bounded",
    defaults={"lower": 0.0, "upper": 1.0},
    notes="Uniform between ``lower`` and ``upper``.",
)
