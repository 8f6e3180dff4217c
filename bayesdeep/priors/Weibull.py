"""The Weibull prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Weibull",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    notes="Weibull with shape ``alpha`` and scale ``beta``.",
)
