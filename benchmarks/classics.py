"""The textbook Gaussian models: nested, crossed, and slopes."""

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ._cards import Benchmark, Card, Group


def frame(name: str) -> Any:
    """Return a data set."""
    import bayesdeep as bd

    return bd.load_dataset(name)


def spread(scale: float, *factors: str) -> Mapping[str, str]:
    """Return the priors of the sds: of intercepts by group, and of the noise."""
    groups = {f"1|{factor}_sigma": f"HalfStudentT(3, {scale:g})" for factor in factors}
    return {**groups, "sigma": f"HalfStudentT(4, {scale:g})"}


SLEEPSTUDY = Card(
    name="sleepstudy",
    title="reaction times over ten days of short sleep",
    formula="reaction ~ days + (days | subject)",
    frame=partial(frame, "sleepstudy"),
    response="reaction",
    priors={
        "Intercept": "Normal(298.5, 140.4)",
        "days": "Normal(0, 48.89)",
        **spread(56.17, "subject"),
        "days|subject_sigma": "HalfStudentT(3, 19.56)",
        "subject_corr": "LKJ(2)",
    },
    population=("days",),
    groups=(Group(("subject",), ("1", "days")),),
)
PENICILLIN = Card(
    name="penicillin",
    title="crossed plates and samples",
    formula="diameter ~ 1 + (1 | plate) + (1 | sample)",
    frame=partial(frame, "penicillin"),
    response="diameter",
    priors={"Intercept": "Normal(22.97, 5.06)", **spread(2.024, "plate", "sample")},
    groups=(Group(("plate",)), Group(("sample",))),
)
PASTES = Card(
    name="pastes",
    title="casks nested in batches",
    formula="strength ~ 1 + (1 | batch) + (1 | batch:cask)",
    frame=partial(frame, "pastes"),
    response="strength",
    priors={"Intercept": "Normal(60.05, 8.028)", **spread(3.211, "batch", "batch:cask")},
    groups=(Group(("batch",)), Group(("batch", "cask"))),
)
MACHINES = Card(
    name="machines",
    title="workers, and machines nested in workers",
    formula="score ~ machine + (1 | worker) + (1 | worker:machine)",
    frame=partial(frame, "machines"),
    response="score",
    priors={"Intercept": "Normal(59.65, 20)", "machine": "Normal(0, 20)", **spread(8.001, "worker", "worker:machine")},
    population=("machine",),
    groups=(Group(("worker",)), Group(("worker", "machine"))),
)
MACHINES_SLOPES = Card(
    name="machines_slopes",
    title="the machines' differences vary by worker",
    formula="score ~ machine + (machine | worker)",
    frame=partial(frame, "machines"),
    response="score",
    priors={
        "Intercept": "Normal(59.65, 20)",
        "machine": "Normal(0, 20)",
        **spread(8.001, "worker"),
        "machine|worker_sigma": "HalfStudentT(3, 8.001)",
        "worker_corr": "LKJ(2)",
    },
    population=("machine",),
    groups=(Group(("worker",), ("1", "machine")),),
)
OXIDE = Card(
    name="oxide",
    title="wafers nested in lots",
    formula="thickness ~ 1 + (1 | lot) + (1 | lot:wafer)",
    frame=partial(frame, "oxide"),
    response="thickness",
    priors={"Intercept": "Normal(2000.153, 31.67)", **spread(12.67, "lot", "lot:wafer")},
    groups=(Group(("lot",)), Group(("lot", "wafer"))),
)

BENCHMARK = Benchmark(
    "the textbook Gaussian models", (SLEEPSTUDY, PENICILLIN, PASTES, MACHINES, MACHINES_SLOPES, OXIDE)
)

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["classics", *sys.argv[1:]]))
