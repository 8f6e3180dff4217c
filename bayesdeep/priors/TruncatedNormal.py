"""The TruncatedNormal prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "TruncatedNormal",
    ("mu", "sigma", "lower", "upper"),
    support="bounded",
    positive=("sigma",),
    defaults={"mu": 0.0, "sigma": 1.0, "lower": float("-inf"), "upper": float("inf")},
    log_density=_densities.truncated_normal,
    median=_densities.truncated_normal_median,
    example={"mu": 1.0, "sigma": 0.5, "lower": 0.25, "upper": 4.0},
    notes="Normal ``mu``, ``sigma`` between ``lower`` and ``upper``; one bound may be left out.",
)
