"""The Flat prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Flat",
    (),
    location=None,
    proper=False,
    notes="Improper uniform on the real line.",
)
