"""Verdicts on simulated draws: each fault is found, named and answered with advice."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.diagnostics.diagnose import diagnose
from bayesdeep.diagnostics.prior_conflict import conflict_checks, pull
from bayesdeep.results.convergence_table import convergence, screen
from bayesdeep.spec.as_json import to_json


def tree(rng: np.random.Generator, *, chains: int = 4, draws: int = 1000, **changes) -> xr.DataTree:
    """Return independent draws of an intercept, group effects, their sd, and a constant."""
    shape, dims = (chains, draws), ("chain", "draw")
    posterior = xr.Dataset(
        {
            "Intercept": (dims, rng.normal(size=shape)),
            "1|county": ((*dims, "county"), rng.normal(size=(*shape, 3))),
            "1|county_sigma": (dims, np.exp(rng.normal(size=shape)), {"role": "sd"}),
            "fixed": (dims, np.ones(shape)),
        },
        coords={"chain": np.arange(chains), "draw": np.arange(draws), "county": ["A", "B", "C"]},
    )
    stats = xr.Dataset(
        {
            "diverging": (dims, np.zeros(shape, dtype=bool)),
            "reached_max_treedepth": (dims, np.zeros(shape, dtype=bool)),
            "energy": (dims, rng.normal(size=shape)),
        }
    )
    for name, change in changes.items():
        posterior = change(posterior) if name == "posterior" else posterior
        stats = change(stats) if name == "stats" else stats
    made = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    made.attrs.update(exact=True, method="nuts", status="ok", advice=[], details={})
    return made


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def failed(found) -> list[str]:
    return list(found.evidence.query("~passed")["check"])


def test_good_chains_are_trusted(rng):
    found = diagnose(tree(rng))
    assert found.verdict == "trust"
    assert found.advice == ()
    assert found.evidence["passed"].all()
    assert "fixed" not in found.worst.index
    assert "trust" in repr(found)
    assert "<b>trust</b>" in found._repr_html_()


def test_table_has_the_numbers_of_arviz(rng):
    made = tree(rng)
    table = convergence(made["posterior"].to_dataset()).table
    sub = made["posterior"].to_dataset()[["Intercept", "1|county"]]
    assert table.loc["1|county[B]", "rhat"] == pytest.approx(float(az.rhat(sub)["1|county"].sel(county="B")))
    assert table.loc["Intercept", "ess_bulk"] == pytest.approx(float(az.ess(sub)["Intercept"]))
    assert table.loc["Intercept", "ess_tail"] == pytest.approx(
        float(az.ess(sub, method="tail", prob=(0.05, 0.95))["Intercept"])
    )
    relative = float(az.mcse(sub)["Intercept"]) / float(sub["Intercept"].std(ddof=1))
    assert table.loc["Intercept", "mcse_relative"] == pytest.approx(relative)


def test_shifted_chain_is_named(rng):
    def shift(posterior):
        posterior["1|county"][2, :, 1] += 3
        return posterior

    found = diagnose(tree(rng, posterior=shift))
    assert found.verdict == "do not trust"
    assert found.worst.index[0] == "1|county[B]"
    assert "'1|county[B]'" in found.advice[0]
    assert "tune=2000" in found.advice[0]


def test_slow_chain_wants_more_draws(rng):
    def slow(posterior):
        noise = rng.normal(size=(4, 1000))
        walk = np.zeros_like(noise)
        for t in range(1, 1000):
            walk[:, t] = 0.9 * walk[:, t - 1] + noise[:, t]
        posterior["Intercept"] = (("chain", "draw"), walk)
        return posterior

    found = diagnose(tree(rng, posterior=slow))
    assert "bulk ESS" in failed(found)
    assert found.verdict in ("caution", "do not trust")
    assert any("draws=" in sentence and "'Intercept'" in sentence for sentence in found.advice)


@pytest.mark.parametrize(("count", "verdict"), [(3, "caution"), (80, "do not trust")])
def test_divergences(rng, count, verdict):
    made = tree(rng)
    sd = made["posterior"]["1|county_sigma"]
    low = sd <= np.sort(np.asarray(sd), axis=None)[count - 1]
    made["sample_stats"] = xr.DataTree(made["sample_stats"].to_dataset().assign(diverging=low))
    found = diagnose(made)
    assert found.evidence.set_index("check").loc["divergences", "value"] == count
    assert found.verdict == verdict
    assert any("target_accept=0.95" in s and "'1|county_sigma'" in s for s in found.advice)


def test_energy_and_tree_depth(rng):
    def poor(stats):
        stats["energy"] = (("chain", "draw"), np.cumsum(rng.normal(size=(4, 1000)), axis=1))
        stats["reached_max_treedepth"] = (("chain", "draw"), rng.random((4, 1000)) < 0.3)
        return stats

    found = diagnose(tree(rng, stats=poor))
    assert found.verdict == "caution"
    assert failed(found) == ["max tree depth", "E-BFMI"]


def test_one_chain_and_few_draws(rng):
    found = diagnose(tree(rng, chains=1))
    assert found.verdict == "caution"
    assert failed(found) == ["chains"]
    assert diagnose(tree(rng, draws=2)).verdict == "do not trust"


def test_non_finite_draws(rng):
    def broken(posterior):
        posterior["1|county"][0, 5, 2] = np.inf
        return posterior

    found = diagnose(tree(rng, posterior=broken))
    assert found.verdict == "do not trust"
    assert "'1|county[C]'" in found.advice[0]


def test_nothing_estimated(rng):
    made = tree(rng)
    made["posterior"] = xr.DataTree(made["posterior"].to_dataset()[["fixed"]])
    assert diagnose(made).verdict == "trust"


def test_what_the_method_says_is_passed_on(rng):
    made = tree(rng)
    made.attrs.update(status="interrupted", advice=["Sampling was interrupted."])
    found = diagnose(made)
    assert found.verdict == "caution"
    assert "Sampling was interrupted." in found.advice


@pytest.mark.parametrize(("khat", "verdict"), [(0.2, "caution"), (0.9, "do not trust"), (float("inf"), "do not trust")])
def test_approximation_by_its_khat(rng, khat, verdict):
    made = tree(rng)
    made.attrs.update(exact=False, method="laplace", details={"khat": khat})
    found = diagnose(made)
    assert found.verdict == verdict
    assert "laplace" in found.sentence
    assert found.worst.empty


def test_point_estimate(rng):
    made = tree(rng, chains=1, draws=1)
    made.attrs.update(exact=False, method="map")
    found = diagnose(made)
    assert found.verdict == "caution"
    assert "point estimate" in found.sentence
    made.attrs["status"] = "doubtful"
    assert diagnose(made).verdict == "do not trust"


def test_prior_data_conflict(rng):
    made = tree(rng)
    made["posterior"]["Intercept"] += 5
    made["posterior"]["x"] = made["posterior"]["Intercept"] + 0
    unit = PriorSpec("Normal", (("mu", 0.0), ("sigma", 1.0)))
    nested = PriorSpec("Normal", (("mu", 0.0), ("sigma", PriorSpec("HalfNormal", (("sigma", 1.0),)))))
    wide = PriorSpec("HalfNormal", (("sigma", 9.0),))
    priors = (
        ChosenPrior("x", unit, "user", "given", "x", "coefficient"),
        ChosenPrior("Intercept", unit, "user", "given", "Intercept", "intercept"),
        ChosenPrior("1|county_sigma", wide, "default", "", "1|county_sigma", "sd"),
        ChosenPrior("1|county", nested, "user", "", "", "effects"),
    )
    made.attrs["spec"] = {"priors": to_json(priors)}
    found = diagnose(made)
    assert found.verdict == "caution"
    assert failed(found) == ["prior of x"]


@pytest.mark.parametrize(
    ("prior", "arguments", "mean", "sd", "flagged"),
    [
        ("Normal", {"mu": 0.0, "sigma": 1.0}, 5.0, 1.0, True),  # log(2) Cov(x, -x^2 / 2) / sd is log(2) 5 sds
        ("Normal", {"mu": 0.0, "sigma": 1.0}, 5.0, 0.05, False),  # the data say twenty times as much
        ("HalfStudentT", {"nu": 3.0, "sigma": 1.0}, 2.2, 0.2, False),  # far out in a heavy tail
        ("HalfNormal", {"sigma": 0.5}, 2.2, 0.2, True),
        ("Normal", {"mu": 0.0, "sigma": 1.0}, 2.6, 0.4, False),  # log(2) 2.6 0.4 sds: what a default may do, and is said
        ("Normal", {"mu": 0.0, "sigma": 1.0}, 1.5, 1.0, False),  # near
    ],
)
def test_a_prior_that_does_not_pull_is_no_conflict(rng, prior, arguments, mean, sd, flagged):
    draws = mean + sd * rng.normal(size=(4, 1000))
    posterior = xr.Dataset({"x": (("chain", "draw"), draws)})
    chosen = {"name": "x", "role": "coefficient", "origin": "default", "prior": {"name": prior, "arguments": arguments.items()}}
    rows = conflict_checks(posterior, [chosen])
    assert any(not row.passed for row in rows) is flagged
    given = conflict_checks(posterior, [{**chosen, "origin": "user"}])
    said = flagged or mean == 2.6
    assert any(not row.passed for row in given) is said  # who chose a prior is told of less
    assert [row.passed for row in conflict_checks(posterior, [chosen], frozenset({"x"}))] == ([False] if said else [])
    assert len(rows) == said
    if prior == "Normal":
        found = float(pull(prior, arguments, draws)[0])
        assert found == pytest.approx(np.log(2) * abs(mean) * sd, rel=0.15)


def test_screening_finds_the_odd_ones(rng):
    draws = rng.normal(size=(900, 4, 200))
    draws[13, 0] += 2  # another place
    draws[200, 1] *= 6  # another width
    draws[400] = np.repeat(rng.normal(size=(4, 20)), 10, axis=1)  # slow
    draws[700] = rng.standard_cauchy(size=(4, 200))
    draws[700, 3] += 5  # another place, behind heavy tails
    kept = screen(draws, keep=5)
    assert {13, 200, 400, 700} <= set(kept.tolist())
    assert len(kept) <= 20
    found = convergence(xr.Dataset({"b": (("k", "chain", "draw"), draws)}))
    assert found.screened
    assert found.total == 900
    assert found.table["rhat"].idxmax() in ("b[13]", "b[200]", "b[400]", "b[700]")
