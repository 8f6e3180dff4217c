"""The model as data: JSON and back, priors as text, and error texts that name what was meant."""

import json
import time

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError, PriorError
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.prior_text import read_prior


def data(rows: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(41)
    d = pd.DataFrame({"x": rng.normal(size=rows), "z": rng.uniform(1, 2, rows), "y": rng.normal(size=rows)})
    d = d.assign(a=np.tile(list("uvw"), rows // 3), g=np.repeat(list("pqr"), rows // 3), n=5)
    return d.assign(
        k=rng.integers(0, 4, rows), yes=np.tile([True, False], rows // 2), year=np.tile([2001, 2002], rows // 2)
    )


SPECS = {
    "plain": ("y ~ x", {}),
    "dot": ("y ~ . - k - n", {}),
    "terms": ("y ~ poly(x, 2) * a + bs(z, df=4) + I(x**3 / 10) + C(year) + offset(log(z))", {}),
    "groups": ("y ~ (poly(x, 2) + a | g) + (1 || year) + (1 | k/a)", {}),
    "priors": (
        "y ~ x + z + (1 + x | g)",
        {
            "priors": {
                "x, z": "Normal(0, HalfNormal(Exponential(2)))",
                "Intercept_raw": "TruncatedNormal(0, 1, lower=-3)",
                "g_corr": "LKJ(3)",
                "1|g": "Normal(1, 2)",
            }
        },
    ),
    "known": ("y ~ x", {"sigma": bd.known("z")}),
    "known number": ("y ~ x", {"sigma": bd.known(2)}),
    "formulas": ("y ~ x", {"sigma": "~ a + (1 | g)", "link": {"sigma": "softplus"}}),
    "success": ("yes ~ x", {"family": "bernoulli"}),
    "trials": ("prop(k, n) ~ x", {"family": "binomial", "link": "probit"}),
    "ordered": ("k ~ x", {"family": "cumulative"}),
    "levels": ("a ~ x + (1 | g)", {"family": "categorical"}),
    "block": ("y ~ x + a", {"priors": {"population": "Horseshoe()"}}),
    "truncated": ("truncated(z, lb=0.5) ~ x", {}),
}


@pytest.mark.parametrize("name", list(SPECS))
def test_spec_survives_json(name):
    formula, options = SPECS[name]
    spec = bd.Model(formula, data(), **options).spec
    text = json.dumps(spec.to_json())
    again = ModelSpec.from_json(json.loads(text))
    assert again == spec
    assert json.dumps(again.to_json()) == text
    assert str(again) == str(spec)
    assert again.nodes == spec.nodes


def read_changed(change):
    """Return what is said of a spec's JSON that was changed."""
    model = bd.Model("y ~ x + (1 | g)", data(), priors={"x": "Normal(0, HalfNormal(2))"})
    record = json.loads(json.dumps(model.spec.to_json()))
    change(record)
    with pytest.raises(ValueError) as found:
        ModelSpec.from_json(record)
    return str(found.value)


def test_json_is_by_the_names_of_fields():
    record = bd.Model("y ~ x", data(), priors={"x": "Normal(0, 2)"}, sigma=bd.known("z")).spec.to_json()
    (term,) = record["predictors"][0]["terms"]
    assert (term["kind"], term["source"]) == ("population", "1 + x")
    chosen = next(p for p in record["priors"] if p["name"] == "x")
    assert chosen["prior"] == {"name": "Normal", "arguments": [["mu", 0.0], ["sigma", 2.0]]}
    assert chosen["role"] == "coefficient"
    assert record["known"] == {"sigma": {"value": "z"}}


@pytest.mark.parametrize(
    "path", [(), ("predictors", 0), ("predictors", 1, "terms", 0), ("response",), ("priors", 0), ("priors", 1, "prior")]
)
def test_json_with_other_fields_is_refused(path):
    """Also fields that have a default: a file that lacks one was not written by this version."""

    def at(record):
        for key in path:
            record = record[key]
        return record

    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    fields = list(at(bd.Model("y ~ x + (1 | g)", data(), sigma="~ x").spec.to_json()))
    model = bd.Model("y ~ x + (1 | g)", data(), sigma="~ x")
    for name in fields:
        record = json.loads(json.dumps(model.spec.to_json()))
        del at(record)[name]
        with pytest.raises(ValueError, match=f"'{name}'|`{name}`"):
            ModelSpec.from_json(record)
    record = json.loads(json.dumps(model.spec.to_json()))
    at(record)["__class__"] = "os.system"
    with pytest.raises(ValueError, match=r"has an unknown field '__class__'") as found:
        ModelSpec.from_json(record)
    assert str(found.value).startswith(f"${where} ")


def test_json_of_other_types_is_refused():
    assert "$.family" in read_changed(lambda r: r.update(family=3))
    assert "$.formulas" in read_changed(lambda r: r.update(formulas=["y ~ x"]))
    assert "$.predictors[0].terms[0].kind" in read_changed(lambda r: r["predictors"][0]["terms"][0].update(kind=None))
    assert "$.priors[0].prior" in read_changed(lambda r: r["priors"][0].update(prior=["Normal", [["mu", 0.0]]]))
    assert "$.priors[0].unit" in read_changed(lambda r: r["priors"][0].update(unit=True))
    assert "$.priors[0].prior.arguments[0][1]" in read_changed(
        lambda r: r["priors"][0]["prior"].update(arguments=[["mu", [0.0]]])
    )


def test_json_that_is_nested_without_end_is_refused():
    prior = {"name": "HalfNormal", "arguments": [["sigma", 1.0]]}
    for _ in range(5000):
        prior = {"name": "HalfNormal", "arguments": [["sigma", prior]]}
    assert "nested" in read_changed(lambda r: r["priors"][0].update(prior=prior))


def test_every_prior_is_an_explicit_number():
    model = bd.Model("y ~ x * a + (1 + x | g)", data(), sigma="~ z", priors={"population": "Horseshoe"})
    table = model.priors
    assert list(table.columns) == ["prior", "origin", "reason"]
    assert set(table.origin) == {"user", "default"}
    for chosen in model.spec.priors:
        assert all(value is not None for _, value in chosen.prior.arguments)
        assert read_prior(str(chosen.prior), "prior") == chosen.prior


def test_two_level_response_says_which_is_success():
    assert "success is yes = True" in str(bd.Model("yes ~ x", data(), "bernoulli"))
    d = data().assign(yes=lambda d: np.where(d.yes, "alive", "dead"))
    assert "success is yes = dead" in str(bd.Model("yes ~ x", d, "bernoulli"))


# Priors as text


def test_prior_texts_are_pymcs():
    assert read_prior("Normal(0, 2)", "p") == PriorSpec("Normal", (("mu", 0.0), ("sigma", 2.0)))
    assert read_prior(" Normal( sigma = 2, mu=-1 ) ", "p") == bd.priors.Normal(-1, 2)
    assert read_prior("Flat", "p") == read_prior("Flat()", "p") == bd.priors.Flat()
    assert read_prior("StudentT(3, 0, HalfNormal(1e-2))", "p") == bd.priors.StudentT(3, 0, bd.priors.HalfNormal(0.01))
    assert read_prior("TruncatedNormal(0, 1, lower=-inf, upper=2)", "p").get("lower") == -np.inf


ATTACKS = [
    "__import__('os')",
    "__import__('os').system('true')",
    "Normal(0, 1).x",
    "Normal(0, 1)(2)",
    "Normal.__class__",
    "Normal(__import__('os'), 1)",
    "Normal(0, 1) if True else 1",
    "(lambda: Normal(0, 1))()",
    "[Normal(0, 1) for _ in ()]",
    "Normal(*[0, 1])",
    "Normal(**{'mu': 0})",
    "Normal(mu := 0, 1)",
    "Normal('0', 1)",
    "Normal(True, 1)",
    "Normal(1j, 1)",
    "Normal(0, 2**1000)",
    "Normal(0, 9**9**9)",
    "f'{Normal}'",
    "Normal(0, sigma)",
    "Normal(0, 1); import os",
    "Normal(0, 1)\x00",
    "normal.Normal(0, 1)",
    "Normal(0 1)",
    "",
    "-Normal(0, 1)",
    "Normal(0, -Normal(0, 1))",
    "Normal(0, " * 1000 + ")" * 1000,
    "Normal(0, " + "-" * 401 + "1)",
    "N" * 1_000_000,
    "Normal(0, " + "1" * 1_000_000 + ")",
    "Normal(0, " + "9" * 480 + ")",
    "Normal(0, 1e999)",
    "Normal(nan, 1)",
]


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_prior_texts_are_data(text):
    started = time.perf_counter()
    with pytest.raises(PriorError) as caught:
        bd.Model("y ~ x", data(), priors={"x": text})
    assert str(caught.value).startswith("prior 'x'")
    assert len(str(caught.value)) < 1500
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("value", [1, None, ["Normal(0, 1)"], np.random.default_rng, {"Normal": (0, 1)}])
def test_prior_values_that_are_no_priors(value):
    with pytest.raises(PriorError, match="is not a prior"):
        bd.Model("y ~ x", data(), priors={"x": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Norml(0, 1)", "did you mean 'Normal'"),
        ("Normal(0, 1, 2)", r"3 arguments given; write Normal\(mu, sigma\)"),
        ("Normal(sd=1)", r"no argument 'sd'.*write Normal\(mu, sigma\)"),
        ("Normal(0, mu=1)", "given twice"),
        ("Normal(0, 0)", "must be positive"),
        ("Normal(0, -1)", "must be positive"),
        ("Normal(0, Normal(0, 1))", "must be positive"),
        ("Normal(0, Uniform(-1, 1))", "must be positive"),
        ("Normal(0, TruncatedNormal(0, 1))", "must be positive"),
        ("Normal(0, LKJ(1))", "joint prior"),
        ("Normal(Horseshoe(), 1)", "joint prior"),
        ("Horseshoe(HalfNormal(1))", "must be a number"),
        ("Uniform(2, 1)", "lower must be below upper"),
        ("StudentT()", "argument 'nu' is missing"),
    ],
)
def test_prior_texts_with_a_mistake(text, message):
    with pytest.raises(PriorError, match=message):
        bd.Model("y ~ x", data(), priors={"x": text})


@pytest.mark.parametrize("name", PRIORS.names())
def test_priors_as_objects_are_priors_as_text(name):
    # importing a plug-in's file must not put the module in the place of the function
    __import__(f"bayesdeep.priors.{name}")
    plugin = PRIORS[name]
    arguments = [
        0.5 if key in plugin.unit else value for key, value in zip(plugin.arguments, (1.0, 2.0, 3.0), strict=False)
    ]
    made = getattr(bd.priors, name)(*arguments)
    assert made == read_prior(f"{name}({', '.join(map(str, arguments))})", "prior")


def test_unknown_prior_objects():
    with pytest.raises(AttributeError, match="did you mean 'Normal'"):
        bd.priors.normal(0, 1)


# Where a prior can stand


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("sigma", "Normal(0, 1)", r"does not fit 'sigma', which needs a positive one such as HalfNormal\(1\)"),
        ("sigma", "TruncatedNormal(0, 1)", "positive one"),
        ("sigma", "Uniform(-1, 2)", "positive one"),
        ("1|g_sigma", "Normal(0, 1)", "positive one"),
        ("1|g_sigma", "LKJ(2)", "positive one"),
        ("g_corr", "Normal(0, 1)", r"needs LKJ\(eta\)"),
        ("x", "LKJ(2)", "needs a distribution such as Normal"),
        ("Intercept", "Horseshoe()", "'Intercept' is none"),
        ("1|g_sigma", "Horseshoe()", "'1|g_sigma' is none"),
        ("1|g", "Exponential(1)", "needs a Normal, since its effects are correlated"),
        ("1|g", "StudentT(3, 0, 1)", "needs a Normal, since its effects are correlated"),
        ("sigma", "Beta(1, 1)", None),
        ("sigma", "Uniform(0, 2)", None),
        ("sigma", "TruncatedNormal(1, 1, lower=0)", None),
        ("x", "HalfNormal(1)", None),
        ("x", "Uniform(0, 1)", None),
    ],
)
def test_supports(key, text, message):
    def make():
        return bd.Model("y ~ x + (1 + x | g)", data(), priors={key: text})

    if message is None:
        (prior,) = (p for p in make().spec.priors if p.name == key)
        assert prior.origin == "user"
    else:
        with pytest.raises(PriorError, match=message.replace("|g", r"\|g")) as caught:
            make()
        assert str(caught.value).startswith(f"prior '{key}'")


def test_independent_effects_take_heavy_tails():
    for text in ("StudentT(3, 0, 1)", "Laplace(0, HalfNormal(1))", "Cauchy(0, 1)", "Logistic(0, 1)"):
        bd.Model("y ~ x + (1 + x || g)", data(), priors={"1|g": text})
    with pytest.raises(PriorError, match="needs one that is symmetric about a location and has a scale, as Normal, StudentT"):
        bd.Model("y ~ (1 | g)", data(), priors={"1|g": "SpikeSlab()"})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("floor", "nothing in the model has this name; there are: Intercept, x"),
        ("1|gg", r"did you mean '1\|g'|did you mean '1\|g_sigma'"),
        ("1|g_sd", r"did you mean '1\|g"),
        ("sigma_Intercept", "nothing in the model has this name"),
        ("Intercept_rw", "did you mean 'Intercept_raw'"),
        ("x, zz", "prior 'zz'"),
        ("populatoin", "did you mean 'population'"),
        ("g_cor", "did you mean 'g_corr'"),
        ("", "nothing in the model has this name"),
    ],
)
def test_unknown_prior_keys(key, message):
    with pytest.raises(PriorError, match=message):
        bd.Model("y ~ x + (1 + x | g)", data(), priors={key: "Normal(0, 1)"})


def test_two_priors_for_one_thing():
    d = data()
    with pytest.raises(PriorError, match=r"Intercept_raw.*Intercept' has a prior too"):
        bd.Model("y ~ x", d, priors={"Intercept": "Normal(0, 1)", "Intercept_raw": "Normal(0, 1)"})
    with pytest.raises(PriorError, match="'x' already has the prior"):
        bd.Model("y ~ x + z", d, priors={"population": "Normal(0, 1)", "x": "Normal(0, 2)"})
    with pytest.raises(PriorError, match="'x' already has the prior"):
        bd.Model("y ~ x + z", d, priors={"x, x": "Normal(0, 1)"})
    with pytest.raises(PriorError, match="has a scale already"):
        bd.Model("y ~ (1 | g)", d, priors={"1|g": "Normal(0, 2)", "1|g_sigma": "HalfNormal(1)"})
    with pytest.raises(PriorError, match="no population-level coefficients"):
        bd.Model("y ~ 1", d, priors={"population": "Normal(0, 1)"})


def test_population_is_the_main_predictors():
    model = bd.Model("y ~ x + z", data(), sigma="~ x", priors={"population": "Laplace(0, 1)"})
    user = {p.name for p in model.spec.priors if p.origin == "user"}
    assert user == {"x", "z"}


def test_prefixed_keys():
    model = bd.Model(
        "y ~ x", data(), sigma="~ x + (1 | g)", priors={"sigma_x": "Normal(0, 1)", "sigma_1|g_sigma": "HalfNormal(1)"}
    )
    assert {p.name for p in model.spec.priors if p.origin == "user"} == {"sigma_x", "sigma_1|g_sigma"}
    raw = bd.Model("y ~ x", data(), sigma="~ x", priors={"sigma_Intercept_raw": "Normal(0, 1)"})
    assert "sigma_Intercept_raw" in raw.priors.index
    assert "sigma_Intercept" not in raw.priors.index


# Families, parameters, links, names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "gausian"}, "unknown family 'gausian'; did you mean 'gaussian'"),
        ({"sgima": "~ x"}, "family 'gaussian' has no parameter 'sgima'; did you mean 'sigma'"),
        ({"nu": "~ x"}, "family 'gaussian' has no parameter 'nu'"),
        ({"missng": "drop"}, "no parameter 'missng'; did you mean 'missing'"),
        ({"weights": "a"}, r"no parameter 'weights'; weights are written in the formula, weighted\(y, w\)"),
        ({"seed": 1}, r"no parameter 'seed'; it is an option of fit\(\)"),
        ({"residual_corelation": True}, "did you mean 'residual_correlation'"),
        ({"mu": "~ x"}, "'mu' is what the formula itself models"),
        ({"sigma": 1.0}, r"neither a formula such as \"~ x\" nor bd.known"),
        ({"link": "logit"}, "'logit' does not fit mu of family 'gaussian'; it takes identity, log"),
        ({"link": "lgo"}, "'lgo' does not fit mu.*did you mean 'log'"),
        ({"link": {"sigma": "log"}}, "'sigma' has no formula"),
        ({"sigma": "~ x", "link": {"sigma": "logit"}}, "it takes log, softplus, identity"),
        ({"sigma": bd.known("zz")}, "no column 'zz'"),
        ({"sigma": bd.known("a")}, "column 'a', given as sigma, is not numeric"),
        ({"sigma": "y ~ x"}, "formula"),
    ],
)
def test_families_parameters_and_links(options, message):
    with pytest.raises(bd.BayesdeepError, match=message):
        bd.Model("y ~ x", data(), **options)


@pytest.mark.parametrize("value", [True, None, [1.0], b"se"])
def test_known_takes_a_name_or_a_number(value):
    with pytest.raises(FormulaError, match="neither a column's name nor a number"):
        bd.known(value)


@pytest.mark.parametrize("column", ["sigma", "Intercept", "g_corr"])
def test_columns_with_the_name_of_a_quantity(column):
    d = data().assign(**{column: np.arange(24.0)})
    with pytest.raises(
        FormulaError, match=f"would be called '{column}'; rename the column"
    ):
        bd.Model(f"y ~ x + {column} + (1 + x | g)", d)


def test_response_among_the_predictors():
    with pytest.raises(FormulaError, match="'y' is the response and cannot be a predictor"):
        bd.Model("y ~ x + y", data())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("z ~ x", "a parameter's formula has no left side; write it as '~ x'"),
        ("log(x) ~ x", "a parameter's formula has no left side"),
        ("1 ~ x", "a parameter's formula has no left side"),
        ("x", "there is no '~'; write a formula as '~ x'"),
        ("", "there is no '~'"),
        ("~", "expected a term after '~'"),
        ("~ x +", "expected a term after"),
        ("~ zz", "no column 'zz' in the data"),
        ("~ log(zz)", "no column 'zz' in the data"),
        ("~ poly(x, 1000000)", "too few for degree 1000000"),
        ("~ (0 | g)", "nothing varies by group"),
        ("~ net(x, hidden=[0])", "hidden has a layer of 0 units"),
        ("~ y", "'y' is the response and cannot be a predictor"),
    ],
)
def test_errors_in_a_parameters_formula_say_whose_it_is(text, message):
    with pytest.raises(FormulaError) as caught:
        bd.Model("y ~ x", data(), sigma=text)
    assert str(caught.value).startswith(f"formula of sigma '{text}': ")
    assert message in str(caught.value)
    with pytest.raises(FormulaError, match=r"^formula 'y ~ zz': no column"):
        bd.Model("y ~ zz", data(), sigma="~ x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": "~ x"}, r"prior 'sigma': sigma has a formula, and priors are on what it is made of: sigma_Intercept, sigma_x"),
        ({"sigma": bd.known(1.0)}, r"prior 'sigma': sigma is given, sigma=known\(1\.0\), and needs no prior"),
    ],
)
def test_priors_of_parameters_that_have_none(options, message):
    with pytest.raises(PriorError, match=message):
        bd.Model("y ~ x", data(), priors={"sigma": "HalfNormal(1)"}, **options)


def test_modifiers_a_family_does_not_know():
    with pytest.raises(bd.DataError, match="family 'bernoulli' cannot be combined with a truncated response"):
        bd.Model("truncated(k, lb=0) ~ x", data().assign(k=1), "bernoulli")


def test_the_default_intercept_leaves_room_for_an_offset() -> None:
    """Counts over exposures of a hundred thousand: the intercept is a log rate, far below the log count."""
    rng = np.random.default_rng(3)
    exposure = rng.uniform(5e4, 2e5, 50)
    frame = {"y": rng.poisson(exposure * 2e-5), "exposure": exposure}
    model = bd.Model("y ~ offset(log(exposure))", frame, "poisson")
    expected = np.log(frame["y"].mean()) - np.log(exposure).mean()
    assert model.spec.prior("Intercept").prior.get("mu") == pytest.approx(expected, abs=0.01)
