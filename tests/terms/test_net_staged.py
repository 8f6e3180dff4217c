"""Networks of which only some layers have a posterior: the others are trained first, by a stage that is a stand-in here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.draws import Draws, Engine
from bayesdeep.core.registry import ENGINES, TERMS
from bayesdeep.inference.run import words_of


@dataclass(frozen=True)
class Settings:
    draws: int = 5
    chains: int = 2


SEEN: dict[str, list] = {"sgd": [], "cloud": []}


def _trainer(settings, target, seed, progress):
    del settings, progress
    SEEN["sgd"].append(target)
    position = np.random.default_rng(seed).normal(size=target.dim) * 0.7
    return Draws(position[None, None], {}, exact=False, seconds_sample=2.0, advice=("Trained for one epoch.",))


def _cloud(settings, target, seed, progress):
    """Points at random about the start: what an engine would do with what is left to estimate."""
    del progress
    SEEN["cloud"].append(target)
    shape = (settings.chains, settings.draws, target.dim)
    return Draws(target.start + 0.5 * np.random.default_rng(seed).normal(size=shape), {}, exact=True, seconds_sample=1.0)


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = frozenset({"batches"})
    monkeypatch.setitem(ENGINES._added, "sgd", Engine("sgd", "stand-in", False, Settings, _trainer, needs))
    monkeypatch.setitem(ENGINES._added, "cloud", Engine("cloud", "cloud", True, Settings, _cloud, needs))
    for seen in SEEN.values():
        seen.clear()


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.normal(4, 2, 24), "z": rng.normal(size=24), "g": np.tile(list("pqrs"), 6)})
    return d.assign(y=rng.normal(size=24))


def fit(formula: str, **options: object):
    return bd.Model(formula, data()).fit("cloud", draws=5, chains=2, seed=3, progress=False, **options)


def varies(value) -> bool:
    return bool((value.std(("chain", "draw")) > 1e-12).any())


NET = "net(x, embed(g, 2))"
LAST = "y ~ x + net(x, embed(g, 2), hidden=[3, 4], bayes='last', skip=True) + (1 | g)"


def test_layers_before_the_last_are_trained_and_held():
    found = fit(LAST)
    held = ["_w1", "_b1", "_w2", "_b2", "_layer1_sigma", "_layer2_sigma", "_input_sigma", "_g", "_g_sigma"]
    free = ["_w3", "_sigma", "_skip", "_skip_sigma", "_removed"]
    for name in held:
        assert not varies(found.posterior[f"{NET}{name}"]), name
    for name in [*(f"{NET}{name}" for name in free), "x", "Intercept", "1|g", "sigma"]:
        assert varies(found.posterior[name]), name
    (before,), (after,) = SEEN["sgd"], SEEN["cloud"]
    assert {f"{NET}_w1_z", f"{NET}_w3_z", f"{NET}_layer1_sigma"} <= set(before.blocks)
    assert {name for name in after.blocks if name.startswith("net")} == {
        f"{NET}_w3_z", f"{NET}_sigma", f"{NET}_skip_z", f"{NET}_skip_sigma"
    }


def test_what_is_held_is_what_was_trained():
    found = fit(LAST)
    target = SEEN["sgd"][0]
    rng_seed = bd.core.random.derive(3, "trained layers")
    position = np.random.default_rng(rng_seed).normal(size=target.dim) * 0.7
    scale = np.exp(position[target.blocks[f"{NET}_layer2_sigma"]])
    assert found.posterior[f"{NET}_layer2_sigma"].values[0, 0] == pytest.approx(scale)
    weights = scale * position[target.blocks[f"{NET}_w2_z"]] / np.sqrt(3)
    np.testing.assert_allclose(found.posterior[f"{NET}_w2"].values[1, 4], weights, rtol=1e-12)
    places = np.exp(position[target.blocks[f"{NET}_g_sigma"]]) * position[target.blocks[f"{NET}_g_z"]]
    np.testing.assert_allclose(found.posterior[f"{NET}_g"].values[0, 2], places, rtol=1e-12)


def test_none_holds_the_whole_network():
    found = fit("y ~ x + (net(x, z, hidden=[3], bayes='none') | g)")
    constant = {name for name in found.posterior if not varies(found.posterior[name])}
    assert constant == {name for name in found.posterior if name.startswith("net(")}
    assert {"net(x, z)|g", "net(x, z)|g_sigma", "net(x, z)_removed", "net(x, z)_w2"} <= constant
    assert not [name for name in SEEN["cloud"][0].blocks if name.startswith("net(")]


def test_predictions_follow_the_held_layers():
    found = fit(LAST)
    linear = found.draws(kind="linear").values
    again = found.draws(data(), kind="linear").values
    np.testing.assert_allclose(linear, again, rtol=1e-9, atol=1e-9)
    assert np.isfinite(found.draws(data().assign(g="new"), kind="response", new_groups="sample").values).all()
    assert linear.std() > 0


@pytest.mark.integration
def test_tables_and_diagnoses_do_not_stumble(tmp_path):
    found = fit(LAST)
    assert "trained_first" in found.idata.attrs["details"]
    assert found.idata.attrs["seconds_tune"] == 2.0
    assert "Trained for one epoch." in found.idata.attrs["advice"]
    assert len(found.summary()) > 5
    assert found.diagnose().verdict in ("trust", "caution", "do not trust")
    again = bd.load(found.save(tmp_path / "fit.nc"))
    np.testing.assert_array_equal(again.posterior[f"{NET}_w1"], found.posterior[f"{NET}_w1"])
    assert isinstance(repr(found), str)
    assert np.isfinite(found.kfold(2, progress=False).elpd)
    assert len(SEEN["sgd"]) == 3  # once for the fit, and once a fold


def test_words_and_the_trainer_itself():
    def words(formula: str) -> frozenset[str]:
        return words_of(bd.Model(formula, data()).spec)

    assert "staged" in words("y ~ net(x, bayes='last')")
    assert "staged" in words("y ~ net(x, hidden=[], bayes='none')")
    assert "staged" in words("y ~ net(embed(g, 2), hidden=[], bayes='last')")
    assert "staged" not in words("y ~ net(x, hidden=[], bayes='last')")
    assert "staged" not in words("y ~ net(x)")
    found = bd.Model("y ~ net(x, hidden=[2], bayes='last')", data()).fit("sgd", seed=1, progress=False)
    assert len(SEEN["sgd"]) == 1
    assert "trained_first" not in found.idata.attrs["details"]


def test_two_networks_are_staged_apart():
    found = fit("y ~ net(x, hidden=[2], bayes='last') + net(z, hidden=[2])")
    assert not varies(found.posterior["net(x)_w1"])
    assert varies(found.posterior["net(x)_w2"])
    assert varies(found.posterior["net(z)_w1"])


def test_a_nested_scale_is_held_as_a_whole():
    d = data()
    model = bd.Model("y ~ net(x, hidden=[2], bayes='last')", d, priors={"net(x)_layer1_sigma": "HalfNormal(HalfNormal(1))"})
    found = model.fit("cloud", seed=1, progress=False)
    assert not varies(found.posterior["net(x)_layer1_sigma"])
    assert TERMS["net"].name == "net"
