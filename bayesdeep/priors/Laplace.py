"""The Laplace prior."""

from bayesdeep.core.priors import Prior

from . import _densities

PRIOR = Prior(
    "Laplace",
    ("mu", "b"),
    defaults={"mu": 0.0, "b": 1.0},
    positive=("b",),
    location="mu",
    scale="b",
    log_density=_densities.laplace,
    median=lambda mu, b: mu,
    example={"mu": 0.5, "b": 2.0},
    notes=(
        "Double exponential with location ``mu`` and scale ``b``; with a nested scale over several coefficients it is the "
        "Bayesian lasso (Park and Casella 2008, doi:10.1198/016214508000000337)."
    ),
)
