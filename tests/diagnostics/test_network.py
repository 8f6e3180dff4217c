"""Networks are judged as functions: exchanged units are no fault, different functions are."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.diagnostics.function_checks import AGREEMENT, agreement, points, weights_agree
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.function_draws import functions_dataset

CHAINS, DRAWS, UNITS = 4, 250, 5
NET = "net(x, z)"


@pytest.fixture(scope="module")
def model() -> bd.Model:
    rng = np.random.default_rng(8)
    x, z = rng.normal(size=(2, 120))
    frame = pd.DataFrame({"y": np.sin(2 * x) + 0.5 * z + 0.3 * rng.normal(size=120), "x": x, "z": z})
    return bd.Model(f"y ~ net(x, z, hidden=[{UNITS}], orthogonal=False)", frame)


def around(centre, spread: float, seed: int) -> np.ndarray:
    """Return independent draws ``(chain * draw, …)`` about a centre."""
    noise = np.random.default_rng(seed).normal(size=(CHAINS * DRAWS, *np.shape(centre)))
    return np.asarray(centre) + spread * noise


def values(noise: float = 0.3) -> dict[str, np.ndarray]:
    """Return draws of one mode of a network with distinct units."""
    base = np.random.default_rng(4)
    return {
        f"{NET}_w1": around(base.normal(size=(2, UNITS)), 0.05, 1),
        f"{NET}_b1": around(base.normal(size=UNITS), 0.05, 2),
        f"{NET}_w2": around(base.normal(size=UNITS), 0.05, 3),
        f"{NET}_input_sigma": np.exp(around(np.zeros(2), 0.1, 4)),
        f"{NET}_layer1_sigma": np.exp(around(0.0, 0.1, 5)),
        f"{NET}_sigma": np.exp(around(0.0, 0.1, 6)),
        "sigma": noise * np.exp(around(0.0, 0.05, 7)),
        "Intercept": around(0.1, 0.05, 8),
    }


def made(made_up, model, draws: dict[str, np.ndarray], seed: int = 2):
    """Return a fit with these draws, and their group ``functions``."""
    fit = made_up(model, draws=DRAWS, chains=CHAINS, values=draws)
    data = functions_dataset(fit.spec, fit.rows, flat_posterior(fit.posterior, fit.spec), CHAINS, DRAWS, seed)
    fit.idata["functions"] = xr.DataTree(data)
    fit.idata.attrs |= {"method": "nuts", "spec": fit.spec.to_json(), "settings": {"tune": 150, "draws": DRAWS}}
    return fit


def by_chain(array: np.ndarray) -> np.ndarray:
    return array.reshape(CHAINS, DRAWS, *array.shape[1:])


def exchanged(draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the same functions with units in another order, and some signs turned, in every chain."""
    rng, found = np.random.default_rng(9), {k: v.copy() for k, v in draws.items()}
    for chain in range(CHAINS):
        order, sign = rng.permutation(UNITS), rng.choice([-1.0, 1.0], UNITS)
        for name in ("w1", "b1", "w2"):
            part = by_chain(found[f"{NET}_{name}"])
            part[chain] = part[chain][..., order] * sign
    return found


def failed(found) -> set[str]:
    return set(found.evidence.query("~passed")["check"])


def row(found, check: str) -> pd.Series:
    return found.evidence.set_index("check").loc[check]


def test_exchanged_units_are_no_fault(made_up, model):
    plain, other = made(made_up, model, values()), made(made_up, model, exchanged(values()))
    np.testing.assert_allclose(plain.idata["functions"]["predictor"], other.idata["functions"]["predictor"], rtol=1e-9)
    assert float(az.rhat(other.posterior[[f"{NET}_w1"]])[f"{NET}_w1"].max()) > 1.5
    found = other.diagnose()
    assert found.verdict == "trust"
    assert "predictions converged, weights not (expected)" in found.sentence
    assert found.evidence["passed"].all()
    assert found.advice == ()
    assert "and so did the weights" in plain.diagnose().sentence
    assert weights_agree(plain.posterior)
    assert not weights_agree(other.posterior)


def test_different_functions_are_a_fault(made_up, model):
    draws = values()
    by_chain(draws[f"{NET}_w2"])[2:] *= -1
    found = made(made_up, model, draws).diagnose()
    assert found.verdict == "do not trust"
    assert "do not trust this" in found.sentence
    assert {"R-hat of predictions, 95 %", "agreement between chains"} <= failed(found)
    assert found.worst["variable"].iloc[0] in ("predictor", "log_likelihood")
    assert "tune=300 and draws=500" in found.advice[0]
    assert any("stack_chains()" in sentence for sentence in found.advice)


def test_small_disagreement_beside_large_noise_is_a_caution(made_up, model):
    """The chains' functions differ, but by far less than responses vary: predictions do not show it."""
    draws = values(noise=30.0)
    by_chain(draws[f"{NET}_w2"])[2:] *= 1.3
    found = made(made_up, model, draws).diagnose()
    assert row(found, "R-hat of predictions, 95 %")["value"] > 1.2
    assert row(found, "agreement between chains")["value"] < 0.001
    assert found.verdict == "caution"


def test_scales_alone_are_never_worse_than_a_caution(made_up, model):
    draws = values()
    by_chain(draws[f"{NET}_layer1_sigma"])[0] *= 50
    by_chain(draws[f"{NET}_input_sigma"])[1] *= 50
    found = made(made_up, model, draws).diagnose()
    assert found.verdict == "caution"
    assert failed(found) == {"R-hat of the network's scales"}
    assert "predictions converged" in found.sentence


@pytest.mark.parametrize("name", ["sigma", "Intercept"])
def test_what_has_a_meaning_is_judged_as_such(made_up, model, name):
    draws = values()
    by_chain(draws[name])[0] *= 3
    found = made(made_up, model, draws).diagnose()
    assert found.verdict == "do not trust"
    assert "R-hat" in failed(found)
    assert name in found.worst.index


def test_weights_appear_nowhere(made_up, model):
    fit = made(made_up, model, exchanged(values()))
    found = fit.diagnose()
    text = "".join([repr(found), found._repr_html_(), repr(fit), fit.summary().to_string()])
    assert not any(name in text for name in ("_w1", "_b1", "_w2"))
    assert not found.worst["variable"].str.contains("_w|_b").any()
    assert f"{NET}_w1" in fit.posterior


def test_numbers_are_those_of_arviz(made_up, model):
    functions = made(made_up, model, values()).idata["functions"].to_dataset()
    table = points(functions).table
    # Points that do not vary have no R-hat: there are none here.
    assert len(table) == 300
    expected = az.rhat(functions)
    for name, dim in (("predictor", "probe"), ("log_likelihood", "row")):
        for k in (0, 57, 99):
            label = functions[dim].values[k]
            assert table.loc[f"{name}[{label}]", "rhat"] == pytest.approx(float(expected[name][k]), rel=1e-9)


def test_agreement_is_the_formula(made_up, model):
    draws = values()
    by_chain(draws["Intercept"])[0] += 0.2
    functions = made(made_up, model, draws).idata["functions"].to_dataset()
    mean = functions["predictor"].values[..., :100]
    between = [np.var([mean[c, :, i].mean() for c in range(CHAINS)], ddof=1) for i in range(100)]
    share = sum(between) / functions["predictive_variance"].values.sum()
    assert agreement(functions) == pytest.approx(share, rel=1e-12)
    # One of four chains 0.2 away: 0.01 between them, over 0.3² and a little of the function's own variance.
    assert 0.05 < share < 0.01 / 0.09
    assert row(made(made_up, model, draws).diagnose(), "agreement between chains")["passed"] == (share <= AGREEMENT)


def test_verdict_outlives_the_disk(made_up, model, tmp_path):
    fit = made(made_up, model, exchanged(values()))
    assert repr(bd.load(fit.save(tmp_path / "fit.nc")).diagnose()) == repr(fit.diagnose())


def test_few_independent_draws_want_a_longer_run(made_up, model):
    draws = values()
    slow = np.cumsum(np.random.default_rng(1).normal(size=(CHAINS, DRAWS)), axis=1)
    slow -= slow.mean(axis=1, keepdims=True)
    draws["Intercept"] = (0.1 + 0.02 * slow).reshape(-1)
    found = made(made_up, model, draws).diagnose()
    assert "bulk ESS of predictions, 95 %" in failed(found)
    assert any("draws=500" in sentence for sentence in found.advice)


def test_one_chain_is_not_called_converged(made_up, model):
    fit = made(made_up, model, values())
    for name in ("posterior", "functions"):
        fit.idata[name] = xr.DataTree(fit.idata[name].to_dataset().isel(chain=[0]))
    found = fit.diagnose()
    assert found.verdict == "caution"
    assert "converged" not in found.sentence


def test_weights_that_are_no_numbers_are_found(made_up, model):
    fit = made(made_up, model, values())
    broken = fit.posterior.copy(deep=True)
    broken[f"{NET}_b1"][1, 3, 2] = np.nan
    fit.idata["posterior"] = xr.DataTree(broken)
    found = fit.diagnose()
    assert found.verdict == "do not trust"
    assert f"{NET}_b1" in row(found, "non-finite quantities")["meaning"]


def test_approximations_keep_their_words(made_up, model):
    fit = made(made_up, model, values())
    fit.idata.attrs |= {"exact": False, "method": "advi"}
    found = fit.diagnose()
    assert found.verdict == "caution"
    assert "approximate" in found.sentence
    assert "R-hat of predictions, 95 %" not in set(found.evidence["check"])


@pytest.mark.filterwarnings("ignore:.*k-hat")
def test_leave_one_out_does_not_ask_how_weights_mix(made_up, model):
    plain, other = made(made_up, model, values()), made(made_up, model, exchanged(values()))
    first, second = plain.loo(), other.loo()
    np.testing.assert_allclose(first.elpd_i, second.elpd_i, rtol=1e-9)
    np.testing.assert_allclose(first.pareto_k, second.pareto_k, rtol=1e-6)
