"""``g[A] ~ x``: which level counts as success, on the training rows, on new ones, in files and in what is printed."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.formula.parser import parse
from bayesdeep.report.mathematics import equations
from bayesdeep.sklearn import BayesClassifier

RNG = np.random.default_rng(11)
G = RNG.choice(list("ABC"), 90)
DATA = pd.DataFrame({"x": RNG.normal(size=90) + (G == "A"), "g": G, "k": RNG.integers(0, 2, 90)})
DATA["h"] = np.where(DATA["g"] == "A", "a b", "c")
DATA["b"] = DATA["k"] == 1
DATA["w"] = RNG.uniform(0.5, 2.0, 90)
DATA["score"] = DATA["k"] + 2
DATA["declared"] = pd.Categorical(DATA["h"], ["no row", "c", "a b"])


def estimates(formula, data=DATA):
    return bd.Model(formula, data, "bernoulli").fit("ml").summary(round_to=12)["estimate"].to_numpy()


@pytest.mark.parametrize(
    ("left", "column", "level", "levels"),
    [
        ("g[A]", "g", "A", ("not A", "A")),
        ("g['B']", "g", "B", ("not B", "B")),
        ('h["a b"]', "h", "a b", ("c", "a b")),
        ("h[`a b`]", "h", "a b", ("c", "a b")),
        ("h[c]", "h", "c", ("a b", "c")),
        ("k[1]", "k", 1, (0, 1)),
        ("k[0]", "k", 0, (1, 0)),
        ("b[False]", "b", False, (True, False)),
        ("score[3]", "score", 3, (2, 3)),
        ("declared[c]", "declared", "c", ("not c", "c")),
        ('success(g, level="A")', "g", "A", ("not A", "A")),
    ],
)
def test_it_is_the_model_of_zeros_and_ones_by_hand(left, column, level, levels):
    by_hand = DATA.assign(one=(DATA[column] == level).astype(int))
    np.testing.assert_allclose(estimates(f"{left} ~ x"), estimates("one ~ x", by_hand), atol=1e-8)
    spec = bd.Model(f"{left} ~ x", DATA, "bernoulli").spec
    assert spec.response.levels == levels
    assert f"success is {column} = {level}" in str(spec)
    assert any(f"1 is {column} = {level}" in line for line in equations(spec).split("\n"))
    weighted = estimates(f"weighted({left}, w) ~ x"), estimates("weighted(one, w) ~ x", by_hand)
    np.testing.assert_allclose(*weighted, atol=1e-8)


def test_a_minus_one_is_a_level():
    signs = DATA.assign(s=2 * DATA["k"] - 1)
    np.testing.assert_allclose(estimates("s[-1] ~ x", signs), estimates("k[0] ~ x"), atol=1e-9)


def test_new_rows_need_no_response_and_may_lack_the_level(tmp_path):
    fit = bd.Model("g[A] ~ x", DATA, "bernoulli").fit(seed=1, draws=100)
    table = fit.predict({"x": [0.0, 1.0]})
    pd.testing.assert_frame_equal(table, fit.predict({"x": [0.0, 1.0], "g": ["B", "never seen"]}))
    both, one = fit.log_score({"x": [0.0, 1.0], "g": ["A", "B"]}, pointwise=True), fit.log_score({"x": [1.0], "g": ["B"]})
    np.testing.assert_allclose(np.exp(np.asarray(both)), [table["mean"][0], 1 - table["mean"][1]], atol=1e-9)
    np.testing.assert_allclose(np.asarray(both)[1], one)
    declared = pd.DataFrame({"x": [1.0], "g": pd.Categorical(["B"], ["A", "B", "other"])})
    np.testing.assert_allclose(fit.log_score(declared), one)
    with pytest.raises(DataError, match="column 'g' has level 'a' that the model was not fitted to"):
        fit.log_score({"x": [0.0], "g": ["a"]})
    fit.save(tmp_path / "fit.nc")
    again = bd.load(tmp_path / "fit.nc")
    assert again.spec == fit.spec
    np.testing.assert_allclose(again.log_score({"x": [0.0, 1.0], "g": ["A", "B"]}), np.mean(np.asarray(both)))


def test_a_card_has_it(tmp_path):
    DATA.to_csv(tmp_path / "rows.csv", index=False)
    text = 'formula = "h[\\"a b\\"] ~ x"\ndata = "rows.csv"\nfamily = "bernoulli"\n'
    (tmp_path / "card.toml").write_text('title = "t"\n' + text)
    model = bd.Model.from_card(tmp_path / "card.toml")
    assert "success is h = a b" in str(model.spec)


@pytest.mark.parametrize("family", [name for name in FAMILIES if "two_levels" not in FAMILIES[name].words])
def test_families_without_a_success_refuse_it(family):
    with pytest.raises(DataError, match=r"has no success.*take family='bernoulli'"):
        bd.Model("g[A] ~ x", DATA, family)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ("g[a]", "g\\[a\\]: column 'g' has no level 'a'"),
        ("h[a]", "column 'h' has no level 'a'; there are: a b, c"),
        ("h[`a  b`]", "column 'h' has no level 'a  b'; did you mean 'a b'"),
        ("k[2]", "column 'k' has no level 2; there are: 0, 1"),
        ("x[1]", "holds 90 different numbers, which are no levels"),
        ("g[]", "expected the level that counts as success"),
        ("g[A, B]", "expected '\\]'"),
        ("log(x)[1]", "no indexing; g\\[A\\] names the level"),
        ("g[A][B]", "no indexing"),
        ("prop(g[A], w)", "cannot be used here"),
        ("success(g)", "takes a column and the level"),
        ('success(g, "A")', "quoted text"),
    ],
)
def test_what_is_no_level_is_refused(left, said):
    with pytest.raises(FormulaError, match=said):
        bd.Model(f"{left} ~ score", DATA, "bernoulli")


def test_the_advice_for_numbers_is_a_model():
    by_hand = DATA.assign(one=(DATA["x"] > 0.3).astype(int))
    np.testing.assert_allclose(estimates("I(x > 0.3) ~ k"), estimates("one ~ k", by_hand), atol=1e-9)


def test_right_of_the_tilde_nothing_is_indexed():
    with pytest.raises(FormulaError, match='no indexing; rows with one level are I\\(g == "a"\\)'):
        parse("k ~ g[A]")
    with pytest.raises(FormulaError, match="'g' is part of the response"):
        bd.Model("g[A] ~ x + g", DATA, "bernoulli")


def test_classifiers_need_none():
    with pytest.raises(FormulaError, match="all classes' probabilities are predicted"):
        BayesClassifier("g[A] ~ x").fit(DATA[["x"]], DATA["g"])
