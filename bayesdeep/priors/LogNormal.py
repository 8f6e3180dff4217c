"""The LogNormal prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "LogNormal",
    ("mu", "sigma"),
    support="positive",
    defaults={"mu": 0.0, "sigma": 1.0},
    positive=("sigma",),
    log_density=_densities.log_normal,
    median=_densities.log_normal_median,
    example={"mu": 0.3, "sigma": 0.8},
    notes="``log`` of it is normal with mean ``mu`` and standard deviation ``sigma``.",
)
