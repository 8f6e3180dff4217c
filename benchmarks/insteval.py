"""Ratings of lecturers: 73,421 rows, crossed students, lecturers and departments; 4,128 effects."""

import sys
from typing import Any

from ._cards import Benchmark, Card, Group


def frame() -> Any:
    """Return the ratings. A department by service is one column of text, which every tool takes for a factor."""
    import bayesdeep as bd

    found = bd.load_dataset("insteval")[["y", "service", "s", "d", "dept"]]
    found["dept_service"] = found.pop("dept").astype(str) + "_" + found["service"].astype(str)
    return found


CARD = Card(
    name="insteval",
    title="crossed students, lecturers, and departments by service",
    formula="y ~ service + (1 | s) + (1 | d) + (1 | dept_service)",
    frame=frame,
    response="y",
    priors={
        "Intercept": "Normal(3.206, 3.333)",
        "service": "Normal(0, 6.727)",
        "1|s_sigma": "HalfStudentT(3, 1.333)",
        "1|d_sigma": "HalfStudentT(3, 1.333)",
        "1|dept_service_sigma": "HalfStudentT(3, 1.333)",
        "sigma": "HalfStudentT(4, 1.333)",
    },
    population=("service",),
    groups=(Group(("s",)), Group(("d",)), Group(("dept_service",))),
    tools=("bayesdeep", "nutpie", "bambi"),
)

BENCHMARK = Benchmark("large crossed effects", (CARD,), long=frozenset({"insteval"}))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["insteval", *sys.argv[1:]]))
