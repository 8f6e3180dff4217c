"""Which fault explains the others, and where it lies, on draws whose fault is known: nothing is sampled here."""

import re
from dataclasses import asdict, fields
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.registry import ENGINES
from bayesdeep.diagnostics.causes import ORDER, advised, leading
from bayesdeep.diagnostics.checks import Check
from bayesdeep.diagnostics.diagnose import diagnose
from bayesdeep.diagnostics.places import shares, where
from bayesdeep.diagnostics.prior_conflict import tail_power
from bayesdeep.diagnostics.sampler_checks import stuck_chains

CHAINS, DRAWS = 4, 1000
SCALES = ("1|county_sigma", "floor|county_sigma", "1|state_sigma")
DIMS = ("chain", "draw")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def slow(rng, keep=0.99, shape=(CHAINS, DRAWS)):
    """Return draws of an autoregression with sd 1, each ``keep`` of the one before."""
    noise, found = rng.normal(size=shape), np.zeros(shape)
    found[:, 0] = noise[:, 0]
    for t in range(1, shape[1]):
        found[:, t] = keep * found[:, t - 1] + np.sqrt(1 - keep**2) * noise[:, t]
    return found


def made(values, diverging=None, energy=None, priors=(), method="nuts", settings=None):
    """Return a tree of quantities ``(chain, draw)`` by name; names with ``_sigma`` are standard deviations of effects."""
    roles = {name: "sd" if name in SCALES else "parameter" if name == "alpha" else "coefficient" for name in values}
    posterior = xr.Dataset({name: (DIMS, value, {"role": roles[name]}) for name, value in values.items()})
    shape = next(iter(values.values())).shape
    stats = {
        "diverging": (DIMS, np.zeros(shape, dtype=bool) if diverging is None else diverging),
        "energy": (DIMS, np.random.default_rng(0).normal(size=shape) if energy is None else energy),
    }
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})
    own = asdict(ENGINES[method].settings()) if settings is None else settings
    tree.attrs.update(exact=True, method=method, status="ok", advice=[], details={}, settings=own)
    tree.attrs["spec"] = {"priors": list(priors)}
    return tree


def prior(name, distribution, **arguments):
    role = "sd" if name in SCALES else "parameter"
    prior = {"name": distribution, "arguments": [list(pair) for pair in arguments.items()]}
    return {"name": name, "role": role, "origin": "default", "prior": prior}


def failed(found):
    return set(found.evidence.query("~passed")["check"])


@pytest.mark.parametrize("funnel", SCALES)
@pytest.mark.parametrize("slowest", SCALES)
def test_the_scale_of_the_funnel_is_named_and_nothing_else(rng, funnel, slowest):
    """Another scale has the fewest independent draws, and all go together a little."""
    common = rng.normal(size=(CHAINS, DRAWS))
    logs = {name: 0.5 * common + rng.normal(size=(CHAINS, DRAWS)) for name in SCALES}
    if slowest != funnel:
        logs[slowest] = slow(rng)
    diverging = logs[funnel] < np.quantile(logs[funnel], 0.05)
    diverging &= rng.random(diverging.shape) < 0.5
    priors = [prior(name, "HalfStudentT", nu=3.0, sigma=0.5) for name in SCALES]
    found = diagnose(made({name: np.exp(v) for name, v in logs.items()}, diverging, energy=slow(rng), priors=priors))
    assert {"divergences", "E-BFMI"} <= failed(found)
    assert ("bulk ESS" in failed(found)) == (slowest != funnel)
    assert len(found.advice) == 1, found.advice
    assert f"'{funnel}' is small" in found.advice[0]
    assert "target_accept=0.95" in found.advice[0]
    assert "Gamma(2, 4)" in found.advice[0]
    assert not any(f"'{name}'" in found.advice[0] for name in SCALES if name != funnel)
    assert found.sentence.split("(")[1].startswith("divergences")


def test_large_values_are_told_from_small_ones(rng):
    logs = {name: rng.normal(size=(CHAINS, DRAWS)) for name in SCALES}
    diverging = logs[SCALES[1]] > np.quantile(logs[SCALES[1]], 0.99)
    found = diagnose(made({name: np.exp(v) for name, v in logs.items()}, diverging))
    assert f"'{SCALES[1]}' is large" in found.advice[0]
    assert "narrower prior" in found.advice[0]
    assert "Gamma" not in found.advice[0]


def test_a_small_scale_comes_before_one_that_makes_up_for_it(rng):
    """Two scales share a variance: where one is small the other is large, and tells the divergences apart better still."""
    logs = {name: rng.normal(size=(CHAINS, DRAWS)) for name in SCALES}
    diverging = logs[SCALES[2]] > np.quantile(logs[SCALES[2]], 0.97)
    logs[SCALES[0]] = logs[SCALES[0]] - 0.6 * logs[SCALES[2]]
    found = where(diverging, xr.Dataset({name: (DIMS, np.exp(v)) for name, v in logs.items()}), SCALES)
    assert (found.variable, found.small) == (SCALES[0], True)


def test_divergences_that_gather_nowhere_name_nothing(rng):
    values = {name: np.exp(rng.normal(size=(CHAINS, DRAWS))) for name in SCALES}
    found = diagnose(made(values, rng.random((CHAINS, DRAWS)) < 0.02))
    assert len(found.advice) == 1
    assert not any(name in found.advice[0] for name in SCALES)
    assert "target_accept=0.95" in found.advice[0]


def test_a_chain_that_is_elsewhere_does_not_name_its_place(rng):
    """Chain 1 diverges most, and its second scale is ten times smaller than elsewhere; within chains the first one decides."""
    logs = {name: rng.normal(size=(CHAINS, DRAWS)) for name in SCALES}
    diverging = logs[SCALES[0]] < np.quantile(logs[SCALES[0]], 0.1)
    diverging[1:] &= rng.random((CHAINS - 1, DRAWS)) < 0.1
    logs[SCALES[1]][0] -= 2.3
    posterior = xr.Dataset({name: (DIMS, np.exp(v)) for name, v in logs.items()})
    found = where(diverging, posterior, SCALES)
    assert found is not None
    assert (found.variable, found.small) == (SCALES[0], True)
    alone = where(diverging, posterior[[SCALES[1], SCALES[2]]], SCALES[1:])
    assert alone is None


def test_shares_are_mann_and_whitneys(rng):
    from scipy.stats import mannwhitneyu

    values = rng.normal(size=(1, 200)).round(1)  # with ties
    chosen = rng.random((1, 200)) < 0.2
    expected = mannwhitneyu(values[chosen], values[~chosen]).statistic
    share, _ = shares(chosen, values)
    assert share == pytest.approx(expected / (chosen.sum() * (~chosen).sum()))
    first = np.zeros((1, 1000), dtype=bool)
    first[0, :3] = True
    assert shares(first, np.arange(1000.0)[None]) == pytest.approx((0.0, -3.0), abs=0.01)


def test_short_chains_want_more_draws_and_nothing_else(rng):
    found = diagnose(made({"x": slow(rng, 0.9), "alpha": np.exp(rng.normal(size=(CHAINS, DRAWS)))}))
    assert {"bulk ESS"} <= failed(found) <= {"bulk ESS", "tail ESS", "R-hat", "MCSE / sd"}
    assert len(found.advice) == 1
    assert "draws=" in found.advice[0]
    assert "'x'" in found.advice[0]


def test_a_stuck_chain_explains_divergences_and_rhat(rng):
    values = {name: np.exp(rng.normal(size=(CHAINS, DRAWS))) for name in SCALES}
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    for value in values.values():
        value[2, 100:] = value[2, 100]
    diverging[2, 100:] = True
    found = diagnose(made(values, diverging))
    assert {"chains that stand still", "divergences", "R-hat", "bulk ESS"} <= failed(found)
    assert found.verdict == "do not trust"
    assert len(found.advice) == 1
    assert "chain 3 of 4" in found.advice[0].lower()
    assert "tune=2000" in found.advice[0]
    assert "draws=" not in found.advice[0]


def test_chains_that_hardly_move_are_stuck_and_repeated_values_are_not(rng):
    draws = rng.normal(size=(5, CHAINS, DRAWS))
    assert stuck_chains(draws) == ()
    crawling = draws.copy()
    crawling[:, 1] = 3 + 0.01 * crawling[:, 1]
    assert stuck_chains(crawling) == (1,)
    # Some methods keep a value for several draws in a row; that is not standing still.
    assert stuck_chains(np.repeat(draws[:, :, ::4], 4, axis=2)) == ()
    assert stuck_chains(np.zeros((3, CHAINS, DRAWS))) == ()
    assert stuck_chains(np.exp(90 * draws + 250)) == ()  # its sds overflow


def test_a_heavy_tailed_prior_is_named_with_a_lighter_one(rng):
    """Energy is spent far out where the data do not end ``alpha``; its prior falls off as a power."""
    alpha = np.exp(slow(rng) * 2.0)
    values = {"alpha": alpha, "x": rng.normal(size=(CHAINS, DRAWS)), SCALES[0]: np.exp(rng.normal(size=(CHAINS, DRAWS)))}
    energy = np.log(alpha) + 0.05 * rng.normal(size=alpha.shape)
    priors = [prior("alpha", "HalfCauchy", beta=2.5), prior(SCALES[0], "HalfStudentT", nu=3.0, sigma=1.0)]
    found = diagnose(made(values, energy=energy, priors=priors))
    assert {"E-BFMI", "bulk ESS"} <= failed(found)
    assert len(found.advice) == 1, found.advice
    assert "'alpha' is large" in found.advice[0]
    assert "HalfNormal(2.5)" in found.advice[0]
    assert "default prior HalfCauchy" in found.advice[0]


@pytest.mark.parametrize(
    ("name", "arguments", "power"),
    [
        ("HalfCauchy", {"beta": 2.0}, 1.0),
        ("HalfStudentT", {"nu": 3.0, "sigma": 0.2}, 3.0),
        ("StudentT", {"nu": 4.0, "mu": 10.0, "sigma": 2.0}, 4.0),
        ("Normal", {"mu": 0.0, "sigma": 1.0}, np.inf),
        ("HalfNormal", {"sigma": 1.0}, np.inf),
    ],
)
def test_tails_fall_off_as_they_do(name, arguments, power):
    assert tail_power(name, arguments) == pytest.approx(power, abs=0.01)


def row(cause, severity, sure=False, said="do"):
    return Check(cause or "own", 0, "", False, "", severity, (f"{said} {cause or 'own'}",), cause, sure)


@pytest.mark.parametrize(("first", "second"), list(pairwise(ORDER)))
def test_the_first_in_order_leads_unless_it_is_too_mild(first, second):
    assert leading([row(second, 1), row(first, 1)]) == first
    assert leading([row(second, 2), row(first, 1)]) == second
    assert leading([row(second, 2), row(first, 1, sure=True)]) == first
    assert advised([row(second, 1), row(first, 1), row("", 2)], ["it said"]) == (f"do {first}", "do own", "it said")


@pytest.mark.parametrize(
    ("severity", "about", "told"), [(2, "", False), (1, "", True), (1, "alpha", False), (1, "beta", True)]
)
def test_a_prior_is_not_blamed_by_draws_that_are_wrong(severity, about, told):
    """Nor is it to be wider and lighter at once."""
    cause = Check("E-BFMI", 0, "", False, "", severity, ("lighter",), "energy", True, about)
    conflict = Check("prior of alpha", 0, "", False, "", 1, ("wider",), about="alpha")
    assert advised([conflict, cause]) == (("lighter", "wider") if told else ("lighter",))


def test_what_a_method_says_of_its_own_failure_comes_first(rng):
    values = {"x": rng.normal(size=(CHAINS, DRAWS))}
    values["x"][0] += 5
    tree = made(values, method="transport")
    tree.attrs.update(status="doubtful", advice=["transport: lanes differ. Fit with method='nuts'."])
    assert diagnose(tree).advice == ("transport: lanes differ. Fit with method='nuts'.",)


def test_what_is_judged_here_is_not_said_twice(rng):
    values = {"x": rng.normal(size=(CHAINS, DRAWS))}
    tree = made(values, rng.random((CHAINS, DRAWS)) < 0.02)
    tree.attrs.update(advice=["There were some.", "Interrupted."], judged=["There were some."])
    found = diagnose(tree).advice
    assert "There were some." not in found
    assert found[-1] == "Interrupted."


@pytest.mark.parametrize("method", [name for name in ENGINES if ENGINES[name].exact])
@pytest.mark.parametrize("fault", ["divergences", "energy", "short", "apart", "stuck", "one chain", "depth"])
def test_advice_names_options_that_the_method_has(rng, method, fault):
    values = {name: np.exp(rng.normal(size=(CHAINS, DRAWS))) for name in SCALES}
    changes = {}
    if fault == "divergences":
        changes["diverging"] = rng.random((CHAINS, DRAWS)) < 0.05
    elif fault == "energy":
        changes["energy"] = slow(rng)
    elif fault == "short":
        values[SCALES[0]] = np.exp(slow(rng))
    elif fault == "apart":
        values[SCALES[0]][0] *= 9
    elif fault == "stuck":
        for value in values.values():
            value[1, 10:] = 1.0
    elif fault == "one chain":
        values = {name: value[:1] for name, value in values.items()}
    tree = made(values, method=method, **changes)
    if fault == "depth":
        stats = tree["sample_stats"].to_dataset()
        tree["sample_stats"] = xr.DataTree(stats.assign(reached_max_treedepth=stats["diverging"] | True))
    found = diagnose(tree)
    assert found.verdict != "trust"
    assert len(found.advice) == 1, found.advice
    known = {f.name for f in fields(ENGINES[method].settings)} | {"method", "var_names"}
    assert set(re.findall(r"(\w+)=", found.advice[0])) <= known, found.advice


def diverged(fit):
    tree = fit.idata
    shape = tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]
    stats = xr.Dataset({"diverging": (DIMS, np.random.default_rng(1).random(shape) < 0.1)})
    tree["sample_stats"] = xr.DataTree(stats)
    tree.attrs.update(spec=fit.spec.to_json(), method="nuts", settings=asdict(ENGINES["nuts"].settings()))
    return tree


@pytest.mark.parametrize(("family", "better"), [("poisson", "transport"), ("gaussian", "collapsed"), ("student_t", None)])
def test_a_method_without_the_fault_is_named_where_there_is_one(made_up, rng, family, better):
    """Where ``fit()`` would take it for this model, and has not tried it."""
    counts = rng.poisson(3.0, 40)
    data = pd.DataFrame({"y": counts if family == "poisson" else counts + rng.normal(size=40), "g": np.arange(40) % 8})
    data["g"] = data["g"].astype(str)
    formula = "y ~ 1 + (1 | g)" if better else "y ~ g2"
    data["g2"] = rng.normal(size=40)
    spec = bd.Model(formula, data, family=family, **({} if better else {"priors": {"population": "Horseshoe()"}}))
    tree = diverged(made_up(spec))
    first = diagnose(tree).advice[0]
    assert ("method=" in first) == (better is not None)
    if better:
        assert f"method='{better}'" in first
        tree.attrs["tried"] = [better]
        first = diagnose(tree).advice[0]
    assert "target_accept=0.95" in first
    assert "method=" not in first
