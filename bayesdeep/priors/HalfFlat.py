"""The HalfFlat prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "HalfFlat",
    (),
    support="positive",
    proper=False,
    notes="Improper uniform on the positive half line.",
)
