"""Shares of functions that are known, of noise, and of fits to simulated data; terms that a formula lacks."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.effects.anova import MOST_INPUTS, Anova, analyse
from bayesdeep.effects.candidate_terms import SURFACE, candidates, straight_lines, together
from bayesdeep.effects.input_function import Input, predictor_of
from bayesdeep.effects.squares import Share, share_of, squares
from bayesdeep.effects.suggest import _written_out
from bayesdeep.formula.expand import expand
from bayesdeep.formula.parser import parse

NONE = Share(0.0, 0.0, 0.0)


def data(rows: int = 100, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.uniform(-1, 1, size=(rows, 3)), columns=["x1", "x2", "x3"])
    frame["c"] = np.array(["u", "v", "w"])[rng.integers(0, 3, rows)]
    frame["g"] = rng.integers(0, 6, rows)
    frame["y"] = rng.normal(size=rows)
    return frame


def table(shares: pd.DataFrame) -> pd.DataFrame:
    return shares.set_index("term")


# The decomposition of known functions.


@pytest.mark.integration
def test_an_additive_function_is_decomposed_exactly(made_up):
    frame = data()
    effects = np.array([-1.0, 0.5, 0.2, 0.0, 0.6, -0.3])
    values = {"x1": 1.5, "x2": -0.7, "c": np.array([0.8, -0.4]), "1|g": effects}
    found = bd.explain(made_up(bd.Model("y ~ x1 + x2 + c + (1 | g)", frame), values=values))
    assert (found.interactions["upper"] == 0).all()
    level = {"u": 0.0, "v": 0.8, "w": -0.4}
    parts = {"x1": 1.5 * frame["x1"], "x2": -0.7 * frame["x2"], "c": frame["c"].map(level), "g": effects[frame["g"]]}
    variances = {name: np.var(part) for name, part in parts.items()}
    main = table(found.main_effects)
    for name, variance in variances.items():
        expected = variance / sum(variances.values())
        assert main.loc[name].to_numpy() == pytest.approx(np.full(3, expected), rel=1e-9)
    assert found.variance == pytest.approx(sum(variances.values()), rel=1e-9)
    assert list(main["share"]) == sorted(main["share"], reverse=True)
    assert (found.curvature["upper"] < 1e-12).all()


def test_a_product_of_independent_inputs(made_up):
    frame = data(128)
    frame["x1"], frame["x2"] = np.sign(frame["x1"]), frame["x2"] + 2.0
    values = {"x1": 0.3, "x2": 0.5, "x1:x2": 0.8, "x3": 0.0}
    found = bd.explain(made_up(bd.Model("y ~ x1 * x2 + x3", frame), values=values))
    means, variances = frame[["x1", "x2"]].mean(), frame[["x1", "x2"]].var(ddof=0)
    parts = {
        "x1": (0.3 + 0.8 * means["x2"]) ** 2 * variances["x1"],
        "x2": (0.5 + 0.8 * means["x1"]) ** 2 * variances["x2"],
        "x1:x2": 0.64 * variances["x1"] * variances["x2"],
    }
    both = pd.concat([table(found.main_effects), table(found.interactions)])
    for name, part in parts.items():
        # Of the interaction: 1,024 products whose squares have a relative standard deviation of about 1.7. Of a small main
        # effect: 64 rows of background, of which the interaction leaves a part of a sixteenth.
        assert both.loc[name, "share"] == pytest.approx(part / sum(parts.values()), rel=0.2)
    assert both.loc[["x3", "x1:x3", "x2:x3"]].to_numpy().max() == 0
    assert found.interactions["term"][0] == "x1:x2"


def test_levels_and_slopes_that_differ_by_group(made_up):
    slopes = np.array([-1.0, 1.0, 0.5, -0.5, 0.8, -0.8])
    values = {"x1": 1.0, "c": np.array([0.0, 0.0]), "x1:c": np.array([0.0, 0.0]), "x2|g": slopes, "1|g": 0.0}
    fit = made_up(bd.Model("y ~ x1 * c + (1 + x2 | g)", data()), values=values)
    found = bd.explain(fit)
    pairs = table(found.interactions)["share"]
    assert pairs["x2:g"] > 0.1
    assert pairs.drop("x2:g").max() < 1e-12
    values |= {"x2|g": 0.0, "x1:c": np.array([0.0, 2.0])}
    found = bd.explain(made_up(bd.Model("y ~ x1 * c + (1 + x2 | g)", data()), values=values))
    assert found.interactions["term"][0] == "x1:c"
    assert table(found.interactions).drop("x1:c")["upper"].max() < 1e-12


def test_neither_order_nor_units_matter(made_up):
    frame = data()
    values = {"x1": 0.4, "x2": np.linspace(0.5, 0.9, 40), "x3": -0.6, "x1:x2": np.linspace(0.2, 0.5, 40)}
    one = bd.explain(made_up(bd.Model("y ~ x1 * x2 + x3", frame), values=values))
    renamed = {"x2:x1" if k == "x1:x2" else k: v for k, v in values.items()}
    other = bd.explain(made_up(bd.Model("y ~ x3 + x2 * x1", frame), values=renamed))
    pd.testing.assert_frame_equal(one.main_effects, other.main_effects)
    assert other.interactions["share"].to_numpy() == pytest.approx(one.interactions["share"].to_numpy(), rel=1e-9, abs=1e-15)
    # The same function of exp(x1), which is in other units.
    grown = {k.replace("x1", "log(z)"): v for k, v in values.items()}
    third = bd.explain(made_up(bd.Model("y ~ log(z) * x2 + x3", frame.assign(z=np.exp(frame["x1"]))), values=grown), seed=0)
    assert table(third.main_effects).loc["x3"].to_numpy() == pytest.approx(table(one.main_effects).loc["x3"].to_numpy(), rel=0.1)
    assert third.main_effects["term"].str.replace("z", "x1").tolist() == one.main_effects["term"].tolist()


def test_curvature(made_up):
    frame = data(128)
    found = bd.explain(made_up(bd.Model("y ~ I(x1**2) + x2", frame), values={"I(x1**2)": 1.0, "x2": 1.0}))
    bent = np.square(frame["x1"])
    left = np.var(bent - np.polyval(np.polyfit(frame["x1"], bent, 1), frame["x1"]))
    expected = left / (np.var(bent) + np.var(frame["x2"]))
    curved = table(found.curvature)["share"]
    assert curved["x1"] == pytest.approx(expected, rel=1e-9)
    assert curved["x2"] < 1e-12


def test_several_predictors_at_once(made_up):
    found = bd.explain(made_up(bd.Model("c ~ x1 + x2", data(), "categorical"), values={"x1": np.array([1.0, -0.5]), "x2": 0.0}))
    main = table(found.main_effects)["share"]
    assert main["x2"] < 1e-12
    assert main["x1"] == pytest.approx(1.0)


# Draws: noise against knowledge.


@pytest.mark.parametrize("dims", [1, 20])
def test_noise_has_shares_that_reach_zero_and_knowledge_has_not(dims):
    rng = np.random.default_rng(0)
    whole = squares(np.full((300, 2, 1), 2.0) * np.sqrt(dims))
    away = 0
    for _ in range(200):
        # A posterior about an estimate that is off by as much as the posterior is wide; the truth is 0.
        noise = 0.2 * (rng.normal(size=(300, 1, dims)) + rng.normal(size=dims))
        found = share_of(squares(np.repeat(noise, 2, axis=1)), whole)
        away += found.lower > 0
        assert 0 <= found.lower <= found.share <= found.upper
    # The estimate stands out of its error by 3.6 standard deviations once in 3,000 times.
    assert away <= 3
    known = 1.0 + 0.1 * rng.normal(size=(300, 1, dims))
    found = share_of(squares(np.repeat(known, 2, axis=1)), whole)
    assert found.lower > 0.5 * found.share
    assert found.share == pytest.approx(0.25, rel=0.05)


def test_squares_leave_out_a_draw_and_a_background_with_itself():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(5, 3, 4))
    found = squares(parts)
    b = np.einsum("akp,blp->abkl", parts, parts)
    apart = ~np.eye(3, dtype=bool)
    assert found.own == pytest.approx([b[a, a][apart].mean() for a in range(5)])
    expected = [np.mean([b[a, c][apart].mean() for c in range(5) if c != a]) for a in range(5)]
    assert found.cross == pytest.approx(expected)


@pytest.mark.slow
def test_intervals_hold_a_known_share(made_up):
    """Posteriors that are normal about an estimate: the interval holds the truth about as often as it says."""
    frame, inside = data(60), 0
    variances = frame[["x1", "x2"]].var(ddof=0)
    truth = 0.36 * variances["x1"] / (0.36 * variances["x1"] + variances["x2"])
    model, rng = bd.Model("y ~ x1 + x2", frame), np.random.default_rng(5)
    for _ in range(30):
        values = {k: b + 0.15 * (rng.normal() + rng.normal(size=40)) for k, b in (("x1", 0.6), ("x2", 1.0))}
        share = table(bd.explain(made_up(model, values=values)).main_effects).loc["x1"]
        inside += share["lower"] <= truth <= share["upper"]
    # Binomial(30, 0.9): fewer than 22 in 2 of 1,000 cases.
    assert inside >= 22


@pytest.mark.integration
def test_intervals_hold_the_monte_carlo_error(made_up):
    """Where the posterior is a point the interval is Monte Carlo error alone, and holds the share of all combinations."""
    frame = data(40)
    values = {"x1": 0.3, "x2": 1.0, "x3": 0.2, "x1:x2": 1.0, "x1:x3": -0.5, "x2:x3": 0.4}
    fit = made_up(bd.Model("y ~ (x1 + x2 + x3) ** 2", frame), draws=15, values=values)
    a, b, c = np.meshgrid(frame["x1"], frame["x2"], frame["x3"], indexing="ij")
    whole = 0.3 * a + b + 0.2 * c + a * b - 0.5 * a * c + 0.4 * b * c
    middle = whole - whole.mean()
    curves = {f"x{k + 1}": middle.mean(axis=tuple({0, 1, 2} - {k}), keepdims=True) for k in range(3)}
    truth = {name: (curve**2).mean() / (middle**2).mean() for name, curve in curves.items()}
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = middle.mean(axis=3 - i - j, keepdims=True) - curves[f"x{i + 1}"] - curves[f"x{j + 1}"]
        truth[f"x{i + 1}:x{j + 1}"] = (both**2).mean() / (middle**2).mean()
    inside, apart, seeds = 0, [], 12
    for seed in range(seeds):
        found = bd.explain(fit, seed=seed)
        both = pd.concat([table(found.main_effects), table(found.interactions)])
        assert ((both["lower"] < both["share"]) & (both["share"] < both["upper"])).all()
        inside += sum(both.loc[name, "lower"] <= share <= both.loc[name, "upper"] for name, share in truth.items())
        apart.append(both["share"])
    # Of 72 intervals, six of a sample together: fewer than 55 at 90 % would be 4 standard deviations if they were apart.
    assert inside >= 55
    assert pd.concat(apart, axis=1).std(axis=1).max() > 0.005


def test_what_is_known_among_much_that_is_not_lies_inside_its_interval(made_up):
    """One large effect that is known, six that are noise: the share of the first counts their noise, and so does its bound."""
    rng, frame = np.random.default_rng(8), data(100)
    extra = [f"z{k}" for k in range(6)]
    frame[extra] = rng.uniform(-1, 1, (100, 6))
    values = {name: 0.25 * (rng.normal(size=40) + rng.normal()) for name in extra} | {"x1": 1.0 + 0.01 * rng.normal(size=40)}
    share = table(bd.explain(made_up(bd.Model(f"y ~ x1 + {' + '.join(extra)}", frame), values=values)).main_effects).loc["x1"]
    assert share["lower"] < share["share"] - 0.01
    assert share["upper"] > share["share"] + 0.01


def test_dependent_inputs_are_told(made_up):
    """Of ``b (x1 - x2)`` with a correlation of r the variance on the rows is 1 - r of that with independent inputs."""
    rng = np.random.default_rng(2)
    for r, said in ((0.98, True), (0.0, False), (-0.98, True)):
        frame = data(128)
        frame["x1"] = rng.normal(size=128)
        frame["x2"] = r * frame["x1"] + np.sqrt(1 - r**2) * rng.normal(size=128)
        found = bd.explain(made_up(bd.Model("y ~ x1 + x2", frame), values={"x1": 1.0, "x2": -1.0}))
        assert found.variance == pytest.approx(frame[["x1", "x2"]].var(ddof=0).sum(), rel=1e-9)
        assert found.variance_on_rows == pytest.approx((frame["x1"] - frame["x2"]).var(ddof=0), rel=1e-9)
        assert any("depend on each other" in note for note in found.notes) is said
        assert ("do not occur" in repr(found)) is said
        assert f"{found.variance_on_rows:.3g} on the rows" in repr(found)


def test_a_point_has_no_interval(made_up):
    found = bd.explain(made_up(bd.Model("y ~ x1 * x2", data()), draws=1, chains=1))
    assert found.main_effects["share"].sum() > 0
    assert found.main_effects[["lower", "upper"]].isna().all(axis=None)
    assert "no intervals" in found.notes[0]
    found.plot()


def test_one_input_has_no_interactions(made_up):
    found = bd.explain(made_up(bd.Model("y ~ x1", data()), values={"x1": 2.0}))
    assert found.main_effects.to_numpy()[:, 1:].astype(float) == pytest.approx(np.ones((1, 3)))
    assert list(found.interactions.columns) == ["term", "share", "lower", "upper"]
    assert not len(found.interactions)
    assert len(found.plot().axes) == 1
    assert "(none)" in repr(found)


def test_a_function_that_does_not_vary(made_up):
    found = bd.explain(made_up(bd.Model("y ~ x1 + x2", data()), values={"x1": 0.0, "x2": 0.0}))
    assert (found.main_effects["share"] == 0).all()
    assert "does not vary" in found.notes[0]


# Inputs.


def inputs(formula: str, made_up) -> dict[str, str]:
    frame = data().assign(a=data()["g"] // 2, b=data()["g"], yes=data()["x1"] > 0)
    found = predictor_of(made_up(bd.Model(formula, frame), draws=2), "explain", 10).inputs
    return {i.name: i.kind for i in found}


def test_inputs(made_up):
    assert inputs("y ~ (1 | g) + log(I(x1 + 3)) * c", made_up) == {"x1": "number", "c": "category", "g": "group"}
    assert inputs("y ~ C(b) + yes + (1 | a)", made_up) == {"b": "category", "yes": "number", "a": "group"}
    assert inputs("y ~ x1 + (x2 | a/b)", made_up) == {"x1": "number", "x2": "number", "a:b": "group"}
    assert inputs("y ~ net(x1, embed(g, 2), hidden=[2])", made_up) == {"x1": "number", "g": "category"}


def test_many_inputs_are_screened(made_up):
    names = [f"z{i:02d}" for i in range(MOST_INPUTS + 3)]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (60, len(names))), columns=names).assign(y=rng.normal(size=60))
    values = dict.fromkeys(names, 0.5) | {"z16:z17": 1.0}
    model = bd.Model(f"y ~ {' + '.join(names)} + z16:z17", frame)
    found = bd.explain(made_up(model, draws=2, values=values))
    assert len(found.interactions) == MOST_INPUTS * (MOST_INPUTS - 1) // 2
    assert found.interactions["term"][0] == "z16:z17"
    assert "were not looked at" in found.notes[-1]


def test_loaded_fits_and_fits_without_columns(made_up, tmp_path):
    frame = data()
    fit = bd.Model("y ~ x1 * c", frame).fit(draws=50, tune=100, chains=2, seed=1, progress=False)
    before = bd.explain(fit)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(before.interactions, bd.explain(again).interactions)
    again.rows.columns.clear()
    with pytest.raises(FitError, match=r"pass the data it was fitted to as data="):
        bd.explain(again)
    pd.testing.assert_frame_equal(before.interactions, bd.explain(again, data=frame).interactions)


def test_what_cannot_be_explained(made_up):
    with pytest.raises(FitError, match="the predictor is a constant"):
        bd.explain(made_up(bd.Model("y ~ 1", data())))
    with pytest.raises(FitError, match="explain: fit is Model, not a fit"):
        bd.explain(bd.Model("y ~ x1", data()))
    one = made_up(bd.Model("y ~ x1", data()))
    for other, match in (
        (made_up(bd.Model("x2 ~ x1", data())), "models 'y', the one it is held against 'x2'"),
        (made_up(bd.Model("y ~ x1", data().head(50))), "has 100 rows, the one it is held against 50"),
        (made_up(bd.Model("y ~ x1", data().iloc[::-1])), "rows in another order"),
    ):
        with pytest.raises(FitError, match=match):
            bd.explain(one, other)


# Terms.


def node(text: str):
    return expand(parse(text), ())


def found(main=None, curved=None, pairs=None, bilinear=None) -> Anova:
    return Anova(main or {}, curved or {}, pairs or {}, bilinear or {}, 1.0, 1.0, ())


INPUTS = (
    Input("x1", ("x1",), "number"),
    Input("the x", ("the x",), "number"),
    Input("c", ("c",), "category"),
    Input("g", ("g",), "group"),
    Input("a:b", ("a", "b"), "group"),
)
CLEAR = Share(0.3, 0.2, 0.4)


@pytest.mark.parametrize(
    ("pair", "formula", "expected"),
    [
        (("x1", "the x"), "y ~ x1 + `the x`", "x1:`the x`"),
        (("x1", "the x"), "y ~ x1", "x1*`the x`"),
        (("x1", "c"), "y ~ c + x1", "x1:c"),
        (("x1", "g"), "y ~ x1 + (1 | g)", "(0 + x1 | g)"),
        (("x1", "g"), "y ~ x1", "(1 + x1 | g)"),
        (("c", "a:b"), "y ~ c + (1 | a:b)", "(0 + c | a:b)"),
        (("g", "a:b"), "y ~ (1 | g) + (1 | a/b)", "(1 | g:a:b)"),
        (("x1", "c"), "y ~ c * x1", None),
        (("x1", "g"), "y ~ x1 + (x1 | g)", None),
    ],
)
def test_terms_for_pairs(pair, formula, expected):
    texts = candidates(INPUTS, found(pairs={pair: CLEAR}), node(formula), 5)
    assert texts == (() if expected is None else (expected,))


def test_terms_for_main_effects():
    formula = node("y ~ c + (1 | g)")
    for curve, values, expected in ((NONE, 50, "x1"), (CLEAR, 50, "s(x1)"), (CLEAR, 6, "s(x1, k=6)"), (CLEAR, 3, "poly(x1, 2)")):
        shares = found(main={"x1": CLEAR}, curved={"x1": curve})
        assert candidates(INPUTS, shares, formula, 5, {"x1": values}) == (expected,)
    assert candidates(INPUTS, found(main={"a:b": CLEAR}), formula, 5) == ("(1 | a:b)",)
    assert candidates(INPUTS, found(main={"g": CLEAR, "c": CLEAR}), formula, 5) == ()
    bent = found(main={"x1": CLEAR}, curved={"x1": CLEAR})
    assert candidates(INPUTS, bent, node("y ~ bs(x1, df=5)"), 5) == ()


def test_interactions_that_are_no_products_are_tried_as_surfaces_too():
    pair = ("x1", "the x")
    both = Input("the x", ("the x",), "number")
    inputs, formula = (INPUTS[0], both), node("y ~ x1 + `the x`")
    surface = f"{SURFACE}(x1, `the x`)"
    for bilinear, values, text, expected in (
        (0.99, 50, "y ~ x1 + `the x`", ("x1:`the x`",)),
        (0.3, 50, "y ~ x1 + `the x`", ("x1:`the x`", surface)),
        (0.3, 5, "y ~ x1 + `the x`", ("x1:`the x`",)),
        (0.3, 50, "y ~ `the x` + s(x1)", ("x1:`the x`",)),
    ):
        formula, shares = node(text), found(pairs={pair: CLEAR}, bilinear={pair: bilinear})
        assert candidates(inputs, shares, formula, 5, {"x1": values}) == expected
    undecided = found(pairs={pair: Share(0.1, 0.0, 0.5)}, bilinear={pair: 0.1})
    assert candidates(inputs, undecided, formula, 5) == ("x1:`the x`",)


def test_a_smooth_stands_in_the_place_of_lines_and_of_what_is_part_of_it():
    terms = ("s(x1)", "x1:x2", "s(x1, x2)", "(0 + x1 | g)", "x3", "s(x3, k=5)")
    assert straight_lines(terms) == ("x1", "x2", "x3")
    assert together(terms) == ("s(x1, x2)", "(0 + x1 | g)", "x3", "s(x3, k=5)")


def test_how_much_of_an_interaction_is_a_product(made_up):
    frame = data(128)
    product = made_up(bd.Model("y ~ x1 * x2", frame), values={"x1:x2": 0.8, "x1": 0.1, "x2": 0.2})
    whole = analyse(predictor_of(product, "explain", 40), 0)
    assert whole.bilinear["x1", "x2"] == pytest.approx(1.0)
    other = made_up(bd.Model("y ~ I(sin(4 * x1) * cos(5 * x2)) + x3", frame), values={"I(sin(4 * x1) * cos(5 * x2))": 1.0})
    assert analyse(predictor_of(other, "explain", 40), 0).bilinear["x1", "x2"] < 0.3


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*Pareto k-hat:UserWarning")
def test_curves_and_surfaces_are_suggested_and_scored():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.uniform(-2, 2, size=(300, 3)), columns=["x1", "x2", "x3"])
    frame["y"] = np.sin(2 * frame["x3"]) + np.sin(1.5 * frame["x1"] * frame["x2"]) + 0.4 * rng.normal(size=300)
    options = {"draws": 200, "seed": 1, "progress": False}
    rich = bd.Model("y ~ s(x1, x2, k=60) + s(x3)", frame).fit(**options)
    plain = bd.Model("y ~ x1 + x2 + x3", frame, priors={"x3": "Normal(0, 1)"}).fit(**options)
    suggested = bd.explain(rich, plain, progress=False).suggestions.set_index("term")
    surface = f"{SURFACE}(x1, x2)"
    assert {"s(x3)", surface, "x1:x2", "all of these"} <= set(suggested.index)
    assert suggested.loc[surface, "change"] > suggested.loc["x1:x2", "change"]
    by_hand = bd.Model("y ~ x1 + x2 + s(x3)", frame).fit(**options).loo().elpd - plain.loo().elpd
    assert suggested.loc["s(x3)", "change"] == pytest.approx(by_hand / 300, abs=0.03)
    assert suggested.loc["all of these", "change"] > suggested["change"].drop("all of these").max()


def test_the_largest_come_first_and_few_that_are_undecided():
    sizes = {("x1", "c"): 0.02, ("x1", "g"): 0.05, ("c", "g"): 0.03}
    pairs = {pair: Share(size, 0.0, 0.5) for pair, size in sizes.items()}
    assert candidates(INPUTS, found(pairs=pairs), node("y ~ x1 + c + (1 | g)"), 5) == ("(0 + x1 | g)", "(0 + c | g)")
    assert candidates(INPUTS, found(pairs=pairs), node("y ~ x1 + c + (1 | g)"), 1) == ("(0 + x1 | g)",)


def test_a_product_is_not_credited_with_a_main_effect():
    undecided = found(pairs={("x1", "c"): Share(0.1, 0.0, 0.5)})
    assert candidates(INPUTS, undecided, node("y ~ c"), 5) == ()


def test_a_dot_is_written_out():
    assert _written_out("y ~ . + (. | g) + net(., hidden=[2]) + I(x / 0.5)", ("a", "the b")) == (
        "y ~ (a + `the b`) + ((a + `the b`) | g) + net(a, `the b`, hidden=[2]) + I(x / 0.5)"
    )


def simulated(rows: int, seed: int, interaction: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["x1", "x2", "x3"])
    frame["g"] = rng.integers(0, 8, rows)
    frame["z"] = rng.uniform(1, 2, rows)
    f = frame["x1"] + interaction * frame["x2"] * frame["x3"] + rng.normal(size=8)[frame["g"]]
    return frame.assign(y=f + 0.5 * rng.normal(size=rows))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*Pareto k-hat:UserWarning")
def test_terms_are_tried_and_scored():
    frame = simulated(150, 1, 0.7)
    options = {"draws": 150, "tune": 150, "chains": 2, "seed": 1, "progress": False}
    rich = bd.Model("y ~ (x1 + x2 + x3)**2 + (1 | g)", frame).fit(**options)
    plain = bd.Model("y ~ x2 + x3 + (1 | g)", frame, priors={"x2": "Normal(0, 1)"}).fit(**options)
    found = bd.explain(rich, plain, progress=False)
    assert list(found.suggestions.columns) == ["term", "change", "se"]
    assert set(found.suggestions["term"][:2]) == {"x2:x3", "x1"}
    assert found.suggestions["term"].iloc[-1] == "all of these"
    single = found.suggestions["change"][:-1]
    assert list(single) == sorted(single, reverse=True)
    assert (found.suggestions["change"][:2] > 2 * found.suggestions["se"][:2]).all()
    together = found.suggestions["change"].iloc[-1]
    assert together > single.max()
    assert found.gap == pytest.approx(together, abs=3 * found.gap_se)
    # The same as from a fit by hand.
    text = "y ~ x2 + x3 + (1 | g) + x1"
    again = bd.Model(text, frame, priors={"x2": "Normal(0, 1)"}).fit(**options)
    by_hand = (again.loo().elpd - plain.loo().elpd) / len(frame)
    assert found.suggestions.set_index("term").loc["x1", "change"] == pytest.approx(by_hand, abs=0.03)
    shown = repr(found)
    assert "x2:x3" in shown
    assert "added to y ~ x2 + x3 + (1 | g)" in shown
    assert "<table" in found._repr_html_()
    assert "&lt;" not in found._repr_html_().split("<table")[1]
    figure = found.plot()
    named = [axes.get_xlabel() for axes in figure.axes]
    assert named == ["", "share of variance (90 % interval)", "change in log score a row (± 2 SE)"]
    assert figure.axes[1].get_yticklabels()[0].get_text() == "x2:x3"


OPTIONS = {"draws": 100, "tune": 200, "chains": 2, "seed": 1, "progress": False}


@pytest.mark.slow
def test_a_network_names_the_interaction_it_learned():
    frame = simulated(250, 2, 1.0)
    net = bd.Model("y ~ net(x1, x2, x3, hidden=[8]) + (1 | g)", frame).fit("nuts", **OPTIONS)
    plain = bd.Model("y ~ x1 + x2 + x3 + (1 | g)", frame).fit(seed=1, progress=False)
    found = bd.explain(net, plain, progress=False)
    pairs = table(found.interactions)
    assert found.interactions["term"][0] == "x2:x3"
    assert pairs.loc["x2:x3", "lower"] > 0.1
    # Signal: 1 of x1, 1 of x2:x3, about 1 of g.
    assert pairs.loc["x2:x3", "share"] == pytest.approx(1 / 3, abs=0.15)
    assert (pairs["lower"].drop("x2:x3") == 0).all()
    assert found.suggestions["term"][0] == "x2:x3"
    assert found.suggestions["change"][0] > 5 * found.suggestions["se"][0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_on_additive_data_all_interactions_reach_zero(seed):
    frame = simulated(250, seed, 0.0)
    frame["y"] += np.sin(1.5 * frame["x2"])
    net = bd.Model("y ~ net(x1, x2, x3, hidden=[8]) + (1 | g)", frame).fit("nuts", **OPTIONS)
    found = bd.explain(net)
    assert (found.interactions["lower"] == 0).all()
    assert table(found.main_effects).loc[["x1", "x2", "g"], "lower"].min() > 0.02
