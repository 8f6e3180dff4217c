"""Responses that are not Gaussian: yes or no, successes of trials, counts."""

import sys
from dataclasses import replace
from functools import partial
from typing import Any

from ._cards import Benchmark, Card, Group


def frame(name: str, yes: tuple[str, ...] = ()) -> Any:
    """Return a data set; columns ``yes`` of N and Y become 0 and 1."""
    import bayesdeep as bd

    found = bd.load_dataset(name)
    for column in yes:
        found[column] = (found[column].astype(str) == "Y").astype("int64")
    return found


CONTRACEPTION = Card(
    name="contraception",
    title="use of contraception by district, and the difference of towns",
    formula="use ~ age + urban + livch + (1 + urban | district)",
    frame=partial(frame, "contraception", ("use", "urban")),
    response="use",
    family="bernoulli",
    priors={
        "Intercept": "Normal(0, 2.5)",
        "age": "Normal(0, 0.2774)",
        "urban": "Normal(0, 5.506)",
        "livch": "Normal(0, 2.5)",
        "1|district_sigma": "HalfStudentT(3, 1)",
        "urban|district_sigma": "HalfStudentT(3, 2.202)",
        "district_corr": "LKJ(2)",
    },
    population=("age", "urban", "livch"),
    groups=(Group(("district",), ("1", "urban")),),
)
CBPP = Card(
    name="cbpp",
    title="new cases of a cattle disease by herd",
    formula="prop(incidence, size) ~ period + (1 | herd)",
    frame=partial(frame, "cbpp"),
    response="incidence",
    trials="size",
    family="binomial",
    priors={"Intercept": "Normal(0, 2.5)", "period": "Normal(0, 2.5)", "1|herd_sigma": "HalfStudentT(3, 1)"},
    population=("period",),
    groups=(Group(("herd",)),),
)
VERBAGG = Card(
    name="verbagg",
    title="verbal aggression: crossed persons and items",
    formula="r2 ~ anger + gender + btype + situ + (1 | id) + (1 | item)",
    frame=partial(frame, "verbagg", ("r2",)),
    response="r2",
    family="bernoulli",
    priors={
        "Intercept": "Normal(0, 2.5)",
        "anger": "Normal(0, 0.5164)",
        "gender": "Normal(0, 2.5)",
        "btype": "Normal(0, 2.5)",
        "situ": "Normal(0, 2.5)",
        "1|id_sigma": "HalfStudentT(3, 1)",
        "1|item_sigma": "HalfStudentT(3, 1)",
    },
    population=("anger", "gender", "btype", "situ"),
    groups=(Group(("id",)), Group(("item",))),
)
EPIL = Card(
    name="epil",
    title="counts of seizures by patient",
    formula="y ~ lbase + trt + lage + v4 + (1 | subject)",
    frame=partial(frame, "epil"),
    response="y",
    family="poisson",
    priors={
        "Intercept": "Normal(2.111, 2.5)",
        "lbase": "Normal(0, 3.358)",
        "trt": "Normal(0, 2.5)",
        "lage": "Normal(0, 11.26)",
        "v4": "Normal(0, 5.774)",
        "1|subject_sigma": "HalfStudentT(3, 1)",
    },
    population=("lbase", "trt", "lage", "v4"),
    groups=(Group(("subject",)),),
)
EPIL_OVERDISPERSED = replace(
    EPIL,
    name="epil_overdispersed",
    title="the same with negative binomial counts",
    family="negative_binomial",
    priors={**EPIL.priors, "alpha": "InverseGamma(0.4, 0.3)"},
)

BENCHMARK = Benchmark("responses that are not Gaussian", (CONTRACEPTION, CBPP, VERBAGG, EPIL, EPIL_OVERDISPERSED))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["generalised", *sys.argv[1:]]))
