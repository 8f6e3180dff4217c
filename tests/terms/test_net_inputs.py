"""What networks are given: options, columns of all kinds, and what cannot be; errors say what would be right."""

import json

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.links import ALIASES, CURVES, LINKS, find_activation
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import array_mode, forward_draws, row_function
from bayesdeep.results.rows import rows_of
from bayesdeep.terms._net_layers import input_labels

ROWS = 30


def data(**changes: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    d = pd.DataFrame(
        {
            "x": rng.normal(3, 2, ROWS),
            "z": rng.normal(size=ROWS),
            "a": np.tile(list("uvw"), 10),
            "g": np.tile(list("pqrst"), 6),
            "y": rng.normal(size=ROWS),
        }
    )
    return d.assign(**changes)


def state_of(model: bd.Model) -> dict:
    return next(t.state for p in model.spec.predictors for t in p.terms if t.kind == "net")


def values(model: bd.Model) -> np.ndarray:
    """Return the network's values under its prior ``(draw, obs)``."""
    draws = forward_draws(model._graph, list(model._graph.reported), 20, {}, 1)
    function = row_function(model._graph, ["linear"])
    return function({k: v if k.startswith("net") else 0 * v for k, v in draws.items() if k in function._given})[0]


OPTIONS = {
    "hidden=[0]": "a layer of 0 units; give whole numbers from 1 to 4096",
    "hidden=-1": "hidden=-1 is not numbers of units",
    "hidden=[2.5]": "a layer of 2.5 units",
    "hidden=True": "a layer of True units",
    "hidden='a'": "a layer of 'a' units",
    "hidden=[[3]]": r"a layer of \[3\] units",
    "hidden=5000": "from 1 to 4096",
    "activation='tahn'": "unknown activation 'tahn'; did you mean 'tanh'",
    "activation='inverse'": "not defined at 0",
    "activation=['tanh', 'inverse_squared'], hidden=[3, 3]": "not defined at 0 and below",
    "activation=['tanh', 'relu']": "2 activations for 1 hidden layers",
    "activation=tanh": 'text stands in quotes in an option of net\\(\\): "tanh"',
    "activation=3": "unknown activation '3'",
    "prior='adr'": "did you mean 'ard'",
    "prior='gaussian'": "is not one of ard, layer",
    "prior=3": "prior=3 is not one of",
    "bayes='lst'": "did you mean 'last'",
    "pool='all'": "is not one of last, weights",
    "orthogonal='group'": 'is not True, False or "groups"',
    "orthogonal=1": 'is not True, False or "groups"',
    "skip='yes'": "is not True or False",
    "name=''": 'is not a text, as in name="trend"',
    "name='a/b'": "join names",
    "hiden=[3]": "net\\(\\) has no option 'hiden'; did you mean 'hidden'",
    "layers=[3]": "net\\(\\) has no option 'layers'; here it is hidden=\\[32\\]",
    "dropout=0.1": "here it is fit\\(\"dropout\", rate=0.1\\)",
    "hidden=(3, 'a')": "hidden has a layer of 'a' units",
    "hidden=(3, 4": "expected '\\)' for the '\\('",
}


@pytest.mark.parametrize("option", list(OPTIONS))
def test_options_that_cannot_be(option):
    with pytest.raises(FormulaError, match=OPTIONS[option]):
        bd.Model(f"y ~ x + net(x, z, {option})", data())


@pytest.mark.parametrize(
    ("one", "other"), [("hidden=(3, 2)", "hidden=[3, 2]"), ("hidden=(3,)", "hidden=[3]"), ("hidden=(3)", "hidden=3")]
)
def test_tuples_are_lists(one, other):
    models = [bd.Model(f"y ~ net(x, z, {option}, name='f')", data()) for option in (one, other)]
    assert models[0].spec.predictors[0].terms[-1].state == models[1].spec.predictors[0].terms[-1].state


def test_a_model_tells_inputs_and_how_many_weights():
    model = bd.Model("y ~ net(., hidden=[4])", data()[["y", "x", "g"]])
    levels = [f"g[{label}]" for label in sorted(data()["g"].unique())[1:]]
    inputs = ["x", *levels]
    assert f"net(.): inputs {', '.join(inputs)}; {len(inputs) * 4 + 4 + 4} weights" in str(model)


FORMULAS = {
    "net()": "net\\(\\) needs a column",
    "net(y)": "'y' is the response",
    "(net(x, embed(y, 2)) | g)": "'y' is the response",
    "net(net(x))": "cannot stand inside another call",
    "embed(g, 2)": "embed\\(\\) stands inside net\\(\\)",
    "net(embed(g))": "write it as embed\\(g, 4\\)",
    "net(embed(g, 0))": "write it as embed\\(g, 4\\)",
    "net(embed(g, 65))": "number of dimensions to 64",
    "net(embed(g, 2, k=1))": "write it as embed\\(g, 4\\)",
    "net(embed(log(x), 2))": "write it as embed\\(g, 4\\)",
    "net(embed(g, 2), embed(g, 3))": "embeds 'g' twice",
    "net(x + z)": "parted by commas, as in net\\(x, z\\).*I\\(x \\+ z\\)",
    "net(x*z)": "I\\(x\\*z\\)",
    "net(-x)": "I\\(-x\\)",
    "net(1)": "names no column",
    "net(nope)": "no column 'nope'",
    "net(x) + net(x, hidden=[2])": 'another name, as in net\\(x, name="trend"\\)',
    "net(x) + (net(x) | g)": "has the function of all groups in it already",
    "x_w1 + net(x, z, name='x')": "two quantities of the model would be called 'x_w1'",
}


@pytest.mark.parametrize("formula", list(FORMULAS))
def test_formulas_that_cannot_be(formula):
    with pytest.raises(FormulaError, match=FORMULAS[formula]):
        assert bd.Model(f"y ~ {formula}", data(x_w1=1.0 + np.arange(ROWS))).pymc


@pytest.mark.few(5)
@pytest.mark.parametrize("activation", [*(n for n in LINKS if LINKS[n].reach is not None), *CURVES, *ALIASES])
def test_every_activation(activation):
    model = bd.Model(f"y ~ x + net(x, z, hidden=[4, 3], activation=['{activation}', 'tanh'], orthogonal=False)", data())
    draws = forward_draws(model._graph, list(model._graph.reported), 3, {}, 1)
    draws = {k: v if k.startswith("net") else 0 * v for k, v in draws.items()}
    function = row_function(model._graph, ["linear"])
    found = function({k: draws[k] for k in function._given})[0]
    d, name, curve = data(), "net(x, z)", find_activation(activation, "", ValueError)
    inputs = np.stack([(d[c] - d[c].mean()) / d[c].std(ddof=0) for c in ("x", "z")], axis=1)
    for k in range(3):
        w = {key.removeprefix(name): value[k] for key, value in draws.items()}
        h = curve(pt.constant(inputs @ w["_w1"] + w["_b1"])).eval(mode=array_mode())
        expected = np.tanh(h @ w["_w2"] + w["_b2"]) @ w["_w3"]
        np.testing.assert_allclose(found[k], expected, rtol=1e-8, atol=1e-9)


def test_missing_and_infinite_values():
    d = data()
    d.loc[3, "x"] = np.nan
    with pytest.raises(DataError, match='1 of 30 rows have missing values: x 1; pass missing="drop"'):
        bd.Model("y ~ net(x)", d)
    with pytest.warns(UserWarning, match="left out 1"):
        assert bd.Model("y ~ net(x)", d, missing="drop").rows == 29
    with pytest.raises(DataError, match="infinite"):
        bd.Model("y ~ net(x)", d.assign(x=np.inf))
    with pytest.raises(FormulaError, match="values of 'x' are too large"):
        bd.Model("y ~ net(x)", data(x=np.linspace(1, 9, ROWS) * 1e300))
    for bad in (pd.date_range("2020-01-01", periods=ROWS), pd.to_timedelta(np.arange(ROWS), "D"), 1j * np.arange(ROWS)):
        with pytest.raises(DataError, match="column 'x' holds"):
            bd.Model("y ~ net(x)", data(x=bad))


@pytest.mark.parametrize("constant", [7.0, 0.0, 1e12 + 0.1, -3e-7])
def test_constant_inputs_add_nothing(constant):
    alone = values(bd.Model("y ~ net(k, hidden=[4])", data(k=constant)))
    np.testing.assert_allclose(alone, 0.0, atol=1e-9)
    assert values(bd.Model("y ~ net(x, k, hidden=[4])", data(k=constant))).std() > 0.01


@pytest.mark.few(2)
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_units_of_inputs_do_not_matter(scale, shift):
    plain = values(bd.Model("y ~ net(x, hidden=[4])", data()))
    other = values(bd.Model("y ~ net(x, hidden=[4])", data(x=scale * (data().x + shift))))
    np.testing.assert_allclose(other, plain, rtol=1e-7, atol=1e-7)


def test_a_large_mean_does_not_hide_that_a_column_varies():
    plain = values(bd.Model("y ~ net(x, hidden=[4])", data()))
    far = values(bd.Model("y ~ net(x, hidden=[4])", data(x=data().x + 1e12)))
    np.testing.assert_allclose(far, plain, atol=3e-3)  # the column itself has four digits left


@pytest.mark.parametrize("kind", ["float16", "float32", "bool", "int8", "category", "string"])
def test_columns_of_all_kinds(kind):
    x = data().x.round()
    if kind == "bool":
        x = x > 3
    elif kind in ("category", "string"):
        x = x.astype(int).astype(str)
    found = values(bd.Model("y ~ net(x, hidden=[4])", data(x=x.astype(kind))))
    assert np.isfinite(found).all()
    assert found.std() > 0.01
    if kind in ("float16", "float32", "int8"):
        np.testing.assert_allclose(found, values(bd.Model("y ~ net(x, hidden=[4])", data(x=x))), atol=1e-9)


def test_one_row_and_more_outputs_than_rows():
    found = values(bd.Model("y ~ net(x, hidden=[4])", data().head(1)))
    np.testing.assert_allclose(found, 0.0, atol=1e-9)
    levels = pd.Categorical(list("ABCDE"), list("ABCDE"))
    assert values(bd.Model("c ~ net(x, hidden=[2])", data().head(5).assign(c=levels), family="categorical")).shape == (20, 5, 4)


def test_inputs_as_they_are_labelled_and_named():
    model = bd.Model("y ~ net(x, C(a), poly(z, 2), I(x * z), embed(g, 2), hidden=[2])", data())
    state = state_of(model)
    assert state["name"] == "net(x, C(a), poly(z, 2), I(x * z), embed(g, 2))"
    assert input_labels(state) == ("x", "C(a)[v]", "C(a)[w]", "poly(z, 2)[1]", "poly(z, 2)[2]", "I(x * z)", "g[0]", "g[1]")
    assert state_of(bd.Model("y ~ net( . ,hidden = [ 2 ])", data()))["name"] == "net(.)"
    assert state_of(bd.Model("y ~ net(x,z , prior='layer')", data()))["name"] == "net(x, z)"
    assert state_of(bd.Model("y ~ net(I(x / 2))", data()))["name"] == "net(I(x ÷ 2))"
    assert state_of(bd.Model("y ~ net(`x`, name='trend of x')", data()))["name"] == "trend of x"
    assert input_labels(state_of(bd.Model("y ~ net(x, x)", data()))) == ("x",)


def test_a_dot_leaves_out_the_response_and_groups():
    state = state_of(bd.Model("y ~ net(.) + (1 | g)", data()))
    assert input_labels(state) == ("x", "z", "a[v]", "a[w]")


def test_new_rows_without_a_column_or_with_words_in_it():
    model = bd.Model("y ~ net(x, a)", data())
    with pytest.raises(DataError, match="no column 'x'"):
        rows_of(model.spec, read_frame(data().drop(columns="x")), observed=False)
    with pytest.raises(DataError, match="column 'x' holds text"):
        rows_of(model.spec, read_frame(data(x="few")), observed=False)


@pytest.mark.integration
def test_ten_thousand_inputs():
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(40, 10_000)), columns=[f"v{k}" for k in range(10_000)])
    wide = wide.assign(y=wide.v3)
    model = bd.Model("y ~ net(., hidden=[8])", wide)
    assert len(json.dumps(model.spec.to_json())) < 2_000_000
    assert model.pymc["net(.)_w1_z"].type.shape == (10_000, 8)
    with pytest.raises(FormulaError, match=r"3,000,300 weights.*fewer inputs, such as leading principal components"):
        bd.Model("y ~ net(., hidden=[300])", wide)


def test_orthogonal_to_too_much():
    d = pd.concat([data()] * 12).assign(h=np.arange(360))
    with pytest.raises(FormulaError, match=r"orthogonal to 360 columns and groups, more than the 300.*orthogonal=True"):
        bd.Model("y ~ net(x, orthogonal='groups') + (1 | h)", d)
    assert "basis" in state_of(bd.Model("y ~ net(x) + (1 | h)", d))
