"""A column of the response is no predictor, in whatever function, product, group or other parameter's formula it stands."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import RESPONSES
from bayesdeep.formula.expand import expand, own_columns
from bayesdeep.formula.parser import parse

HIDING = (
    "{}", "log({})", "I({}**2)", "I(x + {})", "exp(-{})", "C({})", "poly({}, 2)", "bs({}, 4)", "scale({})", "x:{}", "x*log({})",
    "({} | g)", "(1 | {})", "(1 | g:{})", "(1 | g/{})", "(0 + log({}) | g)", "offset({})", "offset(log({}))", "net({})",
    "net(x, log({}))", "net(x, embed({}, 2))", "(net({}) | g)", "x + (net(x) | {})",
)
"""Ways to write a predictor with a column in it."""

LEFT = {
    "y": ("y",), "log(y)": ("y",), "I(y / 10)": ("y",), "I(y / x2)": ("y", "x2"), "`y`": ("y",),
    "c(y, b, d)": ("y", "b", "d"), "cbind(y, b)": ("y", "b"), "censored(y, s)": ("y", "s"), "censored(y, u, s)": ("y", "u", "s"),
    "prop(y, n)": ("y",), "p(y, n)": ("y",), "proportion(y, n)": ("y",),
    "y[1]": ("y",), "success(y, level=1)": ("y",), "weighted(y[1], w)": ("y", "w"),
    "prop(y, I(y + f))": ("y", "f"), "weighted(y, w)": ("y", "w"), "weighted(log(y), w)": ("y", "w"),
    "weighted(prop(y, n), w)": ("y", "w"), "weighted(censored(y, u, s), w)": ("y", "u", "s", "w"),
    "truncated(y, lb=lo, ub=hi)": ("y",), "truncated(y, lo, hi)": ("y",), "truncated(y, lb=I(y - d))": ("y", "d"),
}
"""Left sides, with the columns that say something of the response."""


def test_every_response_function_is_tried() -> None:
    assert {name for name in RESPONSES if not any(f"{name}(" in left for left in LEFT)} == set()


@pytest.mark.parametrize("left", LEFT)
def test_columns_of_the_response_are_no_predictors(left: str) -> None:
    response = parse(f"{left} ~ x").response
    assert response is not None
    assert sorted(own_columns(response)) == sorted(LEFT[left])
    for column in LEFT[left]:
        for hiding in HIDING:
            right = hiding.format(column)
            with pytest.raises(bd.FormulaError, match=f"'{column}' is (part of )?the response.* cannot be a predictor"):
                expand(parse(f"{left} ~ x + {right}"))
            with pytest.raises(bd.FormulaError, match=f"'{column}' is (part of )?the response.* cannot be a predictor"):
                expand(parse(f"~ x + {right}", response="none"), (), response)


@pytest.mark.parametrize("left", LEFT)
def test_what_new_rows_must_bring_is_a_predictor(left: str) -> None:
    for column in ("x", "n", "lo", "hi"):
        for hiding in HIDING:
            expand(parse(f"{left} ~ {hiding.format(column)}"))


def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    y = rng.integers(1, 6, 40).astype(float)
    return {
        "y": y, "x": rng.normal(size=40), "w": np.ones(40), "n": np.full(40, 9) + rng.integers(0, 3, 40),
        "se": np.full(40, 2.0), "g": np.repeat(list("abcd"), 10),
    }


@pytest.mark.parametrize(
    ("formula", "options", "column"),
    [
        ("y ~ log(y)", {}, "y"),
        ("y ~ x", {"sigma": "~ y"}, "y"),
        ("y ~ x", {"sigma": "~ x + (1 | y)"}, "y"),
        ("weighted(y, w) ~ w", {}, "w"),
        ("weighted(y, w) ~ x", {"sigma": "~ w"}, "w"),
        ("y ~ x", {"sigma": bd.known("y")}, "y"),
        ("log(y) ~ x", {"sigma": bd.known("y")}, "y"),
        ("prop(y, n) ~ (1 | y)", {"family": "binomial"}, "y"),
    ],
)
def test_models_refuse_their_response(formula: str, options: dict[str, object], column: str) -> None:
    with pytest.raises(bd.FormulaError, match=f"'{column}' is (part of )?the response"):
        bd.Model(formula, data(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "family", "gone"),
    [
        ("y", "gaussian", {"y"}),
        ("log(y)", "gaussian", {"y"}),
        ("weighted(y, w)", "gaussian", {"y", "w"}),
        ("prop(y, n)", "binomial", {"y", "n"}),
    ],
)
def test_the_dot_leaves_out_all_columns_of_the_response(left: str, family: str, gone: set[str]) -> None:
    rows = {name: values for name, values in data().items() if name not in ("se", "w")} | {"w": np.arange(1.0, 41.0)}
    model = bd.Model(f"{left} ~ .", rows, family)
    assert set(model.spec.others) == set(rows) - gone


def test_trials_may_be_a_predictor() -> None:
    assert "n" in bd.Model("prop(y, n) ~ n", data(), "binomial").priors.index
