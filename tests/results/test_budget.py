"""The parts of a prediction's variance: they add up, each is what it says, and none appears from nothing."""

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode

PARTS = ["noise", "population", "group", "network", "between"]


def data(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["x1", "x2"])
    frame["g"] = [f"g{i}" for i in np.arange(rows) % 5]
    frame["y"] = rng.normal(size=rows)
    frame["count"] = rng.poisson(2.0, rows)
    frame["yes"] = frame["y"] > 0
    frame["size"] = np.exp(frame["y"])
    frame["kind"] = np.array(["a", "b", "c"])[np.arange(rows) % 3]
    frame.index = [f"row {i}" for i in range(rows)]
    return frame


FORMULA = "x1 + net(x1, x2, hidden=[3]) + (1 + x2 | g)"


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("response", "family", "link"),
    [
        ("y", "gaussian", None),
        ("size", "gaussian", "log"),
        ("count", "poisson", None),
        ("yes", "bernoulli", None),
        ("size", "weibull", None),
    ],
)
def test_parts_add_up(made_up, response, family, link):
    values = {"Intercept": 0.3, "x1": np.linspace(-0.3, 0.3, 40)}
    fit = made_up(bd.Model(f"{response} ~ x1 + (1 | g)", data(), family, link=link), values=values)
    table = fit.budget()
    assert list(table.columns) == [*PARTS, "total"]
    assert list(table.index) == list(data().index)
    assert table["total"].to_numpy() == pytest.approx(table[PARTS].sum(axis=1).to_numpy(), rel=1e-12)
    mean = fit.draws(kind="mean").to_numpy().reshape(40, -1)
    parts = table["total"] - table["noise"]
    assert parts.to_numpy() == pytest.approx(mean.var(axis=0), rel=1e-9)


def test_a_smooth_has_a_part_of_its_own(made_up):
    fit = made_up(bd.Model("y ~ x1 + s(x2, k=5) + (1 | g)", data()), chains=3)
    table, mean = fit.budget(), fit.draws(kind="mean").to_numpy()
    assert list(table.columns) == ["noise", "population", "group", "smooth", "network", "between", "total"]
    posterior = fit.idata["posterior"]
    line = posterior["s(x2)_linear"].to_numpy()[..., None] * (data()["x2"] - data()["x2"].mean()).to_numpy()
    others = posterior["Intercept"].to_numpy()[..., None] + posterior["x1"].to_numpy()[..., None] * data()["x1"].to_numpy()
    codes = [list(posterior["g"].values).index(g) for g in data()["g"]]
    groups = posterior["1|g"].to_numpy()[..., codes]
    basis = mean - line - others - groups
    apart = mean - mean.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(table["smooth"], ((line + basis) * apart).mean(axis=(0, 1)), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(table["population"], (others * apart).mean(axis=(0, 1)), rtol=1e-8, atol=1e-10)
    assert (table["network"] == 0).all()


def test_parts_of_a_network_and_of_groups(made_up):
    fit = made_up(bd.Model(f"y ~ {FORMULA}", data()), chains=3)
    table = fit.budget()
    mean = fit.draws(kind="mean").to_numpy()
    assert table["noise"].to_numpy() == pytest.approx(float((fit.posterior["sigma"] ** 2).mean()), rel=1e-12)
    assert table["between"].to_numpy() == pytest.approx(mean.mean(axis=1).var(axis=0), rel=1e-9)
    whole = table[["population", "group", "network"]].sum(axis=1)
    assert whole.to_numpy() == pytest.approx(mean.var(axis=1).mean(axis=0), rel=1e-9)
    # The covariance of each part with the sum, from draws of the part alone.
    apart = mean - mean.mean(axis=1, keepdims=True)
    post, frame = fit.posterior, data()
    population = post["Intercept"].to_numpy()[..., None] + post["x1"].to_numpy()[..., None] * frame["x1"].to_numpy()
    assert table["population"].to_numpy() == pytest.approx((population * apart).mean(axis=(0, 1)), rel=1e-8, abs=1e-10)
    code = np.arange(len(frame)) % 5
    group = post["1|g"].to_numpy()[..., code] + post["x2|g"].to_numpy()[..., code] * frame["x2"].to_numpy()
    assert table["group"].to_numpy() == pytest.approx((group * apart).mean(axis=(0, 1)), rel=1e-8, abs=1e-10)


def test_what_does_not_vary_has_no_part(made_up):
    fit = made_up(bd.Model("y ~ x1 + (1 | g)", data()), values={"1|g": 0.7, "sigma": 2.0})
    table = fit.budget()
    assert table["group"].abs().max() < 1e-20
    assert (table["network"] == 0).all()
    assert (table["population"] > 0).all()
    assert table["noise"].to_numpy() == pytest.approx(4.0)


def test_a_part_that_makes_up_for_another_is_negative(made_up):
    wide = np.linspace(-1, 1, 20)
    values = {"Intercept": -np.tile(wide, 2), "x1": 0.0, "1|g": np.tile(1.5 * wide, 2)[:, None]}
    table = made_up(bd.Model("y ~ x1 + (1 | g)", data()), values=values).budget()
    within = (0.5 * wide).var()
    assert table["population"].to_numpy() == pytest.approx(-2.0 * within)
    assert table["group"].to_numpy() == pytest.approx(3.0 * within)


def test_chains_that_disagree(made_up):
    values = {"Intercept": np.repeat([-1.0, 1.0], 20), "x1": 0.0, "1|g": 0.0}
    table = made_up(bd.Model("y ~ x1 + (1 | g)", data()), values=values).budget()
    assert table["between"].to_numpy() == pytest.approx(1.0)
    assert table["population"].to_numpy() == pytest.approx(0.0, abs=1e-12)


def test_new_groups_are_less_certain(made_up):
    values = {"1|g": 0.5, "1|g_sigma": 1.5, "x1": 0.0, "Intercept": 0.0}
    fit = made_up(bd.Model("y ~ x1 + (1 | g)", data()), draws=300, values=values)
    new = data().assign(g=["new", *data()["g"][1:]])
    table = fit.budget(new, new_groups="sample")
    assert table["group"].iloc[0] == pytest.approx(2.25, rel=0.25)
    assert table["group"].iloc[1:].abs().max() < 1e-20
    assert fit.budget(new, new_groups="average")["group"].abs().max() < 1e-20
    with pytest.raises(FitError, match="not fitted to"):
        fit.budget(new, new_groups="raise")


def test_a_point_has_noise_only(made_up):
    table = made_up(bd.Model(f"y ~ {FORMULA}", data()), draws=1, chains=1).budget()
    assert (table[["population", "group", "network", "between"]] == 0).all(axis=None)
    assert (table["noise"] > 0).all()


def test_noise_without_a_closed_form_is_that_of_predictive_draws(made_up):
    values = {"Intercept": 0.0, "x1": 0.2, "1|g": 0.0, "alpha": 2.0}
    fit = made_up(bd.Model("size ~ x1 + (1 | g)", data(), "weibull"), draws=500, values=values)
    made = fit.draws(kind="response").to_numpy().reshape(1000, -1)
    # Kurtosis about 3.2: each side has a relative error of about 5 % a row, and 1 % averaged over rows.
    assert fit.budget()["noise"].mean() == pytest.approx(made.var(axis=0).mean(), rel=0.06)


def test_censored_rows_have_the_budget_of_the_response_itself(made_up):
    frame = data().assign(status=["right", *["none"] * 29])
    values = {"Intercept": 0.0, "x1": 0.3, "sigma": 1.5}
    plain = made_up(bd.Model("y ~ x1", frame), values=values).budget()
    censored = made_up(bd.Model("censored(y, status) ~ x1", frame), values=values).budget()
    pd.testing.assert_frame_equal(plain, censored)


def test_levels_have_no_variance(made_up):
    fit = made_up(bd.Model("kind ~ x1", data(), "categorical"))
    with pytest.raises(FitError, match=r"budget: a categorical response .* level"):
        fit.budget()


def test_two_degrees_of_freedom_have_no_variance():
    params = {"nu": np.array([1.5, 3.0]), "mu": np.zeros(2), "sigma": np.full(2, 2.0)}
    tensors = {name: pt.as_tensor(value) for name, value in params.items()}
    family = FAMILIES["student_t"]
    found = family.variance(tensors, Aux(LINKS["identity"]))
    assert found.eval(mode=array_mode()).tolist() == [np.inf, 12.0]
