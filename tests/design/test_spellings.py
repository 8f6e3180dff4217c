"""Other names for what the language has: R's and NumPy's spellings make the same columns, the same on new rows."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.arithmetic import FUNCTIONS
from bayesdeep.design.frame import read_frame
from bayesdeep.design.response_slope import log_slope
from bayesdeep.formula.parser import parse
from bayesdeep.formula.vocabulary import ASIS, ELEMENTWISE, OF_SEVERAL

RNG = np.random.default_rng(6)
DATA = pd.DataFrame({"y": RNG.normal(size=60), "u": RNG.uniform(0.1, 0.9, 60), "k": RNG.integers(1, 4, 60)})
DATA["g"] = np.array(list("abc"))[DATA["k"] - 1]
BY_HAND = {
    "log1p": lambda u: np.log(1 + u),
    "expm1": lambda u: np.exp(u) - 1,
    "log2": lambda u: np.log(u) / np.log(2),
    "log10": lambda u: np.log(u) / np.log(10),
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "logit": lambda u: np.log(u / (1 - u)),
    "expit": lambda u: 1 / (1 + np.exp(-u)),
}


def estimates(formula, data=DATA, **options):
    found = bd.Model(formula, data, **options).fit("ml").summary(round_to=12)["estimate"]
    return found.drop("sigma", errors="ignore").to_numpy(float)


@pytest.mark.parametrize("name", sorted(ELEMENTWISE - {"floor", "ceil", "round", "sign"}))
@pytest.mark.parametrize("prefix", ["", "np.", "numpy."])
def test_a_function_of_one_number_is_the_column_by_hand(name, prefix):
    column = BY_HAND.get(name, getattr(np, name, None))(DATA["u"].to_numpy())
    design = np.column_stack([np.ones(60), column])
    expected, *_ = np.linalg.lstsq(design, DATA["y"].to_numpy(), rcond=None)
    np.testing.assert_allclose(estimates(f"y ~ {prefix}{name}(u)"), expected, atol=1e-7)


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "sign"])
def test_steps(name):
    column = getattr(np, name)(3 * DATA["u"].to_numpy() - 1.5)
    expected, *_ = np.linalg.lstsq(np.column_stack([np.ones(60), column]), DATA["y"].to_numpy(), rcond=None)
    np.testing.assert_allclose(estimates(f"y ~ {name}(3 * u - 1.5)"), expected, atol=1e-7)


def test_the_language_and_the_arithmetic_know_the_same_functions():
    assert set(FUNCTIONS) == ELEMENTWISE | OF_SEVERAL | {ASIS}


@pytest.mark.parametrize(
    ("text", "by_hand"),
    [
        ("pmin(u, 0.5)", lambda u, k: np.minimum(u, 0.5)),
        ("pmax(2 * u, k - 1)", lambda u, k: np.maximum(2 * u, k - 1)),
        ("np.minimum(u, 0.5)", lambda u, k: np.minimum(u, 0.5)),
        ("np.maximum(k, 2)", lambda u, k: np.maximum(k, 2)),
        ("pmin(k, 2, 4 * u)", lambda u, k: np.min([k, 2 + 0 * k, 4 * u], axis=0)),
        ("pmax(pmin(k, 2), 1.5)", lambda u, k: np.clip(k, 1.5, 2)),
        ("I(pmax(u - 0.5, 0)**2)", lambda u, k: np.where(u > 0.5, (u - 0.5) ** 2, 0)),
        ("log(pmax(u, 0.2))", lambda u, k: np.log(np.where(u < 0.2, 0.2, u))),
        ("pmin(scale(u), 0)", lambda u, k: np.minimum((u - u.mean()) / u.std(ddof=1), 0)),
    ],
)
def test_the_smallest_and_the_largest_of_each_row(text, by_hand):
    column = by_hand(DATA["u"].to_numpy(), DATA["k"].to_numpy())
    design = np.column_stack([np.ones(60), column])
    expected, *_ = np.linalg.lstsq(design, DATA["y"].to_numpy(), rcond=None)
    np.testing.assert_allclose(estimates(f"y ~ {text}"), expected, atol=1e-7)
    pair = bd.Model(f"y ~ {text} + {text}:g", DATA).fit(seed=1, draws=20)
    pd.testing.assert_series_equal(pair.predict(DATA.iloc[:2], kind="mean")["mean"], pair.predict(DATA, kind="mean")["mean"][:2])


def test_a_response_cut_off_has_a_density_where_nothing_is_cut_off():
    frame = read_frame(DATA.assign(y=DATA["y"] + 9))
    for text, slope in (("pmin(y, 99)", 0.0), ("pmax(3 * y, 1)", np.log(3)), ("pmin(y, 9)", None), ("pmax(y, y / 2)", 0.0)):
        found = log_slope(parse(f"{text} ~ x").response, frame)
        np.testing.assert_allclose(found, slope) if slope is not None else None
        assert (found is None) == (slope is None)


@pytest.mark.parametrize("text", ["pmin(u)", "pmax()", "pmin(u, g)", "pmin(u, 3, na_rm=1)", "pmin(3, 4)", "np.min(u)"])
def test_what_has_no_smallest_is_refused(text):
    with pytest.raises(FormulaError):
        bd.Model(f"y ~ {text}", DATA)


def test_numpy_s_names_are_those_functions_and_nothing_else():
    assert parse("y ~ np.log(x)").predictor == parse("y ~ log(x)").predictor
    assert parse("y ~ np.arctan(x)").predictor == parse("y ~ atan(x)").predictor
    assert parse("y ~ np.log(x)").predictor.source == "np.log(x)"
    for text in ("np.load(x)", "np.linalg.norm(x)", "np.C(g)", "np.log", "os.log(x)", "np.__class__(x)"):
        with pytest.raises(FormulaError, match="no attribute access"):
            parse(f"y ~ {text}")


@pytest.mark.parametrize("name", ["log1p", "log2", "log10", "logit", "acos"])
def test_outside_of_what_it_takes_it_says_what_that_is(name):
    with pytest.raises(DataError, match=f"{name} takes values"):
        bd.Model(f"y ~ {name}(u)", DATA.assign(u=-1.5))


def test_other_names_of_categories_are_least_squares_on_their_indicators():
    indicators = [(DATA["k"] == level).to_numpy(float) for level in (1, 2, 3)]
    for text, kept in {
        "factor(k)": (1, 2),
        "as.factor(k)": (1, 2),
        "C(k)": (1, 2),
        'relevel(g, ref="b")': (0, 2),
        'relevel(g, "c")': (0, 1),
        "relevel(k, ref=2)": (0, 2),
    }.items():
        design = np.column_stack([np.ones(60), *(indicators[i] for i in kept)])
        expected, *_ = np.linalg.lstsq(design, DATA["y"].to_numpy(), rcond=None)
        np.testing.assert_allclose(estimates(f"y ~ {text}"), expected, atol=1e-7)


@pytest.mark.parametrize("text", ["factor(g)", "as.factor(g)", 'relevel(g, ref="b")'])
def test_a_new_level_is_refused_by_name(text):
    fit = bd.Model(f"y ~ {text}", DATA).fit(seed=1, draws=20)
    with pytest.raises(DataError, match="column 'g' has level 'd' that the model was not fitted to"):
        fit.predict({"g": ["a", "d"]})
    with pytest.raises(FormulaError, match="relevel"):
        bd.Model("y ~ relevel(g)", DATA)
    with pytest.raises(FormulaError, match="'z' is not a level of 'g'"):
        bd.Model('y ~ relevel(g, ref="z")', DATA)


@pytest.mark.parametrize("name", ["p", "proportion"])
def test_other_names_of_prop(name):
    data = DATA.assign(n=DATA["k"] + 3)
    for trials in ("n", "62"):
        found = estimates(f"{name}(k, {trials}) ~ u", data, family="binomial")
        np.testing.assert_allclose(found, estimates(f"prop(k, {trials}) ~ u", data, family="binomial"), atol=1e-9)
