"""Laws of networks: without a hidden layer they are the generalised linear model, in any family, orthogonal as promised."""

from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import BatchedFunction, array_mode, forward_draws, row_function
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import rows_of

ROWS = 30


def data(rows: int = ROWS, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "x1": rng.normal(300, 20, rows),
            "x2": rng.normal(size=rows) * 1e-3,
            "a": np.tile(list("uvw"), rows)[:rows],
            "g": np.tile(list("pqrst"), rows)[:rows],
            "real": rng.normal(2, 3, rows),
            "positive": rng.gamma(2.0, 2.0, rows),
            "unit": rng.uniform(0.05, 0.95, rows),
            "count": rng.poisson(2.0, rows),
            "trials": 9,
            "yes": np.tile([0, 1], rows)[:rows],
            "level": np.tile(list("BCA"), rows)[:rows],
            "grade": pd.Categorical(np.tile(["low", "mid", "high"], rows)[:rows], ["low", "mid", "high"], ordered=True),
        }
    )
    counts = rng.multinomial(9, [0.2, 0.3, 0.5], rows)
    return d.assign(c1=counts[:, 0], c2=counts[:, 1], c3=counts[:, 2], hits=rng.binomial(9, 0.4, rows))


RESPONSES = {
    **dict.fromkeys(("gaussian", "student_t", "asymmetric_laplace", "tobit"), "real"),
    **dict.fromkeys(("lognormal", "gamma", "inverse_gaussian", "exponential", "weibull"), "positive"),
    **dict.fromkeys(("poisson", "negative_binomial", "zero_inflated_poisson", "hurdle_poisson"), "count"),
    "beta": "unit", "bernoulli": "yes",
    **dict.fromkeys((n for n in FAMILIES if "trials" in FAMILIES[n].words), "prop(hits, trials)"),
    "categorical": "level", "cumulative": "grade",
    "multinomial": "cbind(c1, c2, c3)",
    "tobit": "censored(real, 0)",
}


def response(name: str, d: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    if name == "tobit":
        return "real", d.assign(real=np.maximum(d.real, 0))
    return RESPONSES.get(name, "count" if "discrete" in FAMILIES[name].words else "unit"), d


def at(model: bd.Model, draws: dict[str, np.ndarray], what: str) -> np.ndarray:
    function = row_function(model._graph, [what])
    return function({name: draws[name] for name in function._given})[0]


def prior(model: bd.Model, draws: int = 10, seed: int = 1) -> dict[str, np.ndarray]:
    return forward_draws(model._graph, list(model._graph.reported), draws, {}, seed)


EVERY = [(name, link) for name in FAMILIES for link in FAMILIES[name].main.links]
FIRST = {"gaussian": "identity", "bernoulli": "logit", "poisson": "log", "categorical": "softmax", "cumulative": "probit"}
CASES = [pytest.param(*c, marks=() if FIRST.get(c[0]) == c[1] else pytest.mark.slow) for c in EVERY]
FAMILY = [pytest.param(n, marks=() if n in ("gaussian", "categorical", "cumulative") else pytest.mark.slow) for n in FAMILIES]


@pytest.mark.few(2)
@pytest.mark.parametrize(("name", "link"), CASES)
def test_without_hidden_layers_it_is_the_glm(name, link):
    left, d = response(name, data())
    option = {"family": name, "link": link}
    net = bd.Model(f"{left} ~ net(x1, x2, a, hidden=[], orthogonal=False, prior='normal')", d, **option)
    glm = bd.Model(f"{left} ~ x1 + x2 + a", d, **option)
    draws = prior(net)
    # Near the middle of the response, so that also links such as "inverse" stay inside the family's support.
    weights = draws["net(x1, x2, a)_w1"] * 0.02
    if "Intercept" in draws:
        draws["Intercept"] = net.spec.response.location + 0.02 * draws["Intercept"]
    draws["net(x1, x2, a)_w1"] = weights
    # By construction weights are coefficients a unit of the column; only the origin of the inputs differs.
    means = [d.x1.mean(), d.x2.mean(), (d.a == "v").mean(), (d.a == "w").mean()]
    shift = np.einsum("j,ij...->i...", means, weights)
    same = {k: v for k, v in draws.items() if k in glm._graph.reported}
    same |= {"x1": weights[:, 0], "x2": weights[:, 1], "a": weights[:, 2:]}
    if "no_intercept" in FAMILIES[name].words:
        same["threshold"] = draws["threshold"] + shift[:, None]
        expected, found = at(glm, same, "linear") - shift[:, None], at(net, draws, "linear")
    else:
        same["Intercept"] = draws["Intercept"] - shift
        expected, found = at(glm, same, "linear"), at(net, draws, "linear")
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    with np.errstate(all="ignore"):
        one, other = at(net, draws, "pointwise"), at(glm, same, "pointwise")
    finite = np.isfinite(other)
    assert finite.mean() > 0.3
    assert (np.isfinite(one) == finite).all()
    np.testing.assert_allclose(one[finite], other[finite], rtol=1e-10, atol=1e-9)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", FAMILY)
def test_every_family_takes_networks_on_every_parameter(name):
    left, d = response(name, data())
    others = {
        p.name: "~ net(x1, hidden=[2])" for p in FAMILIES[name].parameters[1:] if p.shape != "cut" and p.links and p.prior
    }
    model = bd.Model(f"{left} ~ x1 + net(x1, x2, a, hidden=[3, 2], skip=True) + (1 | g)", d, family=name, **others)
    pymc = model.pymc
    parts = [part.sum() for part in pymc.logp(sum=False)]
    slopes = pt.grad(sum(parts), pymc.value_vars)
    density = pymc.compile_fn([*parts, *slopes], inputs=pymc.value_vars, mode=array_mode(), on_unused_input="ignore")
    rng = np.random.default_rng(3)
    point = {k: v + 0.3 * rng.normal(size=np.shape(v)) for k, v in pymc.initial_point().items()}
    for value in density(point):
        assert np.isfinite(value).all()
    draws = prior(model)
    draws = {k: 0.1 * v if k in ("x1", "Intercept") else v for k, v in draws.items()}
    new = d.drop(columns=left, errors="ignore").head(7).assign(g=["p", "new", "other", "q", "r", "s", "new"], x1=305.0)
    rows = rows_of(model.spec, read_frame(new), observed=False)
    for kind in ("linear", "mean", "predictive"):
        found = np.concatenate([v for _, _, v in blocks(model.spec, draws, rows, kind, "sample", 1)], axis=1)
        assert found.shape[:2] == (10, 7)
        assert np.isfinite(found).all() or kind != "linear"


ORTHOGONAL = {
    "columns": "real ~ x1 + poly(x2, 2) + a + net(x1, x2, a, hidden=[4])",
    "nearly collinear": "real ~ x1 + I(x1**2) + net(x1, x2, hidden=[4])",
    "intercept": "real ~ net(x1, x2, hidden=[4])",
    "no intercept": "real ~ 0 + x1 + net(x1, x2, hidden=[4])",
    "groups": "real ~ x1 + net(x1, x2, hidden=[4], orthogonal='groups') + (1 | g)",
    "crossed": "real ~ x1 + net(x1, x2, hidden=[4], orthogonal='groups') + (1 | g) + (1 | a)",
    "varying": "real ~ x1 + (net(x1, x2, hidden=[4]) | g)",
    "varying groups": "real ~ x1 + (net(x1, x2, hidden=[4], orthogonal='groups') | g)",
    "all weights": "real ~ x1 + (0 + net(x1, x2, hidden=[4], orthogonal='groups', pool='weights') | g)",
    "several": "level ~ x1 + net(x1, x2, hidden=[4])",
}


def network_at(model: bd.Model, draws: dict[str, np.ndarray], rows: Any = None) -> np.ndarray:
    """Return what networks add at the training rows, ``(draw, obs[, level])``."""
    silent = {k: v if k.startswith("net(") else np.zeros_like(v) for k, v in draws.items()}
    return at(model, silent, "linear")


@pytest.mark.few(4)
@pytest.mark.parametrize("name", list(ORTHOGONAL))
def test_orthogonal_to_what_stands_beside_it(name):
    d, formula = data(), ORTHOGONAL[name]
    family = "categorical" if name == "several" else "gaussian"
    model = bd.Model(formula, d, family=family)
    found = network_at(model, prior(model))
    assert np.abs(found).max() > 1e-3
    beside = [d.x1 - (0 if "0 + x1" in formula else d.x1.mean())] if "~ x1" in formula or "0 + x1" in formula else []
    if "0 + x1" not in formula:
        beside.append(np.ones(ROWS))
    if "x1**2" in formula:
        beside.append((d.x1 - d.x1.mean()) ** 2)
    if "poly" in formula:
        beside += [d.x2 - d.x2.mean(), (d.x2 - d.x2.mean()) ** 2, d.a == "v", d.a == "w"]
    for factor in ("g", "a") if "'groups'" in formula else ():
        beside += [d[factor] == label for label in d[factor].unique() if f"| {factor})" in formula]
    for column in beside:
        own = np.asarray(column, dtype=float)
        products = np.einsum("r,ir...->i...", own / np.linalg.norm(own), found)
        assert np.abs(products).max() < 1e-10 * max(1.0, np.abs(found).max())


def test_without_it_nothing_is_taken_off():
    model = bd.Model("real ~ x1 + net(x1, x2, hidden=[4], orthogonal=False)", data())
    found = network_at(model, prior(model))
    assert np.abs(found.mean(axis=1)).max() > 0.01
    assert not [name for name in model._graph.reported if name.endswith("_removed")]


FORMULAS = [
    "real ~ x1 + net(x1, x2, a, hidden=[4, 3], skip=True, activation=['relu', 'logit'])",
    "real ~ x1 + net(x1, embed(g, 2), hidden=[4])",
    "real ~ x1 + (net(x1, x2, hidden=[4], orthogonal='groups') | g)",
    "real ~ x1 + (net(x1, x2, hidden=[4, 3], pool='weights') | g)",
    "real ~ 0 + net(x1, x2, hidden=[], orthogonal=False)",
    "level ~ x1 + (net(x1, a, hidden=[4], skip=True) | g)",
    "level ~ net(x1, embed(g, 3), hidden=[])",
]


@pytest.mark.few(3)
@pytest.mark.parametrize("formula", FORMULAS)
def test_predictions_are_those_of_the_fit_and_of_each_row(formula):
    d = data()
    model = bd.Model(formula, d, family="categorical" if formula.startswith("level") else "gaussian")
    graph, draws = model._graph, prior(model, 6)
    # Straight from the sampled variables, without what the posterior reports.
    inside = [v for v in draws if not v.endswith("_removed")]
    function = row_function(graph, ["linear"])
    assert any(name.endswith("_removed") for name in function._given) == ("basis" in str(model.spec.to_json()))
    given = {name: graph.reported[name].tensor for name in inside}
    whole = BatchedFunction(graph, [graph.response.linear], given)({name: draws[name] for name in inside})[0]
    np.testing.assert_allclose(at(model, draws, "linear"), whole, rtol=1e-9, atol=1e-9)
    for rows in (d, d.iloc[[7, 3, 3, 29]], d.iloc[[11]]):
        new = rows_of(model.spec, read_frame(rows.drop(columns=formula.split(" ")[0])), observed=False)
        found = np.concatenate([v for _, _, v in blocks(model.spec, draws, new, "linear", "raise", 1)], axis=1)
        np.testing.assert_allclose(found, whole[:, rows.index], rtol=1e-9, atol=1e-9)


def test_prior_of_weights_is_in_the_density():
    model = bd.Model("real ~ net(x1, hidden=[2], prior='normal')", data()).pymc
    names = {v.name for v in model.free_RVs}
    assert names == {"Intercept", "sigma", "net(x1)_sigma", "net(x1)_w1_z", "net(x1)_b1_z", "net(x1)_w2_z"}
