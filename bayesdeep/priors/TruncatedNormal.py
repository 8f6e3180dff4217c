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
    notes="Normal ``mu``, ``sigma`` between ``lower`` and ``upper``; one bound may be left out.",
)
