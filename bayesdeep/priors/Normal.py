"""The Normal prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Normal",
    ("mu", "sigma"),
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("sigma",),
    location="mu",
    scale="sigma",
    gaussian=lambda mu, sigma: (mu, sigma**-2),
    notes="Normal with mean ``mu`` and standard deviation ``sigma``.",
)
