"""Comparisons and logic inside ``I()``: numbers 0 and 1, the same on other rows, and labels refused by name."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import BayesdeepError, DataError, FormulaError
from bayesdeep.design.factors import factor_column, learn_factor
from bayesdeep.design.frame import read_frame
from bayesdeep.design.responses import read_response
from bayesdeep.formula.parser import parse

RNG = np.random.default_rng(5)
ROWS = 120
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=ROWS),
        "x": RNG.normal(size=ROWS).round(1),
        "z": RNG.integers(0, 9, ROWS),
        "g": RNG.choice(["a", "b", "c"], ROWS),
        "h": RNG.choice(["b", "c", "d"], ROWS),
        "k": pd.Categorical(RNG.choice([1, 2, 30], ROWS)),
        "flag": RNG.random(ROWS) > 0.4,
    }
)
X, Z, G, H, K, FLAG = (DATA[name].to_numpy() for name in ("x", "z", "g", "h", "k", "flag"))
WRITTEN = {
    "I(x > 0)": X > 0,
    "I(x >= 0.5)": X >= 0.5,
    "I(x < z)": X < Z,
    "I(z <= 3)": Z <= 3,
    "I(z == 3)": Z == 3,
    "I(z != 3)": Z != 3,
    "I(-x > 2 * z - 6)": -X > 2 * Z - 6,
    'I(g == "c")': G == "c",
    'I("c" != g)': G != "c",
    "I(g == h)": G == H,
    "I(g != h)": G != H,
    "I(k == 30)": K == 30,
    'I(k == "30")': K == 30,
    "I((x > 0) & (z < 5))": (X > 0) & (Z < 5),
    "I(x > 0 | z < 5)": (X > 0) | (Z < 5),
    "I(x > 0 | z < 5 & flag)": (X > 0) | ((Z < 5) & FLAG),
    "I(~(x > 0))": X <= 0,
    "I(!x > 0)": X <= 0,
    "I(~flag)": ~FLAG,
    "I(flag == FALSE)": ~FLAG,
    'I((g == "a") | (g == "b"))': G != "c",
    "I((x > 0) * z + 1)": (X > 0) * Z + 1,
    "I(sqrt(I(z > 2) + 3))": np.sqrt((Z > 2) + 3),
}


def column_of(text, data, state=None):
    node, frame = parse(f"y ~ {text}").predictor, read_frame(data)
    state = learn_factor(node, frame, "formula 'f'") if state is None else state
    return state, factor_column(node, json.loads(json.dumps(state)), frame, "data").values


@pytest.mark.parametrize("text", WRITTEN)
def test_a_comparison_is_one_where_it_holds_and_zero_elsewhere(text):
    state, values = column_of(text, DATA)
    np.testing.assert_array_equal(values, WRITTEN[text].astype(float))
    # Few new rows, without some of the labels, say the same.
    np.testing.assert_array_equal(column_of(text, DATA[:3], state)[1], values[:3])


def test_a_label_that_is_new_is_not_the_one_that_was_asked_for():
    state, _ = column_of('I(g == "c")', DATA)
    np.testing.assert_array_equal(column_of('I(g == "c")', {"g": ["c", "never seen"]}, state)[1], [1, 0])


def test_labels_are_compared_by_what_they_read():
    state, _ = column_of("I(k == 30)", DATA)
    np.testing.assert_array_equal(column_of("I(k == 30)", {"k": ["30", "1"]}, state)[1], [1, 0])
    np.testing.assert_array_equal(column_of("I(k == 30)", {"k": [30, 1]}, state)[1], [1, 0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('I(g == "cc")', "column 'g' has no 'cc'; did you mean 'c'"),
        ("I(k != 3)", "column 'k' has no 3"),
        ('I(z == "3")', "column 'z' holds numbers, which no text equals; write I(z == 3)"),
        ('I(flag == "True")', "column 'flag' holds true and false, which no text equals; write I(flag)"),
        ('I(x + 1 == "a")', "a quoted text is compared with a column"),
        ("I(g == x + 1)", "labels are compared with a column, a text or a number"),
        ('I(g == "a" + 1)', "labels are compared with a column, a text or a number"),
        ("I(g > 1)", "column 'g' holds text, and this needs numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused_from_the_model_on(text, said):
    with pytest.raises(FormulaError) as caught:
        bd.Model(f"y ~ x + {text}", DATA)
    assert str(caught.value).startswith(f"formula 'y ~ x + {text}': ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("text", "sign"), [("I(x & z)", "&"), ("I(x | (z > 0))", "|"), ("I(~z)", "~")])
def test_logic_of_other_numbers_is_refused(text, sign):
    with pytest.raises(DataError, match=rf"data: .*: \{sign} "):
        bd.Model(f"y ~ {text}", DATA)


def test_missing_values_are_no_zeros():
    data = DATA.assign(g=DATA["g"].where(DATA["g"] != "a"))
    with pytest.raises(BayesdeepError, match="missing"):
        bd.Model('y ~ I(g == "c")', data)


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("I(x > 0) + z", [X > 0, Z]),
        ("I(z >= 3):x", [(Z >= 3) * X]),
        ("I(z >= 3)*x", [Z >= 3, X, (Z >= 3) * X]),
        ('I(g == "c"):I(x > 0)', [(G == "c") & (X > 0)]),
    ],
)
def test_maximum_likelihood_is_least_squares_on_the_design_by_hand(formula, columns):
    fit = bd.Model(f"y ~ {formula}", DATA).fit("ml")
    design = np.column_stack([np.ones(ROWS), *columns]).astype(float)
    expected, *_ = np.linalg.lstsq(design, DATA["y"].to_numpy(), rcond=None)
    found = fit.summary(round_to=12)["estimate"]
    np.testing.assert_allclose(found.drop("sigma").astype(float), expected, atol=1e-7)


def test_it_varies_by_group_and_goes_into_networks():
    model = bd.Model('y ~ (1 + I(x > 0) | h) + net(I(g == "c"), x, hidden=[2])', DATA)
    rows = model.__dict__["_rows"].arrays
    varying = next(key for key in rows if key.startswith("mu_group") and key.endswith(".X"))
    np.testing.assert_array_equal(rows[varying][:, 0], X > 0)
    name = next(key for key in rows if key.startswith("mu_net") and key.endswith(".X"))
    assert len(np.unique(rows[name][:, 0])) == 2
    assert np.corrcoef(rows[name][:, 0], G == "c")[0, 1] == pytest.approx(1)


def test_a_fit_with_comparisons_is_saved_and_predicts(tmp_path):
    fit = bd.Model('y ~ I(g == "c")*I(x > 0) + (I(x > 0 | z < 5) | h)', DATA).fit(seed=1, draws=50)
    fit.save(tmp_path / "fit.nc")
    new = DATA[:5].drop(columns="y")
    np.testing.assert_array_equal(bd.load(tmp_path / "fit.nc").predict(new)["mean"], fit.predict(new)["mean"])


def test_a_response_that_is_a_comparison_has_no_density_of_its_column():
    response = read_response(parse("I(x > 0) ~ z").response, read_frame(DATA), "formula")
    np.testing.assert_array_equal(response.value, X > 0)
    assert response.log_slope is None
    response = read_response(parse('I(g == "a") ~ z').response, read_frame(DATA), "formula")
    np.testing.assert_array_equal(response.value, G == "a")
    assert response.log_slope is None


def test_rows_on_disk_may_lack_a_label_in_some_blocks(tmp_path):
    data = DATA.sort_values("g")
    data[["y", "x", "g"]].to_csv(tmp_path / "rows.csv", index=False)
    text = 'y ~ x + I((g == "c") | (x > 1))'
    streamed, whole = bd.Model(text, str(tmp_path / "*.csv")), bd.Model(text, data)
    fits = [m.fit(seed=1, draws=100).summary(round_to=10)["mean"] for m in (streamed, whole)]
    np.testing.assert_allclose(*fits, atol=0.2)
