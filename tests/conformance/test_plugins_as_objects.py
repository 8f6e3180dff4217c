"""Plug-ins that are objects: registered, taken names, other packages' entry points, and families made of PyMC's mixtures."""

import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayesdeep as bd
from bayesdeep.core import registry
from bayesdeep.core.records import Aux, Default, Family, Parameter
from bayesdeep.core.registry import FAMILIES, PRIORS, UnknownPlugin
from bayesdeep.core.response_checks import counts

from .examples import columns


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    del aux
    return pm.ZeroInflatedNegativeBinomial.dist(psi=params["psi"], mu=params["mu"], alpha=params["alpha"])


def family(name: str = "my_zinb", **changes: Any) -> Family:
    made = Family(
        name=name,
        title="zero-inflated negative binomial distribution",
        parameters=(
            Parameter("mu", ("log",), "positive"),
            Parameter("alpha", ("log",), "positive", lambda response, link: Default("Gamma(4, 2)", "some overdispersion")),
            Parameter("psi", ("logit",), "unit", lambda response, link: Default("Beta(2, 2)", "some zeros")),
        ),
        code=lambda response: counts(response, name),
        rv=rv,
        mean=lambda params, aux: params["psi"] * params["mu"],
        scale=lambda response, link: (float(np.log(response.value.mean())), 1.0),
        words=frozenset({"discrete"}),
        example={"mu": 4.0, "alpha": 2.0, "psi": 0.7},
        notes="PyMC's.",
    )
    return replace(made, **changes)


@pytest.fixture
def fit(visitors: None) -> Any:
    rng, data = np.random.default_rng(0), columns(rows=300)
    mean = np.exp(1.2 + 0.4 * data["x"])
    data["y"] = rng.negative_binomial(2.0, 2.0 / (2.0 + mean)) * (rng.uniform(size=len(data)) < 0.7)
    return bd.Model("y ~ x + (1 | g)", data, family=family()).fit("laplace_marginal", seed=1, progress=False)


@pytest.mark.integration
def test_a_mixture_of_pymcs_is_fitted_scored_and_predicted(fit: Any) -> None:
    assert float(fit.idata["posterior"]["x"].mean()) == pytest.approx(0.4, abs=0.25)
    assert float(fit.idata["posterior"]["psi"].mean()) == pytest.approx(0.7, abs=0.15)
    assert np.isfinite(fit.loo().elpd)
    new = {"x": [-1.0, 1.0], "g": ["g1", "g2"]}
    draws, mean = fit.draws(new, kind="response", seed=1), fit.draws(new, kind="mean", seed=1)
    assert draws.shape == mean.shape
    together = draws.values.reshape(-1, 2)
    error = together.std(axis=0) / np.sqrt(len(together))
    assert (np.abs(together.mean(axis=0) - mean.values.reshape(-1, 2).mean(axis=0)) < 5 * error).all()
    # every draw of the parameters and every row has random numbers of its own
    assert abs(np.corrcoef(together.T)[0, 1]) < 0.1
    assert 0.15 < np.mean(together == 0) < 0.75
    table = fit.predict(new)
    # the variance of the mixture: E(v) + V(m), of which the law of total variance is checked by simulation
    np.testing.assert_allclose(table["sd"], together.std(axis=0), rtol=0.15)
    prior = bd.Model("y ~ x", columns().assign(y=[0, 3] * 30), family=family()).prior_predictive(5, seed=1)
    assert np.isfinite(prior["prior_predictive"]["y"]).all()


def test_a_family_made_by_arithmetic_on_a_distribution_has_the_same_likelihood(visitors: None, made_up: Any) -> None:
    """PyMC derives the density of ``exp(Normal)`` on copies of its variables; the draws have to be the posterior's."""
    known = FAMILIES["lognormal"]
    same = replace(
        known, name="exp_normal", modifiers=frozenset(), rv=lambda p, aux: pm.math.exp(pm.Normal.dist(p["mu"], p["sigma"]))
    )
    data = columns()
    data["y"] = np.exp(data["y"])
    values = {"Intercept": np.linspace(0.5, 1.5, 20), "x": np.linspace(-1, 1, 20), "sigma": np.linspace(0.3, 2.0, 20)}
    found, expected = (
        made_up(bd.Model("y ~ x", data, family=family), draws=20, chains=1, values=values).log_likelihood()["log_likelihood"]["y"]
        for family in (same, known)
    )
    assert np.ptp(expected.values.sum(axis=-1)) > 10
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-10)


def test_a_family_that_can_be_censored_says_what_lies_beyond() -> None:
    with pytest.raises(bd.FormulaError, match="family 'mine': with 'censored' among its modifiers it has to say log_survival"):
        replace(FAMILIES["poisson"], name="mine", log_survival=None)


def test_effects_of_groups_have_a_prior_with_a_middle(worked: dict[str, Any]) -> None:
    """An average group lies at the location of their prior, which that of a skewed one is not."""
    assert worked["PRIOR"].standard is not None
    assert not worked["PRIOR"].symmetric
    with pytest.raises(bd.PriorError, match="symmetric about a location"):
        bd.Model("y ~ x + (1 | g)", columns(), priors={"1|g": "Gumbel(0, HalfNormal(1))"})


def test_a_term_says_whether_it_varies_by_group(worked: dict[str, Any]) -> None:
    with pytest.raises(bd.FormulaError, match=r"step\(\) cannot vary by group; write 'step\(x, at=0\)' outside of the bracket"):
        bd.Model("y ~ (step(x, at=0) | g)", columns())
    for text in ("step(x, at='a')", "step(x, at=[1])"):
        with pytest.raises(bd.FormulaError, match="write it as step"):
            bd.Model(f"y ~ {text}", columns())
    assert bd.Model("y ~ step(x, at=-0.5)", columns()).spec.predictors[0].terms[1].state["at"] == -0.5


@pytest.mark.integration
def test_a_saved_fit_needs_its_family_and_says_so(fit: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fit.nc"
    fit.save(path)
    assert bd.load(path).spec.family == "my_zinb"
    monkeypatch.setattr(FAMILIES, "_added", {})
    with pytest.raises(bd.BayesdeepError, match=r"family 'my_zinb', which there is not.*bd\.register"):
        bd.load(path)
    with pytest.raises(UnknownPlugin, match=r"unknown family 'my_zinb'.*bd\.register"):
        FAMILIES["my_zinb"]
    bd.register(family())
    assert bd.load(path).spec.family == "my_zinb"


def test_a_taken_name_is_an_error_and_the_same_lines_are_the_same_plugin(visitors: None) -> None:
    assert bd.register(family()) is not None
    bd.register(family())
    with pytest.raises(bd.BayesdeepError, match=r"'my_zinb' is taken by another family.*replace=True"):
        bd.register(family(title="another"))
    assert bd.register(family(title="another"), replace=True).title == FAMILIES["my_zinb"].title == "another"
    with pytest.raises(bd.BayesdeepError, match="'poisson' is taken by a family of this package"):
        bd.register(family("poisson"))
    with pytest.raises(bd.BayesdeepError, match="'poisson' is taken"):
        bd.Model("y ~ x", columns().assign(y=1), family=family("poisson"))
    with pytest.raises(bd.BayesdeepError, match="int is no plug-in; give the record of one of: family, term"):
        bd.register(3)
    assert bd.register(FAMILIES["poisson"]) is FAMILIES["poisson"]


def test_every_kind_of_plugin_can_be_registered(visitors: None) -> None:
    for one in registry.registries():
        name = next(iter(one))
        plugin = one[name]
        assert one.holds(plugin)
        assert bd.register(plugin) is plugin or one.word == "section"
        assert sum(other.holds(plugin) for other in registry.registries()) == 1


def test_entry_points_of_other_packages_are_listed(visitors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("a_package_of_others")
    module.FAMILY, module.PRIORS = family("theirs"), [replace(PRIORS["Normal"], name="Theirs")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_package_of_others", module)
    points = [
        metadata.EntryPoint(n, f"a_package_of_others:{a}", registry.GROUP)
        for n, a in (("family", "FAMILY"), ("priors", "PRIORS"), ("broken", "NOTHING"))
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == registry.GROUP else [])
    monkeypatch.setattr(registry, "_looked_for_others", False)
    assert FAMILIES["poisson"].name == "poisson"
    assert not registry._looked_for_others  # what the package has itself is found without
    with pytest.warns(UserWarning, match=r"plug-in 'broken' \(a_package_of_others:NOTHING\) cannot be used"):
        assert "theirs" in FAMILIES.names()
    assert "Theirs" in PRIORS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bd.Model("y ~ x", columns().assign(y=1), family="theirs", priors={"x": "Theirs(0, 1)"}).spec.family == "theirs"
