"""The Cauchy prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Cauchy",
    ("alpha", "beta"),
    defaults={"alpha": 0.0, "beta": 1.0},
    positive=("beta",),
    location="alpha",
    scale="beta",
    notes="Cauchy with location ``alpha`` and scale ``beta``.",
)
