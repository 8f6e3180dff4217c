"""``cut()``: the intervals of R and pandas, least squares on their indicators, remembered for new rows."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.factors import factor_column, learn_factor
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.parser import parse
from bayesdeep.report.mathematics import equations

RNG = np.random.default_rng(12)
DATA = pd.DataFrame({"x": RNG.normal(size=90), "z": RNG.normal(size=90), "k": RNG.integers(1, 10, 90), "y": RNG.normal(size=90)})
DATA["g"] = RNG.choice(list("abc"), 90)
X = DATA["x"].to_numpy()


def factor(text, data=DATA):
    node = parse(f"y ~ {text}").predictor
    return factor_column(node, learn_factor(node, read_frame(data), "formula 'f'"), read_frame(data), "formula 'f'")


@pytest.mark.parametrize(
    ("text", "by_pandas"),
    [
        ("cut(x, 4)", pd.cut(X, 4)),
        ("cut(x, bins=7)", pd.cut(X, 7)),
        ("cut(k, [0, 3, 9])", pd.cut(DATA["k"], [0, 3, 9])),
        ("cut(k, breaks=[1, 3, 9], include_lowest=True)", pd.cut(DATA["k"], [1, 3, 9], include_lowest=True)),
        ("cut(k, [1, 3, 10], right=False)", pd.cut(DATA["k"], [1, 3, 10], right=False)),
        ("cut(x, [-inf, -0.5, 0.5, Inf])", pd.cut(X, [-np.inf, -0.5, 0.5, np.inf])),
        ("cut(I(2 * x), [-inf, 0, 9])", pd.cut(2 * X, [-np.inf, 0, 9])),
    ],
)
def test_the_intervals_are_those_of_pandas(text, by_pandas):
    made, codes = factor(text), np.asarray(getattr(by_pandas, "cat", by_pandas).codes)
    np.testing.assert_array_equal(made.values, codes)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cut(k, [0, 3, 9])", ("(0, 3]", "(3, 9]")),
        ("cut(k, [1, 3, 9], include_lowest=True)", ("[1, 3]", "(3, 9]")),
        ("cut(k, [1, 3.5, 10], right=False)", ("[1, 3.5)", "[3.5, 10)")),
        ("cut(k, [1, 3, 9], right=False, include_lowest=True)", ("[1, 3)", "[3, 9]")),
        ("cut(k, [-inf, 3, 12345678, inf])", ("(-inf, 3]", "(3, 12345678]")),
        ('cut(k, [0, 3, 9], labels=["low", "high"])', ("low", "high")),
        # R 4.2.2: levels(cut(1:9, 4)) are (0.992,3] (3,5] (5,7] (7,9.01].
        ("cut(k, 4)", ("(0.99, 3]", "(3, 5]", "(5, 7]", "(7, 9.01]")),
    ],
)
def test_labels_say_the_intervals(text, labels):
    assert factor(text).labels == labels


def test_labels_of_large_and_narrow_numbers_tell_breaks_apart():
    years = DATA.assign(x=np.linspace(1980, 2020, 90))
    assert factor("cut(x, 4)", years).labels == ("(1979.9, 1990]", "(1990, 2000]", "(2000, 2010]", "(2010, 2020.1]")
    for scale in (1e-9, 1e9):
        assert len(set(factor("cut(x, 8)", DATA.assign(x=scale * X)).labels)) == 8


def test_maximum_likelihood_is_least_squares_on_the_indicators():
    k, z = DATA["k"].to_numpy(), DATA["z"].to_numpy()
    inside = [(k <= 3).astype(float), ((k > 3) & (k <= 6)).astype(float), (k > 6).astype(float)]
    b, c = ((DATA["g"] == level).to_numpy(float) for level in "bc")
    one = np.ones(90)
    text = "cut(k, [0, 3, 6, 9])"
    for formula, columns in {
        f"y ~ {text}": [one, inside[1], inside[2]],
        f"y ~ 0 + {text}": inside,
        f"y ~ z + z:{text}": [one, z, z * inside[1], z * inside[2]],
        f"y ~ {text} * g": [one, *inside[1:], b, c, *(i * j for j in (b, c) for i in inside[1:])],
    }.items():
        expected, *_ = np.linalg.lstsq(np.column_stack(columns), DATA["y"].to_numpy(), rcond=None)
        found = bd.Model(formula, DATA).fit("ml").summary(round_to=12)["estimate"].drop("sigma")
        np.testing.assert_allclose(found.to_numpy(float), expected, atol=1e-7)


def test_breaks_are_remembered_for_new_rows(tmp_path):
    fit = bd.Model("y ~ cut(x, 4) + (0 + cut(z, [-inf, 0, inf]) | g)", DATA).fit(seed=1, draws=50)
    for term in fit.spec.predictors[0].terms:
        assert json.loads(json.dumps(term.state, allow_nan=False)) == term.state
    assert "cut(x, 4)" in equations(fit.spec)
    whole = fit.predict(DATA, kind="linear")
    pd.testing.assert_frame_equal(fit.predict(DATA.iloc[3:5], kind="linear"), whole.iloc[3:5])
    # The range of the training rows reaches 0.1 % beyond them.
    fit.predict({"x": [X.max() + 5e-4 * np.ptp(X)], "z": [99.0], "g": ["a"]})
    with pytest.raises(DataError, match=r"column 'x' has values outside of the intervals .* in 1 of 2 rows .*row 2: 99"):
        fit.predict({"x": [0.0, 99.0], "z": [0.0, 0.0], "g": ["a", "a"]})
    fit.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(bd.load(tmp_path / "fit.nc").predict(DATA, kind="linear"), whole)


def test_an_interval_without_training_rows_has_no_column_and_no_new_rows():
    model = bd.Model("y ~ cut(k, [0, 5, 9, 20, 30])", DATA)
    fit = model.fit(seed=1, draws=50)
    assert fit.idata.posterior["cut(k, [0, 5, 9, 20, 30])"].shape[2] == 1
    with pytest.raises(DataError, match="values between 9 and 20, where no row was that the model was fitted to"):
        fit.predict({"k": [3, 12]})


def test_it_is_an_input_of_a_network_and_its_column_stays_a_number():
    model = bd.Model("y ~ net(cut(k, 3), z, hidden=[3])", DATA)
    (inputs,) = (array for key, array in model.__dict__["_rows"].arrays.items() if key.endswith(".X"))
    assert inputs.shape[1] in (3, 4)
    from bayesdeep.effects.marginal_variables import variables_of

    assert variables_of(bd.Model("y ~ cut(x, 3)", DATA).spec, read_frame(DATA).columns)["x"].labels is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cut(x)", "it takes a column and breaks"),
        ("cut(x, 4, 5)", "it takes a column and breaks"),
        ("cut(x, 1)", "a number of intervals from 2 on"),
        ("cut(x, 2.5)", "a number of intervals from 2 on"),
        ("cut(x, [3])", r"cut\(x, \[-inf, 3, inf\]\)"),
        ("cut(x, [3, 1])", "breaks should increase, and these do not: 3, 1"),
        ("cut(x, ['a', 'b'])", "a list of numbers"),
        ("cut(g, 3)", "column 'g' holds labels"),
        ("cut(k, [1, 5, 9])", "include_lowest=True closes the interval at 1"),
        ("cut(x, [-1, 1])", "breaks from -inf to inf leave none out"),
        ("cut(x, [-9, 9])", "has only one level"),
        ("cut(k, [0, 3, 9], labels=['a'])", "a list of 2 quoted texts"),
        ("cut(k, [0, 3, 9], labels=['a', 'a'])", "names two intervals alike"),
        ("cut(x, 4, right=1)", "right=1 should be True or False"),
        ("cut(x, 4, dig=3)", "unknown option 'dig'"),
    ],
)
def test_what_cannot_be_cut_is_refused(text, said):
    with pytest.raises(FormulaError, match=said):
        bd.Model(f"y ~ {text}", DATA)


def test_rows_on_disk_are_not_cut(tmp_path):
    pytest.importorskip("pyarrow")
    DATA.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(FormulaError, match=r"cut\(\) has to see all rows"):
        bd.Model("y ~ cut(x, 4)", tmp_path / "rows.parquet")
