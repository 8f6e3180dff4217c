"""The HalfFlat prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "HalfFlat",
    (),
    support="positive",
    proper=False,
    log_density=_densities.half_flat,
    example={},
    notes="Improper uniform on the positive half line.",
)
