"""The Logistic prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Logistic",
    ("mu", "s"),
    defaults={"mu": 0.0, "s": 1.0},
    positive=("s",),
    location="mu",
    scale="s",
    log_density=_densities.logistic,
    median=lambda mu, s: mu,
    example={"mu": 0.5, "s": 2.0},
    notes="Logistic with location ``mu`` and scale ``s``.",
)
