"""The HalfCauchy prior."""

from bayesdeep.core.priors import Prior

PRIOR = Prior(
    "HalfCauchy",
    ("beta",),
    support="positive",
    defaults={"beta": 1.0},
    positive=("beta",),
    scale="beta",
    notes="Cauchy of location 0 and scale ``beta``, folded at 0.",
)
