"""The Flat prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Flat",
    (),
    location=None,
    proper=False,
    gaussian=lambda: (0.0, 0.0),
    log_density=_densities.half_flat,
    example={},
    notes="Improper uniform on the real line.",
)
