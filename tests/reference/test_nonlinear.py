"""Non-linear models against R's ``nls`` and ``nlme``: what a fit starts from, its mode under flat priors, and the posterior."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.graph.nonlinear_fit import nonlinear_fit
from bayesdeep.graph.nonlinear_pilot import nonlinear_pilot

REFERENCE = json.loads((Path(__file__).parent / "nonlinear.json").read_text(encoding="utf-8"))["models"]
LOGISTIC = "asym / (1 + exp((xmid - {}) / scal))"
FLAT: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "puromycin": ("rate ~ Vm * conc / (K + conc)", {"Vm": "~ 1", "K": "~ 1"}, {"Vm_Intercept": "Vm", "K_Intercept": "K"}),
    "puromycin_states": (
        "rate ~ Vm * conc / (K + conc)",
        {"Vm": '~ C(state, Treatment("untreated"))', "K": "~ 1"},
        {"K_Intercept": "K"},
    ),
    "orange_tree_1": (
        f"circumference ~ {LOGISTIC.format('age')}",
        {"asym": "~ 1", "xmid": "~ 1", "scal": "~ 1"},
        {"asym_Intercept": "Asym", "xmid_Intercept": "xmid", "scal_Intercept": "scal"},
    ),
    "loss_weibull": (
        "loss ~ floor_ + drop * exp(-(step / tau)**shape)",
        {"floor_": "~ 1", "drop": "~ 1", "tau": "~ 1", "shape": "~ 1"},
        {"floor__Intercept": "floor", "drop_Intercept": "drop", "tau_Intercept": "tau", "shape_Intercept": "shape"},
    ),
    "chick_6_weibull": (
        "weight ~ Asym - Drop * exp(-exp(lrc) * Time**pwr)",
        {"Asym": "~ 1", "Drop": "~ 1", "lrc": "~ 1", "pwr": "~ 1"},
        {f"{name}_Intercept": name for name in ("Asym", "Drop", "lrc", "pwr")},
    ),
}
"""By model: formula, formulas of its parameters, and what R calls ours."""

BOUNDED = {"Asym": "Uniform(0, 1000)", "Drop": "Uniform(0, 1000)", "lrc": "Uniform(-20, 5)", "pwr": "Uniform(0, 10)"}
LEVEL = {"loss_weibull": dict.fromkeys(("floor_", "drop", "tau", "shape"), "HalfFlat()"), "chick_6_weibull": BOUNDED}
"""Priors other than Flat, as level where the estimate is: of powers, which a negative number has none of, and between bounds."""


def flat(name: str) -> tuple[bd.Model, dict[str, Any]]:
    formula, parameters, _ = FLAT[name]
    priors = {f"{parameter}_Intercept": LEVEL.get(name, {}).get(parameter, "Flat()") for parameter in parameters}
    priors["sigma"] = "HalfFlat()"
    if name == "puromycin_states":
        priors['Vm_C(state, Treatment("untreated"))'] = "Flat()"
    return bd.Model(formula, pd.DataFrame(REFERENCE[name]["data"]), nonlinear=parameters, priors=priors), REFERENCE[name]


@pytest.mark.parametrize("name", FLAT)
def test_least_squares_that_sampling_starts_from_are_those_of_nls(name: str) -> None:
    model, expected = flat(name)
    rows = model.__dict__["_rows"]
    pilot = nonlinear_pilot(model.spec, rows.arrays, rows.response)
    assert pilot is not None
    for ours, theirs in FLAT[name][2].items():
        within = 0.02 * expected["se"][theirs]
        assert pilot.places[ours] == pytest.approx(expected["estimate"][theirs], abs=within), ours


def multilevel(name: str) -> tuple[bd.Model, dict[str, Any]]:
    expected = REFERENCE[name]
    response, time, group = ("circumference", "age", "Tree") if name == "orange" else ("weight", "Time", "Chick")
    middle, scale = ("Normal(700, 500)", "LogNormal(6, 1)") if name == "orange" else ("Normal(15, 10)", "LogNormal(2, 1)")
    return (
        bd.Model(
            f"{response} ~ {LOGISTIC.format(time)}",
            pd.DataFrame(expected["data"]),
            nonlinear={"asym": f"~ 1 + (1 | {group})", "xmid": "~ 1", "scal": "~ 1"},
            priors={"asym_Intercept": "Normal(250, 200)", "xmid_Intercept": middle, "scal_Intercept": scale},
        ),
        expected,
    )


@pytest.mark.parametrize("name", ["orange", "chickweight"])
def test_the_linearised_fit_is_that_of_nlme(name: str) -> None:
    model, expected = multilevel(name)
    rows = model.__dict__["_rows"]
    start = nonlinear_pilot(model.spec, rows.arrays, rows.response)
    assert start is not None
    pilot = nonlinear_fit(model.spec, rows.arrays, rows.response, start.places)
    assert pilot is not None
    for k, parameter in enumerate(("Asym", "xmid", "scal")):
        assert pilot.centre[k] == pytest.approx(expected["estimate"][parameter], abs=0.2 * expected["se"][parameter])
    (sd,) = pilot.sds["asym_group_1"]
    assert sd == pytest.approx(expected["sd_Asym"], rel=0.1)


@pytest.mark.integration
@pytest.mark.parametrize("name", FLAT)
def test_the_mode_under_flat_priors_is_that_of_nls(name: str) -> None:
    model, expected = flat(name)
    summary = model.fit("map", seed=1, progress=False).summary(kind="stats")
    for ours, theirs in FLAT[name][2].items():
        assert summary.loc[ours, "mean"] == pytest.approx(expected["estimate"][theirs], rel=1e-3), ours
    rows, free = len(next(iter(expected["data"].values()))), len(expected["estimate"])
    # nls divides by degrees of freedom, a likelihood by rows.
    assert summary.loc["sigma", "mean"] == pytest.approx(expected["sigma"] * np.sqrt((rows - free) / rows), rel=1e-3)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["orange", pytest.param("chickweight", marks=pytest.mark.slow)])
def test_the_posterior_is_about_nlmes_estimate_and_cleanly_sampled(name: str) -> None:
    model, expected = multilevel(name)
    fit = model.fit("nuts", seed=2, progress=False)
    assert int(fit.idata["sample_stats"]["diverging"].sum()) == 0
    assert float(fit.summary()["ess_bulk"].min()) > 400
    # nlme's iterations stop before the maximum for ChickWeight, by 1.6 of the log likelihood.
    estimate = expected.get("maximum", expected["estimate"])
    posterior = fit.idata["posterior"]
    for ours, theirs in (("asym_Intercept", "Asym"), ("xmid_Intercept", "xmid"), ("scal_Intercept", "scal")):
        apart = float(posterior[ours].median()) - estimate[theirs]
        # Of five trees a posterior's median is not yet where the likelihood is largest.
        assert abs(apart) < (0.2 if name == "chickweight" else 0.5) * expected["se"][theirs], ours
