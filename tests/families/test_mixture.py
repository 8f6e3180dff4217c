"""Mixtures of families, against densities by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, poisson
from scipy.stats import t as student

import bayesdeep as bd
from bayesdeep.core.errors import FitError, FormulaError
from bayesdeep.inference.component_order import in_definite_order


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    second, x = rng.random(rows) < 0.3, rng.normal(size=rows)
    y = np.where(second, 3 + 0.5 * x + 0.5 * rng.normal(size=rows), -x + rng.normal(size=rows))
    return pd.DataFrame({"x": x, "y": y, "k": rng.poisson(np.where(second, 9, 2)), "second": second})


def test_density_is_the_sum_of_the_components() -> None:
    model = bd.Model("y ~ 1", frame(), family=bd.mixture("gaussian", "student_t", "gaussian"))
    pymc = model.pymc
    point = {name: np.float64(value + 0.1) for name, value in pymc.initial_point().items()}
    names = [v.name for v in pymc.free_RVs]
    values = dict(zip(names, pymc.compile_fn(pymc.replace_rvs_by_values([pymc[n] for n in names]))(point), strict=True))
    intercepts = [float(values[next(n for n in names if n.startswith(f"mu{k}_Intercept"))]) for k in (1, 2, 3)]
    theta = [float(values["theta1"]), float(values["theta2"])]
    shares = [theta[0], (1 - theta[0]) * theta[1], (1 - theta[0]) * (1 - theta[1])]
    y = frame()["y"].to_numpy()
    density = shares[0] * norm(intercepts[0], values["sigma1"]).pdf(y)
    density += shares[1] * student(values["nu2"], intercepts[1], values["sigma2"]).pdf(y)
    density += shares[2] * norm(intercepts[2], values["sigma3"]).pdf(y)
    found = pymc.compile_logp(vars=pymc.observed_RVs)(point)
    assert float(found) == pytest.approx(np.log(density).sum(), rel=1e-9)


def test_every_component_has_the_formula_unless_it_has_its_own() -> None:
    model = bd.Model("y ~ x", frame(), family=bd.mixture("gaussian", "gaussian"))
    assert {"mu1_x", "mu2_x", "mu1_Intercept", "mu2_Intercept", "sigma1", "sigma2", "theta1"} == set(model.priors.index)
    assert "mu2_x" not in bd.Model("y ~ x", frame(), family=bd.mixture("gaussian", "gaussian"), mu2="~ 1").priors.index


def test_components_that_are_alike_are_put_in_order() -> None:
    model = bd.Model("y ~ 1", frame(), family=bd.mixture("gaussian", "gaussian", "gaussian"))
    values = {
        "mu1_Intercept": np.array([2.0, 0.0]), "mu2_Intercept": np.array([0.0, 1.0]), "mu3_Intercept": np.array([1.0, 2.0]),
        "sigma1": np.array([12.0, 10.0]), "sigma2": np.array([10.0, 11.0]), "sigma3": np.array([11.0, 12.0]),
        "theta1": np.array([0.5, 0.2]), "theta2": np.array([0.4, 0.375]),
    }  # fmt: skip
    found = in_definite_order(model.spec, model.__dict__["_rows"], values)
    assert found["mu1_Intercept"] == pytest.approx([0.0, 0.0])
    assert found["sigma3"] == pytest.approx([12.0, 12.0])
    # Shares of the first draw were 0.5, 0.2, 0.3.
    assert found["theta1"] == pytest.approx([0.2, 0.2])
    assert found["theta2"] == pytest.approx([0.3 / 0.8, 0.375])


def test_components_that_differ_stay_as_they_are() -> None:
    prior = {"mu1_Intercept": "Normal(0, 1)"}
    model = bd.Model("y ~ 1", frame(), family=bd.mixture("gaussian", "gaussian"), priors=prior)
    values = {"mu1_Intercept": np.array([2.0]), "mu2_Intercept": np.array([0.0]), "sigma1": np.ones(1), "sigma2": np.ones(1)}
    values["theta1"] = np.array([0.3])
    assert in_definite_order(model.spec, model.__dict__["_rows"], values)["mu1_Intercept"] == 2.0


def test_a_link_is_that_of_all_components() -> None:
    data = {"x": np.arange(1.0, 9.0), "y": np.arange(2.0, 10.0)}
    model = bd.Model("y ~ x", data, family=bd.mixture("gaussian", "student_t"), link="log")
    assert model.spec.links == {"mu1": "log", "mu2": "log"}
    own = bd.Model("y ~ x", data, family=bd.mixture("gaussian", "student_t"), link={"mu2": "log"})
    assert own.spec.links == {"mu1": "identity", "mu2": "log"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma": "~ x"}, "no parameter 'sigma'; there are: sigma1, sigma2"),
        ({"theta2": "~ x"}, "no parameter 'theta2'; there is: theta1"),
        ({"nonlinear": {"a": "~ 1"}}, "a predictor for each component, and a non-linear formula is one"),
    ],
)
def test_refuses_what_has_no_number(options: dict[str, Any], words: str) -> None:
    data = {"x": np.arange(8.0), "y": np.arange(8.0)}
    with pytest.raises(FormulaError, match=words):
        bd.Model("y ~ a * x" if "nonlinear" in options else "y ~ x", data, family=bd.mixture("gaussian", "gaussian"), **options)


@pytest.mark.parametrize(
    ("components", "words"),
    [
        (["gaussian"], "two to 5"),
        (["gaussian", "gamma"], "gaussian is of numbers of any size and sign; gamma is of numbers above 0.*: .*, weibull"),
        (["poisson", "gaussian"], "same possible responses, but poisson is of counts 0, 1, 2, …; gaussian is of"),
        (["gaussian", "cumulative"], "cannot be a component"),
        (["gaussian", "gausian"], "gaussian"),
    ],
)
def test_refuses(components: list[str], words: str) -> None:
    with pytest.raises(FormulaError, match=words):
        bd.mixture(*components)


@pytest.mark.integration
def test_finds_the_components_and_who_is_of_which() -> None:
    data = frame(300)
    fit = bd.Model("y ~ x", data, family=bd.mixture("gaussian", "gaussian")).fit(seed=1, progress=False)
    table = fit.summary(ci_prob=0.99)
    truth = {"mu1_Intercept": 0, "mu2_Intercept": 3, "mu1_x": -1, "mu2_x": 0.5, "sigma1": 1, "sigma2": 0.5, "theta1": 0.7}
    for name, value in truth.items():
        assert table.loc[name].iloc[2] < value < table.loc[name].iloc[3], name
    assert (table["r_hat"] < 1.01).all()
    shares = fit.components()
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert ((shares[2] > 0.5) == data["second"]).mean() > 0.9
    means = {name: float(fit.idata["posterior"][name].mean()) for name in truth}
    one = norm(means["mu1_Intercept"] + means["mu1_x"] * data["x"], means["sigma1"]).pdf(data["y"]) * means["theta1"]
    two = norm(means["mu2_Intercept"] + means["mu2_x"] * data["x"], means["sigma2"]).pdf(data["y"]) * (1 - means["theta1"])
    assert shares[1].to_numpy() == pytest.approx((one / (one + two)), abs=0.12)
    with pytest.raises(FitError, match="no mixture"):
        bd.Model("y ~ x", data).fit(seed=1).components()


@pytest.mark.integration
def test_mixture_of_counts() -> None:
    data = frame(200)
    fit = bd.Model("k ~ 1", data, family=bd.mixture("poisson", "poisson")).fit(seed=1, progress=False)
    mean = fit.predict(data.head(1), kind="mean")["mean"].iloc[0]
    assert mean == pytest.approx(data["k"].mean(), rel=0.1)
    levels = [float(np.exp(fit.idata["posterior"][f"mu{k}_Intercept"]).mean()) for k in (1, 2)]
    assert levels == pytest.approx([2, 9], rel=0.25)
    score = np.log(0.7 * poisson(2).pmf(data["k"]) + 0.3 * poisson(9).pmf(data["k"])).mean()
    assert fit.log_score() == pytest.approx(score, abs=0.1)
