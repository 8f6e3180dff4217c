"""The Logistic prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Logistic",
    ("mu", "s"),
    defaults={"mu": 0.0, "s": 1.0},
    positive=("s",),
    location="mu",
    scale="s",
    notes="Logistic with location ``mu`` and scale ``s``.",
)
