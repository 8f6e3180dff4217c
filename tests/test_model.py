"""The model as a user holds it: immutable, printable, drawable."""

import numpy as np
import pytest

import bayesdeep as bd


def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    g = np.repeat(np.array(["a", "b", "c", "d"]), 5)
    return {"x": rng.normal(size=20), "g": g, "y": rng.normal(size=20), "won": rng.random(20) < 0.5}


def test_a_model_does_not_change() -> None:
    model = bd.Model("y ~ x", data())
    with pytest.raises(AttributeError, match="does not change"):
        model.formula = "y ~ 1"


def test_the_printed_model_says_which_level_is_success() -> None:
    frame = data()
    frame["won"] = np.where(frame["won"], "yes", "no")
    assert "success is won = yes" in str(bd.Model("won ~ x", frame, "bernoulli"))


def test_priors_are_explicit_numbers_with_reasons() -> None:
    table = bd.Model("y ~ x + (1 | g)", data()).priors
    assert list(table.columns) == ["prior", "origin", "reason"]
    assert list(table.index) == ["Intercept", "x", "1|g_sigma", "sigma"]
    assert (table["reason"] != "").all()


def test_the_picture_shows_what_depends_on_what() -> None:
    from bayesdeep.plot.model_graph import dependencies, layers

    model = bd.Model("y ~ x + (1 | g)", data())
    parents = dependencies(model._graph, model.spec)
    assert set(parents["y"]) == {"Intercept", "x", "1|g", "sigma"}
    assert parents["1|g"] == ("1|g_sigma",)
    assert parents["Intercept"] == ()
    depth = layers(parents)
    assert depth["1|g_sigma"] < depth["1|g"] < depth["y"]
    texts = {text.get_text().split("\n")[0] for text in model.graph().axes[0].texts}
    assert {"Intercept", "x", "1|g[g]", "sigma", "y"} <= texts


def test_pymc_density_at_the_start_is_finite() -> None:
    model = bd.Model("y ~ x + (1 | g)", data())
    assert np.isfinite(model.pymc.compile_logp()(model.pymc.initial_point()))


@pytest.mark.parametrize("bad", [{"seed": -1}, {"seed": 1.5}, {"draws": 0}, {"chains": True}, {"device": "tpu"}, {"foo": 1}])
def test_bad_settings_are_refused_before_anything_runs(bad: dict[str, object]) -> None:
    with pytest.raises(bd.FitError, match=str(next(iter(bad)))):
        bd.Model("y ~ x", data()).fit(**bad)
