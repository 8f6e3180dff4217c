"""What people write elsewhere is refused with what is written here, and that can be read."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.formula.elsewhere import CODINGS, LEFT, OF_OTHER_ROWS, WRITTEN, called
from bayesdeep.formula.expand import expand
from bayesdeep.formula.parser import parse
from bayesdeep.formula.vocabulary import LATER, allowed


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_said_right_of_the_tilde_can_be_written(name):
    assert allowed().kind(name) is None
    function = WRITTEN[name].partition("(")[0]
    with pytest.raises(FormulaError, match=rf"there is no {name}\(\) in a formula; it ") as caught:
        parse(f"y ~ z + {name}(x)")
    if function in LATER and allowed().kind(function) is None:
        assert "not available in this version" in str(caught.value)
    else:
        assert f"it is written {WRITTEN[name]}" in str(caught.value)
        expand(parse(f"y ~ {WRITTEN[name]}"))


@pytest.mark.parametrize("name", LEFT)
def test_what_is_said_left_of_the_tilde_can_be_written(name):
    assert allowed().kind(name) is None
    parse(f"{LEFT[name]} ~ x")
    for text in (f"{name}(y, k) ~ x", f"y | {name}(k) ~ x"):
        with pytest.raises(FormulaError, match="it is written") as caught:
            parse(text)
        assert LEFT[name] in str(caught.value)


@pytest.mark.parametrize("name", sorted(OF_OTHER_ROWS))
def test_what_needs_other_rows_is_a_column_of_the_data(name):
    assert allowed().kind(name) is None
    for text in (f"{name}(x)", f"x.{name}()", f"np.{name}(x)"):
        with pytest.raises(FormulaError, match=rf"{name}\(\) needs more rows than its own; add it to the data"):
            parse(f"y ~ {text}")


@pytest.mark.parametrize("coding", CODINGS)
def test_codings_of_r(coding):
    with pytest.raises(FormulaError, match="this coding is written") as caught:
        parse(f"y ~ C(g, contr.{coding})")
    assert CODINGS[coding] in str(caught.value)
    parse(f"y ~ {CODINGS[coding]}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y ~ df.x", "a column stands by its name alone: x"),
        ("y ~ I(x * np.pi)", "write 3.14159"),
        ("y ~ cut(x, [0, np.inf])", "write inf"),
        ("y ~ np.linalg.norm(x)", "functions of numbers, such as np.log(x)"),
        ("y ~ pd.cut(x, 3)", "write cut(…)"),
        ("y ~ math.log(x)", "write log(…)"),
        ("y ~ np.clip(x, 0, 1)", "it is written pmin(pmax(x, 0), 1)"),
        ("y ~ as.numeric(g)", "text is made numbers in the data"),
        ("y ~ my.column", "goes in backticks: `my.column`"),
        ("y ~ C(g, contr.poly)", "codings are C(g, Sum)"),
        ("y ~ C(g, Diff)", "'Diff' is no coding of a category; there are: Treatment, Sum, Helmert"),
        ("y ~ C(g, sum)", "did you mean 'Sum'?"),
        ("y ~ (1 | a + b)", "(… | a) + (… | b)"),
        ("y ~ (1 | cut(x, 4))", "add a column of its values to the data"),
        ("y ~ {x / 10}", "I(x / 10)"),
        ("y ~ x > 0 & z", "I(x > …)"),
        ("y ~ g & z", "I((x > 0) & (z > 0))"),
        ("y ~ log(x, 2)", "log2(x), log10(x)"),
        ("y | z ~ x", "weights are written weighted(y, w)"),
        ("y ~ hardly_known(x)", "unknown function 'hardly_known'"),
    ],
)
def test_what_stays_refused_says_what_to_write(text, said):
    with pytest.raises(FormulaError) as caught:
        expand(parse(text))
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["factor(g, Sum)", "relevel(g, Sum)", "cut(x, Sum)"])
def test_only_what_has_codings_takes_one(text):
    data = pd.DataFrame({"y": np.arange(6.0), "x": np.arange(6.0), "g": list("aabbcc")})
    with pytest.raises(FormulaError, match="Sum"):
        bd.Model(f"y ~ {text}", data)


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_are_known_by_what_others_call_them(family):
    record = FAMILIES[family]
    for parameter in record.parameters:
        for name, meaning in parameter.elsewhere.items():
            assert record.parameter(name) is None
            assert parameter.name in meaning
            with pytest.raises(FormulaError) as caught:
                bd.Model("y ~ x", {"y": [1.0, 2.0], "x": [1.0, 2.0]}, family, **{name: "~ x"})
            assert f"has no parameter '{name}'; what others call {name} is {meaning}: write {parameter.name}" in str(caught.value)


def test_the_probability_of_a_poisson_count_is_that_of_no_extra_zero():
    assert FAMILIES["zero_inflated_poisson"].parameter("zi").elsewhere == {"psi": "1 - zi"}
    assert called("nothing like it", allowed()) == ""
