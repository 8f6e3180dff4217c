"""Radon in Minnesota: 919 houses, 85 counties, an intercept and a slope by county."""

import sys
from typing import Any

from ._cards import Benchmark, Card, Group


def frame() -> Any:
    """Return the houses."""
    import bayesdeep as bd

    return bd.load_dataset("radon")


PRIORS = {
    "Intercept": "Normal(1.225, 2.132)",
    "floor": "Normal(0, 5.724)",
    "1|county_sigma": "HalfStudentT(3, 0.8529)",
    "floor|county_sigma": "HalfStudentT(3, 2.289)",
    "sigma": "HalfStudentT(4, 0.8529)",
}

CORRELATED = Card(
    name="radon",
    title="varying intercept and slope, correlated",
    formula="log_radon ~ floor + (1 + floor | county)",
    frame=frame,
    response="log_radon",
    priors={**PRIORS, "county_corr": "LKJ(2)"},
    population=("floor",),
    groups=(Group(("county",), ("1", "floor")),),
)

INDEPENDENT = Card(
    name="radon_independent",
    title="varying intercept and slope without a correlation: the model that Bambi can fit too",
    formula="log_radon ~ floor + (1 | county) + (0 + floor | county)",
    frame=frame,
    response="log_radon",
    priors=PRIORS,
    population=("floor",),
    groups=(Group(("county",), ("1",)), Group(("county",), ("floor",), correlated=False)),
)

BENCHMARK = Benchmark("the model most tutorials fit", (CORRELATED, INDEPENDENT))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["radon", *sys.argv[1:]]))
