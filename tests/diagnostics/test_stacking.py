"""Chains weighted by stacking: a chain that predicts badly gets nothing, and the mixture predicts what was left out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.compare.stacking import chain_loos, chain_weights, picks
from bayesdeep.core.errors import FitError

CHAINS, DRAWS, ROWS = 4, 200, 80
TRUTH = {"Intercept": 1.0, "x": 2.0, "sigma": 0.5}


def data(seed: int, rows: int = ROWS, apart: float = 0.0) -> pd.DataFrame:
    """Return rows of a line; with ``apart`` half of them lie above it and half below."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    side = rng.choice([-apart, apart], rows)
    return pd.DataFrame({"y": 1 + 2 * x + side + 0.5 * rng.normal(size=rows), "x": x})


def chains(made_up, shifts, frame=None, spread: float = 0.03):
    """Return a fit whose chains lie ``shifts`` above the line."""
    rng = np.random.default_rng(5)
    draws = {name: value + spread * rng.normal(size=len(shifts) * DRAWS) for name, value in TRUTH.items()}
    draws["Intercept"] = draws["Intercept"] + np.repeat(shifts, DRAWS)
    return made_up(bd.Model("y ~ x", data(1) if frame is None else frame), draws=DRAWS, chains=len(shifts), values=draws)


def test_the_right_chain_gets_the_weight(made_up):
    fit = chains(made_up, [3.0, 0.0, -4.0, 6.0])
    stacked = fit.stack_chains()
    weights = stacked.idata.attrs["chain_weights"]
    assert weights[1] > 0.98
    assert sum(weights) == pytest.approx(1.0)
    assert abs(float(stacked.posterior["Intercept"].mean()) - 1.0) < 0.1
    new = data(2, 2000)
    assert stacked.log_score(new) > fit.log_score(new) + 0.5


def test_chains_alike_predict_as_well_as_all_of_them(made_up):
    """Weights of equal chains are chance; the mixture's score may differ by Monte Carlo error only."""
    fit = chains(made_up, [0.0] * CHAINS)
    stacked = fit.stack_chains()
    new = data(3, 2000)
    gain = stacked.log_score(new, pointwise=True) - fit.log_score(new, pointwise=True)
    assert gain.mean() > -3 * gain.std() / np.sqrt(len(gain)) - 0.002


def test_a_mixture_beats_each_of_its_chains(made_up):
    fit = chains(made_up, [-2.0, 2.0, 9.0], data(1, 200, apart=2.0))
    stacked = fit.stack_chains()
    weights = np.array(stacked.idata.attrs["chain_weights"])
    assert weights[2] == 0
    # Each half of the rows is one chain's: with 200 rows a share is known to 0.035.
    np.testing.assert_allclose(weights[:2], 0.5, atol=0.12)
    new, score = data(4, 2000, apart=2.0), []
    for k in range(3):
        alone = chains(made_up, [-2.0, 2.0, 9.0], data(1, 200, apart=2.0))
        alone.idata["posterior"] = xr.DataTree(alone.posterior.isel(chain=[k]))
        score.append(alone.log_score(new))
    assert stacked.log_score(new) > max(*score, fit.log_score(new)) + 0.1


@pytest.mark.filterwarnings("ignore:.*k-hat")
def test_leave_one_out_of_a_chain_is_that_of_a_fit_of_it(made_up):
    fit = chains(made_up, [0.0, 0.3])
    alone = chains(made_up, [0.0, 0.3])
    alone.idata["posterior"] = xr.DataTree(alone.posterior.isel(chain=[1]))
    np.testing.assert_allclose(chain_loos(fit)[1].elpd_i, alone.loo().elpd_i, rtol=1e-9)


def test_weights_are_the_best_ones(made_up):
    """No other weights of two chains give the rows left out a larger score."""
    found = chain_loos(chains(made_up, [-0.6, 0.7]))
    weights = chain_weights(found)
    dense = np.exp([np.asarray(loo.elpd_i) for loo in found])

    def score(w: float) -> float:
        return float(np.log(w * dense[0] + (1 - w) * dense[1]).sum())

    assert 0.05 < weights[0] < 0.95
    assert score(weights[0]) >= max(score(w) for w in np.linspace(0, 1, 501)) - 1e-3


def test_no_draw_is_taken_twice():
    chain, draw = picks(np.array([0.5, 0.0, 0.3, 0.2]), 100, seed=1)
    assert np.bincount(chain, minlength=4).tolist() == [100, 0, 60, 40]
    assert len(set(zip(chain.tolist(), draw.tolist(), strict=True))) == len(chain)
    assert draw.min() == 0
    assert draw.max() == 99
    again, other = picks(np.array([0.5, 0.0, 0.3, 0.2]), 100, seed=1), picks(np.array([0.5, 0.0, 0.3, 0.2]), 100, seed=2)
    np.testing.assert_array_equal(again[0], chain)
    assert not np.array_equal(other[0], chain)


def test_draws_stay_whole(made_up):
    """A draw of the mixture is one draw of one chain, in all of its quantities."""
    fit = chains(made_up, [0.0, 0.3])
    stacked = fit.stack_chains()
    old = np.stack([fit.posterior[name].values.ravel() for name in TRUTH], axis=1)
    new = np.stack([stacked.posterior[name].values.ravel() for name in TRUTH], axis=1)
    assert {tuple(r) for r in new} <= {tuple(r) for r in old}
    assert stacked.posterior["x"].dims == ("chain", "draw")


def test_what_it_says_of_itself(made_up, tmp_path):
    fit = chains(made_up, [0.0, 5.0])
    fit.idata.attrs["spec"] = fit.spec.to_json()
    stacked = fit.stack_chains()
    assert stacked.idata.attrs["exact"] is False
    assert fit.idata.attrs["exact"] is True
    assert "not draws from the posterior" in stacked.idata.attrs["advice"][0]
    found = stacked.diagnose()
    assert found.verdict == "caution"
    assert "mixture of weighted chains" in found.sentence
    assert "k-hat" not in repr(found)
    again = bd.load(stacked.save(tmp_path / "stacked.nc"))
    assert again.idata.attrs["chain_weights"] == stacked.idata.attrs["chain_weights"]
    assert repr(again.diagnose()) == repr(found)
    for refused in (again.loo, lambda: again.kfold(k=2, progress=False)):
        with pytest.raises(FitError, match="weighted"):
            refused()


def test_rough_weights_are_not_trusted(made_up):
    """Rows far from what a chain expects have large k-hats: weights that rest on these are doubtful."""
    frame = data(1)
    frame.loc[:20, "y"] += 12
    found = chains(made_up, [0.0, 0.3], frame).stack_chains()
    assert found.idata.attrs["status"] == "doubtful"
    assert "held out" in found.idata.attrs["advice"][1]
    assert found.diagnose().verdict == "do not trust"


def test_networks_keep_their_functions(made_up):
    from bayesdeep.results.draw_arrays import flat_posterior
    from bayesdeep.results.function_draws import functions_dataset

    fit = made_up(bd.Model("y ~ net(x, hidden=[3])", data(1)), draws=50, chains=2)
    fit.idata["functions"] = xr.DataTree(
        functions_dataset(fit.spec, fit.rows, flat_posterior(fit.posterior, fit.spec), 2, 50, 1)
    )
    stacked = fit.stack_chains()
    functions = stacked.idata["functions"].to_dataset()
    linear = stacked.draws(kind="linear").isel(obs=functions["row"].values)
    np.testing.assert_allclose(functions["predictor"][..., : len(functions["row"])], linear, rtol=1e-9)
    assert stacked.posterior["net(x)_w1"].attrs["role"] == "weight"
    assert not any("_w1" in label for label in stacked.summary(kind="stats").index)


@pytest.mark.parametrize(("count", "length", "text"), [(1, 40, "nothing to weigh"), (2, 10, "too few")])
def test_what_cannot_be_weighed(made_up, count, length, text):
    fit = made_up(bd.Model("y ~ x", data(1)), draws=length, chains=count)
    with pytest.raises(FitError, match=text):
        fit.stack_chains()
