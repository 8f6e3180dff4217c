"""Laws of every prior: PyMC's distribution of that name, its density on arrays, its median, and what it can be put on."""

from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayesdeep as bd
from bayesdeep.core.priors import Prior
from bayesdeep.core.registry import PRIORS
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.scope import distribution
from bayesdeep.spec.slots import prior_median

from .examples import columns, lacks

JOINT = ("block", "correlation", "simplex", "budget", "effects")
PLAIN = [n for n in PRIORS if PRIORS[n].support not in JOINT]
PLACES = {
    "real": np.array([-30.0, -2.0, -0.4, 0.0, 0.02, 1.0, 7.0]),
    "positive": np.array([1e-6, 0.01, 0.3, 1.0, 2.5, 40.0]),
    "unit": np.array([-0.5, 1e-6, 0.2, 0.9, 1.5]),
    "bounded": np.array([-1.0, 0.2, 0.3, 1.0, 3.9, 4.5]),
}


def arguments(prior: Prior) -> dict[str, Any]:
    missing = [name for name in prior.arguments if name not in prior.example]
    if missing:
        lacks("prior", prior.name, f"numbers for {', '.join(missing)} in its example")
    # PyMC works out some constants in 32 bits where numbers are short.
    return {name: np.asarray(value, dtype=np.float64) for name, value in prior.example.items()}


def density_is_pymcs(prior: Prior) -> None:
    if prior.log_density is None:
        lacks("prior", prior.name, "log_density, its density on arrays, without which engines that integrate refuse it")
    given, x = arguments(prior), PLACES[prior.support]
    expected = pm.logp(distribution(prior.name).dist(**given), x).eval()
    with np.errstate(all="ignore"):
        found = prior.log_density(x, **prior.example)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def draws_keep_to_the_support_about_the_median(prior: Prior) -> None:
    given = arguments(prior)
    if not prior.proper:
        return
    draws = pm.draw(distribution(prior.name).dist(**given), 4000, random_seed=2, mode=array_mode())
    assert (draws.min() < 0) == (prior.support == "real")
    if prior.support == "unit":
        assert draws.max() < 1
    if prior.support == "bounded":
        assert given["lower"] <= draws.min()
        assert draws.max() <= given["upper"]
    if prior.median is None:
        lacks("prior", prior.name, "its median, which a formula's default intercept is put at")
    text = f"{prior.name}({', '.join(str(v) for v in prior.example.values())})"
    median = prior_median(bd.priors.make_prior(prior.name, **prior.example))
    assert np.mean(draws < median) == pytest.approx(0.5, abs=0.04), text


def effects_of_groups_can_have_it_if_it_is_symmetric(prior: Prior) -> None:
    if not prior.symmetric or prior.support != "real":
        return
    further = [f"{k}={v}" for k, v in prior.example.items() if k not in prior.standard]
    text = f"{prior.name}({', '.join([*further, f'{prior.location}=0', f'{prior.scale}=HalfNormal(1)'])})"
    model = bd.Model("y ~ x + (1 | g)", columns(), priors={"1|g": text})
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))
    draws = model.prior_predictive(400, seed=1)["prior"].to_dataset()
    ratio = (draws["1|g"] / draws[f"1|g_{prior.scale}"]).values.ravel()
    own = {**prior.example, **prior.standard}
    standard = pm.draw(distribution(prior.name).dist(**own), 4000, random_seed=1, mode=array_mode())
    np.testing.assert_allclose(np.quantile(ratio, [0.3, 0.7]), np.quantile(standard, [0.3, 0.7]), atol=0.15)


LAWS = (
    density_is_pymcs,
    draws_keep_to_the_support_about_the_median,
    effects_of_groups_can_have_it_if_it_is_symmetric,
)


@pytest.mark.few(34, more=12)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", PLAIN)
def test_law(name: str, law: Any) -> None:
    law(PRIORS[name])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_laws_of_a_visitor(worked: dict[str, Any], law: Any) -> None:
    law(worked["PRIOR"])
    assert str(bd.priors.Gumbel(0, 1)) == "Gumbel(0, 1)"


@pytest.mark.parametrize("name", PRIORS)
def test_it_has_an_example_that_is_one(name: str) -> None:
    prior = PRIORS[name]
    arguments(prior)
    assert prior.name == name
    assert set(prior.example) == set(prior.arguments)
    assert prior.notes.endswith(".")
    assert prior.support in (*PLACES, *JOINT)
    assert bd.priors.make_prior(name, **prior.example).name == name


def test_what_is_missing_is_a_sentence() -> None:
    with pytest.raises(pytest.fail.Exception, match="The prior 'Odd' lacks numbers for mu in its example; add it to its record"):
        density_is_pymcs(Prior("Odd", ("mu",), log_density=lambda x, mu: x))
    with pytest.raises(pytest.fail.Exception, match="lacks log_density"):
        density_is_pymcs(Prior("Odd", ("mu",), example={"mu": 1.0}))
