"""The Exponential prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "Exponential",
    ("lam",),
    support="positive",
    positive=("lam",),
    notes="Exponential with *rate* ``lam`` (mean ``1 / lam``).",
)
