"""The Gamma prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Gamma",
    ("alpha", "beta"),
    support="positive",
    positive=("alpha", "beta"),
    notes="Gamma with shape ``alpha`` and *rate* ``beta`` (mean ``alpha / beta``).",
)
