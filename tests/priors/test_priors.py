"""Every prior of the registry keeps PyMC's names and order, and means what it says about itself."""

import inspect

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import PriorError
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import PRIORS
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.scope import distribution
from bayesdeep.priors import JOINT
from bayesdeep.spec.prior_text import read_prior

PLAIN = [n for n in PRIORS.names() if PRIORS[n].support not in JOINT]
WITH_SCALE = [n for n in PLAIN if PRIORS[n].scale]


def example(name: str, **changes: float) -> PriorSpec:
    arguments = {**PRIORS[name].example} | changes
    return getattr(bd.priors, name)(**arguments)


@pytest.mark.parametrize("name", PLAIN)
def test_arguments_are_pymcs_in_pymcs_order(name):
    known = inspect.signature(distribution(name).dist).parameters
    ours = PRIORS[name].arguments
    positional = [p for p in known if p in ours]
    assert tuple(positional) == ours, f"{name}: its distribution has {list(known)}"


@pytest.mark.few(8)
@pytest.mark.parametrize("name", PLAIN)
def test_the_distribution_of_that_name_takes_them(name):
    value = distribution(name).dist(**dict(example(name).arguments))
    assert np.isfinite(float(pm.logp(value, 0.3).eval()))


@pytest.mark.parametrize("name", WITH_SCALE)
def test_location_and_scale_move_and_stretch(name):
    plugin = PRIORS[name]
    standard = {plugin.scale: 1.0} | ({plugin.location: 0.0} if plugin.location else {})
    moved = {plugin.scale: 2.5} | ({plugin.location: 0.7} if plugin.location else {})
    shift = 0.7 if plugin.location else 0.0
    one = distribution(name).dist(**dict(example(name, **standard).arguments))
    other = distribution(name).dist(**dict(example(name, **moved).arguments))
    for at in (0.1, 0.9, 2.2):
        expected = float(pm.logp(one, at).eval()) - np.log(2.5)
        assert float(pm.logp(other, shift + 2.5 * at).eval()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", [n for n in PLAIN for a in PRIORS[n].positive[:1]])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "1", None])
def test_positive_arguments_are_positive_numbers(name, value):
    argument = PRIORS[name].positive[0]
    with pytest.raises(PriorError, match=f"prior '{name}': argument '{argument}'"):
        example(name, **{argument: value})


def test_a_prior_can_have_numbers_from_numpy():
    assert bd.priors.Normal(np.float32(0.5), np.int64(2)) == bd.priors.Normal(0.5, 2)


@pytest.mark.parametrize("size", [1, 2, 3, 40])
def test_horseshoe_fills_in_a_scale_that_is_positive(size):
    filled = PRIORS["Horseshoe"].fill({"tau0": None, "slab_scale": 2.0, "slab_df": 4.0}, size, 100)
    assert 0 < filled["tau0"] < np.inf
    relevant = min(max(1, size / 4), max(size - 0.5, 0.5))
    assert filled["tau0"] == pytest.approx(relevant / (size - relevant) / 10, rel=1e-3)


def test_spike_and_slab_is_a_mixture_of_two_normal_distributions():
    x = np.array([-3.0, -0.1, 0.0, 0.02, 0.7, 40.0])
    given = {"probability": 0.3, "spike": 0.05, "slab": 1.4}
    found = pm.logp(distribution("SpikeSlab").dist(**given), x).eval()
    expected = np.logaddexp(np.log(0.7) + stats.norm(0, 0.05).logpdf(x), np.log(0.3) + stats.norm(0, 1.4).logpdf(x))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    theirs = pm.NormalMixture.dist(w=[0.7, 0.3], mu=[0.0, 0.0], sigma=[0.05, 1.4])
    np.testing.assert_allclose(found, pm.logp(theirs, x).eval(), rtol=1e-12)
    draws = pm.draw(distribution("SpikeSlab").dist(**given), 4000, random_seed=1, mode=array_mode())
    mixture = lambda v: 0.7 * stats.norm(0, 0.05).cdf(v) + 0.3 * stats.norm(0, 1.4).cdf(v)  # noqa: E731
    assert stats.kstest(draws, mixture).pvalue > 1e-3


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.2, "HalfNormal(1)", "Uniform(0, 2)"])
def test_a_probability_lies_between_0_and_1(value):
    text = f"SpikeSlab({value}, 0.05, 1)"
    with pytest.raises(PriorError, match="probability"):
        read_prior(text, "prior 'x'")


@pytest.mark.parametrize("text", ["SpikeSlab()", "SpikeSlab(Beta(1, 1), 0.05, 1)", "SpikeSlab(0.5, 0.05, HalfNormal(2))"])
def test_spike_and_slab_on_coefficients(text):
    d = pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) ** 0.5})
    model = bd.Model("y ~ x", d, priors={"x": text})
    found = model.prior_predictive(200, seed=1)["prior"].to_dataset()
    assert np.isfinite(found["x"]).all()
    assert ("x_probability" in found) == ("Beta" in text)
    assert ("x_slab" in found) == ("HalfNormal" in text)
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))
