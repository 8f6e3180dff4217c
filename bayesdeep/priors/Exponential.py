"""The Exponential prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Exponential",
    ("lam",),
    support="positive",
    positive=("lam",),
    log_density=_densities.exponential,
    notes="Exponential with *rate* ``lam`` (mean ``1 / lam``).",
)
