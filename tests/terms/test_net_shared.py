"""Networks that share hidden layers: one body, heads of their own, and everything else as with any network."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.engines._training.train_units import left_out
from bayesdeep.inference.run import batches_of, words_of
from bayesdeep.inference.select_engine import cost_of
from bayesdeep.spec.model_spec import ModelSpec

from .test_net_laws import at, data, prior

NET = "net(x1, x2, hidden=[4, 3], share='body'{})"
WORDS = {
    "plain": ("", "", {}),
    "skip": (", skip=True", ", orthogonal=False", {}),
    "other activation": (", activation=['relu', 'softplus']", ", activation=['relu', 'softplus']", {}),
    "fixed scales": (", prior='normal'", ", prior='normal', skip=True", {}),
    "prior of the hidden weights": ("", "", {"body_weights": "Laplace(0, 1)"}),
}
ACTIVATIONS = {"tanh": np.tanh, "relu": lambda v: np.maximum(v, 0), "softplus": lambda v: np.logaddexp(0, v)}


def model_of(first: str = "", second: str = "", priors: dict | None = None, net: str = NET) -> bd.Model:
    return bd.Model(f"real ~ {net.format(first)}", data(), sigma=f"~ {net.format(second)}", priors=priors or {})


@pytest.mark.few(1)
@pytest.mark.parametrize("name", list(WORDS))
def test_two_heads_on_one_body(name: str) -> None:
    """Both predictors are those of the same units, worked out here from the reported weights."""
    model = model_of(*WORDS[name])
    draws, d = prior(model), data()
    inputs = ((d[["x1", "x2"]] - d[["x1", "x2"]].mean()) / d[["x1", "x2"]].std(ddof=0)).to_numpy()
    kinds = ["relu", "softplus"] if name == "other activation" else ["tanh", "tanh"]
    h = np.broadcast_to(inputs, (10, *inputs.shape))
    for k, kind in enumerate(kinds, start=1):
        h = ACTIVATIONS[kind](h @ draws[f"body_w{k}"] + draws[f"body_b{k}"][:, None])
    for prefix, words, what in (("", WORDS[name][0], "linear"), ("sigma_", WORDS[name][1], "sigma")):
        label = f"{prefix}net(x1, x2)"
        f = np.einsum("dru,du->dr", h, draws[f"{label}_w3"])
        if "skip" in words:
            f += draws[f"{label}_skip"] @ (inputs * d[["x1", "x2"]].std(ddof=0).to_numpy()).T
        f -= 0 if "orthogonal=False" in words else f.mean(axis=1, keepdims=True)
        expected = f + draws[f"{prefix}Intercept"][:, None]
        if what == "linear":
            np.testing.assert_allclose(at(model, draws, "linear"), expected, rtol=1e-10, atol=1e-10)
        else:
            mean, y = at(model, draws, "linear"), d.real.to_numpy()
            density = -0.5 * ((y - mean) / np.exp(expected)) ** 2 - expected - 0.5 * np.log(2 * np.pi)
            np.testing.assert_allclose(at(model, draws, "pointwise"), density, rtol=1e-9, atol=1e-9)


def test_what_is_shared_is_there_once() -> None:
    model = model_of()
    free = [v.name for v in model.pymc.free_RVs]
    assert len(free) == len(set(free))
    assert {v for v in free if v.startswith("body")} == {
        "body_input_sigma", "body_layer1_sigma", "body_layer2_sigma", "body_w1_z", "body_b1_z", "body_w2_z", "body_b2_z",
    }  # fmt: skip
    assert [p.name for p in model.spec.priors].count("body_layer1_sigma") == 1
    alone = cost_of(bd.Model("real ~ net(x1, x2, hidden=[4, 3])", data()).spec)
    found = cost_of(model.spec)
    # A second head has a weight for each of 3 units, and is kept orthogonal to one column.
    assert (found.units, found.weights, found.products) == (alone.units, alone.weights + 3, alone.products + 3 + 2)


def test_the_spec_as_json_is_the_same_model() -> None:
    spec = model_of().spec
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_units_left_out_are_left_out_of_both_heads() -> None:
    model = model_of(net="net(x1, hidden=[6], share='body'{})")
    words = words_of(model.spec)
    target = batches_of(model.spec, model.__dict__["_rows"], "dropout", words)[1]
    assert list(target.masks) == ["body.layer1_mask"]
    assert set(target.layers["body.layer1_mask"]) == {"net(x1)_w2_z", "sigma_net(x1)_w2_z"}
    found = left_out(target, np.ones(target.dim), 0.5, 4, np.random.default_rng(0))
    one, other = (found[:, target.blocks[name]] for name in target.layers["body.layer1_mask"])
    assert np.array_equal(one == 0, other == 0)
    assert 0 < (one == 0).mean() < 1


@pytest.mark.integration
def test_it_learns_the_mean_and_the_noise() -> None:
    """The noise depends on x as the mean does not; a law of both is found again."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-2, 2, 400)
    d = {"x": x, "y": np.sin(2 * x) + np.exp(-1.5 + 0.6 * x) * rng.normal(size=400)}
    net = "net(x, hidden=[8], share='body')"
    fit = bd.Model(f"y ~ {net}", d, sigma=f"~ {net}").fit("nuts", seed=1, progress=False, draws=80, tune=150, chains=2)
    new = {"x": np.linspace(-1.8, 1.8, 7)}
    np.testing.assert_allclose(fit.predict(new)["mean"], np.sin(2 * new["x"]), atol=0.35)
    ends = fit.predict({"x": [-1.5, 1.5]}, interval=0.9)
    widths = np.asarray(ends["upper"]) - np.asarray(ends["lower"])
    assert 3 < widths[1] / widths[0] < 12, "exp(0.6 * 3) is 6"


REFUSED = {
    "alone": ("real ~ net(x1, share='body')", {}, "given by this network alone"),
    "another name": ("real ~ net(x1, share='body')", {"sigma": "~ net(x1, share='boddy')"}, "did you mean 'boddy'"),
    "other inputs": ("real ~ net(x1, share='b')", {"sigma": "~ net(x2, share='b')"}, r"share='b' is net\(x2.*and net\(x1"),
    "other layers": ("real ~ net(x1, share='b')", {"sigma": "~ net(x1, hidden=[8], share='b')"}, r"hidden=\[8\]"),
    "no layer": ("real ~ net(x1, hidden=[], share='b')", {"sigma": "~ net(x1, hidden=[], share='b')"}, "has none"),
    "its name": ("real ~ net(x1, name='b', share='b')", {"sigma": "~ net(x1, share='b')"}, "two names"),
    "no text": ("real ~ net(x1, share=3)", {}, 'share="body"'),
    "groups' own": ("real ~ (net(x1, pool='weights', share='b') | g)", {"sigma": "~ net(x1, share='b')"}, "pool='last'"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_shared_is_refused(name: str) -> None:
    formula, others, said = REFUSED[name]
    with pytest.raises(FormulaError, match=said):
        bd.Model(formula, data(), **others)
