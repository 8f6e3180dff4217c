"""The LogNormal prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "LogNormal",
    ("mu", "sigma"),
    support="positive",
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("sigma",),
    notes="``log`` of it is normal with mean ``mu`` and standard deviation ``sigma``.",
)
