"""Non-linear formulas: what is read, what is refused, which priors follow, and values and slopes at the edges."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.expressions import LARGEST_EXPONENT, SMOOTH, STEPS, first_failure, on_arrays, on_tensors, unknowns
from bayesdeep.core.priors import PriorSpec
from bayesdeep.formula.nodes import Name, Unknown
from bayesdeep.formula.parser import parse
from bayesdeep.formula.vocabulary import BUILTINS
from bayesdeep.formula.walk import columns, every_node
from bayesdeep.report.mathematics import equations
from bayesdeep.spec.nonlinear_scales import reach_of

FORMULA = "y ~ a * (1 - exp(-t / b))"
PARAMETERS = {"a": "~ 1 + x + (1 | g)", "b": "~ 1"}
PRIORS = {"a_Intercept": "Normal(5, 2)", "b_Intercept": "LogNormal(0, 1)"}


def data(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    t, x, g = rng.uniform(0, 5, rows), rng.normal(size=rows), rng.integers(0, 5, rows)
    t[0] = 0.0
    y = (5 + 0.5 * x + 0.6 * (g - 2)) * (1 - np.exp(-t / 1.5)) + rng.normal(0, 0.3, rows)
    return pd.DataFrame({"y": y, "t": t, "x": x, "g": [f"g{k}" for k in g], "n": rng.poisson(np.exp(0.3 * y))})


def model(formula: str = FORMULA, nonlinear: Any = None, priors: Any = None, **options: Any) -> bd.Model:
    own = PARAMETERS if nonlinear is None else nonlinear
    return bd.Model(formula, data(), nonlinear=own, priors=PRIORS if priors is None else priors, **options)


def test_names_are_parameters_or_columns() -> None:
    parsed = parse(FORMULA, unknowns=("a", "b"))
    assert columns(parsed) == ("y", "t")
    assert [n.name for n in every_node(parsed.predictor) if isinstance(n, Unknown)] == ["a", "b"]
    # Left of the tilde a name is a column's.
    assert isinstance(parse("a ~ a * t", unknowns=("a",)).response, Name)


def test_every_function_of_the_language_is_smooth_or_a_step() -> None:
    assert (SMOOTH - set("+-*/") - {"**"}) | STEPS == BUILTINS


def test_the_posterior_has_names_with_the_parameters_prefix() -> None:
    made = model(sigma="~ t")
    names = list(made.priors.index)
    assert names == ["a_Intercept", "a_x", "a_1|g_sigma", "b_Intercept", "sigma_Intercept", "sigma_t"]
    assert made.spec.nonlinear == ("a", "b")
    assert json.loads(json.dumps(made.spec.to_json()))["formulas"] == {"mu": FORMULA, **PARAMETERS, "sigma": "~ t"}


def test_defaults_are_as_wide_as_the_prior_of_the_intercept() -> None:
    made = model().priors["prior"]
    sd = float(np.std(data()["x"]))
    assert made["a_x"] == f"Normal(0, {2 / sd:.4g})"
    wide = model(priors={**PRIORS, "a_Intercept": "Normal(5, 20)"}).priors["prior"]
    assert wide["a_x"] == f"Normal(0, {20 / sd:.4g})"


@pytest.mark.parametrize(
    ("name", "arguments", "reach"),
    [
        ("Normal", {"mu": 3.0, "sigma": 0.7}, 0.7),
        ("Uniform", {"lower": 2.0, "upper": 8.0}, 3.0),
        ("Cauchy", {"alpha": 1e6, "beta": 2.0}, 2.0 * np.sqrt(np.expm1(0.5))),
        ("Flat", {}, None),
    ],
)
def test_how_wide_a_prior_is(name: str, arguments: dict[str, float], reach: float | None) -> None:
    found = reach_of(PriorSpec(name, tuple(arguments.items())))
    assert found is None if reach is None else found == pytest.approx(reach, rel=1e-5)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a prior is missing": ({"priors": {"b_Intercept": "LogNormal(0, 1)"}}, r"prior 'a_Intercept': it has to be given: a is a"),
    "a default without a width": (
        {"priors": {**PRIORS, "a_Intercept": "Flat()"}},
        r"prior 'a_x': its default follows from how wide the prior of a's intercept",
    ),
    "a parameter without formula": ({"formula": "y ~ a * t**k + b"}, r"no column 'k' in the data, and no formula of a parameter"),
    "a parameter not used": ({"formula": "y ~ a * t"}, r"'b' has a formula in nonlinear, and does not stand in this one"),
    "a column of that name": (
        {"formula": "y ~ x * t", "nonlinear": {"x": "~ 1"}, "priors": {"x_Intercept": "Normal(0, 1)"}},
        r"'x' is a parameter of the formula and a column of the data",
    ),
    "a parameter of a parameter": ({"nonlinear": {"a": "~ b", "b": "~ 1"}}, r"formula of a '~ b': 'b' is a parameter"),
    "an unknown function": ({"formula": "y ~ a * expo(-t / b)"}, r"unknown function 'expo'; did you mean 'exp'"),
    "a term": ({"formula": "y ~ a * s(t) / b"}, r"s\(\) is a term"),
    "a bar": ({"formula": "y ~ a * b + (1 | g)"}, r"in a parameter's formula"),
    "a category": ({"formula": "y ~ a * g + b"}, r"column 'g' holds text, and arithmetic takes numbers; let a parameter differ"),
    "a step": ({"formula": "y ~ a * floor(t / b)"}, r"'floor\(t / b\)': a step of b has no slope"),
    "a comparison": ({"formula": "y ~ a * I(t > b)"}, r"'t > b': a step of b has no slope"),
    "division by zero": (
        {"priors": {**PRIORS, "b_Intercept": "Normal(0, 1)"}},
        r"'-t / b' has no finite value in row 1 \(a division by zero\), at the medians of the priors \(.*b_Intercept = 0\)",
    ),
    "a logarithm of nothing": ({"formula": "y ~ a * log(t) + b"}, r"log takes values above zero"),
    "the response": ({"formula": "y ~ a * y + b"}, r"'y' is the response and cannot be a predictor as well"),
    "a link": ({"link": {"a": "log"}}, r"link 'a': a parameter of a non-linear formula is its predictor; write exp\(a\)"),
    "a family's parameter": (
        {"formula": "y ~ sigma * t", "nonlinear": {"sigma": "~ 1"}},
        r"'sigma' is a parameter of family 'gaussian', and one of the formula needs another name",
    ),
    "no formulas": ({"nonlinear": ["a", "b"]}, r"nonlinear is list; give formulas by parameter"),
    "no formula": ({"nonlinear": {"a": 1, "b": "~ 1"}}, r"nonlinear: a is 1, and no formula"),
    "a left side": ({"nonlinear": {"a": "a ~ 1", "b": "~ 1"}}, r"formula of a 'a ~ 1': a parameter's formula has no left side"),
    "no name": ({"nonlinear": {"a b": "~ 1"}}, r"'a b' cannot be the name of a parameter"),
    "population": ({"priors": {**PRIORS, "population": "Normal(0, 1)"}}, r"prior 'population'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case: str) -> None:
    options, text = REFUSED[case]
    with pytest.raises(bd.BayesdeepError, match=text):
        model(**options)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("y ~ a * (1 - exp(-t / b))", r"'a' and 'b' are no columns; .*nonlinear={\"a\": \"~ 1\", \"b\": \"~ 1\"}"),
        ("y ~ Vm * t / (K + t) + c", r"'Vm', 'K' and 'c' are no columns"),
        ("y ~ 1 + exp(-k * t)", r"'k' is no column; is it a parameter\? Then give its formula, nonlinear={\"k\": \"~ 1\"}"),
    ],
)
def test_a_formula_whose_parameters_have_none_says_how_they_get_one(formula: str, said: str) -> None:
    with pytest.raises(bd.FormulaError, match=said):
        bd.Model(formula, data())


NO_ARITHMETIC = ["y ~ foo", "y ~ x + foo", "y ~ height * x", "y ~ s(foo)", "y ~ x * foo + (1 | g)", "q ~ a * x"]


@pytest.mark.parametrize("formula", NO_ARITHMETIC)
def test_what_is_no_arithmetic_of_parameters_is_not_taken_for_it(formula: str) -> None:
    with pytest.raises(bd.FormulaError) as error:
        bd.Model(formula, data().assign(heigth=1.0))
    assert "nonlinear" not in str(error.value)


def test_several_levels_and_rows_on_disk_are_refused(tmp_path: Any) -> None:
    rows = data().assign(level=lambda d: d["g"])
    with pytest.raises(bd.FormulaError, match="has a predictor for each level but one"):
        bd.Model("level ~ a * t", rows, "categorical", nonlinear={"a": "~ 1"}, priors={"a_Intercept": "Normal(0, 1)"})


def test_methods_that_need_linear_predictors_say_why_not() -> None:
    for method in ("collapsed", "gibbs", "transport", "laplace_marginal", "ml", "reml"):
        with pytest.raises(bd.FitError, match=r"a \* \(1 - exp\(-t / b\)\) is not linear in its coefficients"):
            model().fit(method, progress=False)


def test_a_model_is_written_row_by_row() -> None:
    text = equations(model().spec)
    assert "μᵢ = aᵢ * (1 - exp(-tᵢ / bᵢ))" in text
    assert "aᵢ = a_Intercept + β(a_x) · xᵢ + u₁[gᵢ]" in text
    assert "bᵢ = b_Intercept" in text


def test_columns_alone_are_worked_out_before() -> None:
    term = model("y ~ a + b * I(t > 2) * log1p(t) + a * np.sqrt(t)").spec.predictors[0].terms[0]
    sources = [node[1] for node in _leaves(term.state["tree"]) if node[0] == "column"]
    assert sources == ["I(t > 2)", "log1p(t)", "sqrt(t)"] or len(sources) == 3
    assert unknowns(term.state["tree"]) == ("a", "b")


def _leaves(tree: Any) -> list[Any]:
    if tree[0] in ("number", "column", "unknown"):
        return [tree]
    return [leaf for operand in tree[2:] for leaf in _leaves(operand)]


def test_a_power_of_zero_has_slopes_that_are_numbers() -> None:
    import pytensor
    import pytensor.tensor as pt

    tree = ["**", "", ["/", "", ["column", "t", 0], ["unknown", "b"]], ["unknown", "c"]]
    b, c = pt.dscalars("b", "c")
    total = on_tensors(tree, [pt.constant(np.array([0.0, 2.0]))], {"b": b, "c": c}).sum()
    value, by_b, by_c = pytensor.function([b, c], [total, *pt.grad(total, [b, c])], mode="FAST_COMPILE")(4.0, 1.5)
    assert value == pytest.approx(0.5**1.5)
    assert by_b == pytest.approx(-1.5 / 4.0 * 0.5**1.5)
    assert by_c == pytest.approx(0.5**1.5 * np.log(0.5))


def test_slopes_far_out_are_numbers() -> None:
    import pytensor
    import pytensor.tensor as pt

    tree = ["/", "", ["number", "1", 1.0], ["+", "", ["number", "1", 1.0], ["exp", "", ["unknown", "z"]]]]
    z = pt.dscalar("z")
    quotient = on_tensors(tree, [], {"z": z})
    value, slope = pytensor.function([z], [quotient, pt.grad(quotient, z)], mode="FAST_COMPILE")(LARGEST_EXPONENT + 500.0)
    assert value == pytest.approx(0.0, abs=1e-300)
    assert slope == 0.0


def test_where_there_is_no_value_is_said_from_the_inside_out() -> None:
    tree = ["*", "a * log(b)", ["unknown", "a"], ["log", "log(b)", ["unknown", "b"]]]
    failure = first_failure(tree, [], {"a": 1.0, "b": np.array([1.0, -1.0])})
    assert failure is not None
    assert (failure.text, failure.row) == ("log(b)", 1)
    assert np.isnan(on_arrays(tree, [], {"a": 1.0, "b": -1.0}))


def test_a_card_keeps_it_in_a_table(tmp_path: Any) -> None:
    made = model()
    data().to_csv(tmp_path / "data.csv", index=False)
    path = made.to_card(tmp_path / "card.toml")
    assert '[nonlinear]\na = "~ 1 + x + (1 | g)"\nb = "~ 1"' in path.read_text(encoding="utf-8")
    assert bd.Model.from_card(path).spec.formulas == made.spec.formulas


def test_a_formula_without_a_value_is_an_error_and_no_prediction() -> None:
    made = model("n ~ log(a) * t / b", priors={**PRIORS, "a_Intercept": "Normal(1, 5)"}, family="poisson")
    with pytest.raises(bd.FitError, match=r"has no value in row \d+ for \d+ of 50 draws"):
        made.prior_predictive(draws=50, seed=1)


@pytest.mark.integration
def test_new_rows_of_counts_and_what_a_fit_offers() -> None:
    priors = {"a_Intercept": "Normal(1, 1)", "b_Intercept": "LogNormal(0, 1)"}
    made = model("n ~ a * (1 - exp(-t / b))", priors=priors, family="poisson")
    fit = made.fit("nuts", draws=300, tune=500, seed=1, progress=False)
    assert int(fit.idata["sample_stats"]["diverging"].sum()) == 0
    new = pd.DataFrame({"t": [0.0, 2.0], "x": [0.0, 0.0], "g": ["g1", "never seen"]})
    found = fit.predict(new, new_groups="sample")
    # At t = 0 the predictor is 0 whatever the parameters are, and the mean count 1.
    assert found.loc[0, "mean"] == pytest.approx(1.0)
    draws = fit.idata["posterior"]
    by_hand = np.exp((draws["a_Intercept"] + draws["a_1|g"].sel(g="g1")) * (1 - np.exp(-2.0 / draws["b_Intercept"]))).mean()
    known = fit.predict(new.assign(g="g1"), new_groups="raise")
    assert known.loc[1, "mean"] == pytest.approx(float(by_hand), rel=1e-6)
    assert float(fit.slopes("t")["estimate"].iloc[0]) > 0
    with pytest.raises(bd.FitError, match="no sum of a population's"):
        fit.budget()


@pytest.mark.integration
def test_a_smooth_is_sampled_before_other_parameters_have_columns() -> None:
    """Its coordinates follow what the pilot fit says of all columns, of which those of ``b`` are not there yet."""
    made = model(nonlinear={"a": "~ s(x) + (1 | g)", "b": "~ 1 + x"})
    graph = made._rows.graph(made.spec, sampled=True)
    assert all(np.isfinite(value) for value in graph.model.point_logps().values())


SHAPES = {
    "smooth": ("~ s(x)", lambda x, u: 4 + np.sin(1.5 * x)),
    "process": ("~ gp(x)", lambda x, u: 4 + np.sin(1.5 * x)),
    "network": ("~ net(x, hidden=[6])", lambda x, u: 4 + np.tanh(2 * x)),
    "slopes of groups": ("~ x + (1 + x | g)", lambda x, u: 4 + 0.5 * x + u[:, 0] + u[:, 1] * x),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_what_stands_in_a_parameters_formula_is_found_again(shape: str) -> None:
    """The asymptote of saturating curves is a function of x, or differs by group: its error is that of 200 rows with sd 0.2."""
    formula, truth = SHAPES[shape]
    rng = np.random.default_rng(3)
    rows = 200
    t, x, g = rng.uniform(0.2, 6, rows), rng.uniform(-2, 2, rows), rng.integers(0, 12, rows)
    u = rng.normal(0, [0.6, 0.4], (12, 2))[g]
    y = truth(x, u) * (1 - np.exp(-t / 1.5)) + rng.normal(0, 0.2, rows)
    frame = pd.DataFrame({"y": y, "t": t, "x": x, "g": [f"g{k:02}" for k in g]})
    priors = {"a_Intercept": "Normal(4, 2)", "b_Intercept": "LogNormal(0.5, 0.5)"}
    made = bd.Model(FORMULA, frame, nonlinear={"a": formula, "b": "~ 1"}, priors=priors)
    fit = made.fit("nuts", draws=300, tune=400, chains=2, seed=1, progress=False)
    found = fit.predict(frame.assign(t=1000.0), kind="mean")["mean"].to_numpy()
    assert np.sqrt(np.mean((found - truth(x, u)) ** 2)) < 0.15
    # Five standard errors: b is known to about 0.03 in each of these.
    assert float(fit.idata["posterior"]["b_Intercept"].mean()) == pytest.approx(1.5, abs=0.2)
