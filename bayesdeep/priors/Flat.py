"""The Flat prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Flat",
    (),
    location=None,
    proper=False,
    gaussian=lambda: (0.0, 0.0),
    notes="Improper uniform on the real line.",
)
