"""The InverseGamma prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "InverseGamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    notes="Inverse gamma with shape ``alpha`` and scale ``beta``.",
)
