"""The Exponential prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Exponential",
    ("lam",),
    support="positive",
    positive=("lam",),
    log_density=_densities.exponential,
    median=lambda lam: _densities.LOG_2 / lam,
    example={"lam": 2.5},
    notes="Exponential with *rate* ``lam`` (mean ``1 / lam``).",
)
