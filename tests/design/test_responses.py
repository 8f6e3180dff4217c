"""Responses: each function with good rows, bad rows and new rows."""

import numpy as np
import pandas as pd
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.design.missing import check_missing
from bayesdeep.design.responses import read_prediction_parts, read_response, response_gaps
from bayesdeep.formula.nodes import Binary, Call, Name, Number, Text, Unary
from bayesdeep.formula.parser import parse
from bayesdeep.formula.walk import columns

WHERE = "formula 'the formula'"
DATA = {
    "y": [1.0, 2.5, 4.0],
    "upper": [1.0, 3.5, 4.0],
    "k": [0, 3, 5],
    "n": [4, 3, 9],
    "a": [1, 0, 2],
    "w": [0.0, 1.0, 2.5],
    "low": [0.0, 2.0, 1.0],
    "status": ["none", "interval", "right"],
    "onesided": ["none", "left", "right"],
    "coded": [0, -1, 1],
    "coded2": [0.0, 2.0, 1.0],
    "flag": [True, False, True],
    "t": ["no", "yes", "no"],
    "half": [0.5, 1.0, 2.0],
}


def call(function, *arguments, **options):
    nodes = [as_node(argument) for argument in arguments]
    keywords = tuple((word, as_node(value)) for word, value in options.items())
    texts = [n.name if isinstance(n, Name) else n.source for n in nodes]
    return Call(function, tuple(nodes), keywords, source=f"{function}({', '.join(texts)})")


def as_node(value):
    if isinstance(value, str):
        return Name(value, value)
    if isinstance(value, int | float):
        return Unary("-", Number(-value), source=str(value)) if value < 0 else Number(value, str(value))
    return value


def read(node, data=DATA):
    return read_response(as_node(node), read_frame(data), WHERE)


def without(*names):
    return {name: values for name, values in DATA.items() if name not in names}


def parts(node, data):
    return read_prediction_parts(as_node(node), read_frame(data), WHERE)


def test_plain_responses():
    assert read("y").value.tolist() == DATA["y"]
    assert read("y").levels is None
    assert read("k").value.dtype == np.int64
    assert read("y").modifiers == frozenset()
    text = read("t")
    assert (text.levels, text.value.tolist()) == (("no", "yes"), [0, 1, 0])
    flag = read("flag")
    assert (flag.levels, flag.value.tolist(), flag.value.dtype) == ((False, True), [1, 0, 1], np.int64)
    ordered = read("q", {"q": pd.Categorical(["lo", "hi"], ["lo", "hi"], ordered=True)})
    assert ordered.ordered
    assert ordered.levels == ("lo", "hi")


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("declared", [["lo", "mid", "hi"], ["zero", "lo", "hi"], ["hi", "lo", "top"], [3, 1, 2]])
def test_declared_levels_that_no_row_has(declared, ordered):
    """Whatever is declared reaches the family, which decides what to make of it."""
    labels = [level for level in declared if level not in ("mid", "zero", "top", 2)]
    q = pd.Categorical([labels[0], labels[1], labels[0]], declared, ordered=ordered)
    found = read("q", {"q": q})
    assert (found.levels, found.ordered) == (tuple(declared), ordered)
    assert [found.levels[code] for code in found.value] == [labels[0], labels[1], labels[0]]


def test_expressions():
    logged = read(call("log", "y"))
    assert logged.name == "log(y)"
    np.testing.assert_allclose(logged.value, np.log(DATA["y"]))
    tenth = read(Binary("/", as_node("y"), as_node(10), source="y / 10"))
    assert tenth.name == "y / 10"
    np.testing.assert_allclose(tenth.value, np.array(DATA["y"]) / 10)
    with pytest.raises(DataError, match=r"^data: log\(k\): column 'k': .* in 1 of 3 rows"):
        read(call("log", "k"))
    with pytest.raises(FormulaError, match=r"scale\(\) cannot be used here"):
        read(call("scale", "y"))


def test_prop():
    found = read(call("prop", "k", "n"))
    assert found.name == "k"
    assert found.value.tolist() == [0, 3, 5]
    assert found.trials.tolist() == [4, 3, 9]
    assert found.modifiers == {"prop"}
    assert read(call("prop", "k", 5)).trials.tolist() == [5, 5, 5]
    assert read(call("prop", "k", "n"), {"k": [1.0, 2.0], "n": [2.0, 2.0]}).value.dtype == np.int64


def test_truncated():
    found = read(call("truncated", "y", "low", 5))
    assert found.lower_bound.tolist() == DATA["low"]
    assert found.upper_bound.tolist() == [5, 5, 5]
    assert found.modifiers == {"truncated"}
    assert read(call("truncated", "y", ub=4)).lower_bound.tolist() == [-np.inf] * 3
    assert read(call("truncated", "y", -1)).lower_bound.tolist() == [-1] * 3
    assert read(call("truncated", "y", lb="low")).upper_bound.tolist() == [np.inf] * 3


@pytest.mark.parametrize("status", ["onesided", "coded"])
def test_censored(status):
    found = read(call("censored", "y", status))
    assert found.name == "y"
    assert found.status.tolist() == [0, -1, 1]
    assert found.status.dtype == np.int8
    assert found.upper.tolist() == DATA["y"]
    assert found.modifiers == {"censored"}


@pytest.mark.parametrize("status", ["status", "coded2"])
def test_intervals(status):
    found = read(call("censored", "y", "upper", status))
    assert found.status.tolist() == [0, 2, 1]
    assert found.upper.tolist() == [1.0, 3.5, 4.0]


def test_weighted_around_the_others():
    found = read(call("weighted", call("truncated", call("censored", "y", "onesided"), lb=0), "w"))
    assert found.modifiers == {"weighted", "truncated", "censored"}
    assert found.name == "y"
    assert found.weights.tolist() == DATA["w"]
    assert read(call("weighted", call("prop", "k", "n"), "w")).trials.tolist() == DATA["n"]
    assert read(call("weighted", "t", "w")).levels == ("no", "yes")


@pytest.mark.parametrize("function", ["c", "cbind"])
def test_counts(function):
    found = read(call(function, "a", "k", "n"))
    assert found.value.tolist() == [[1, 0, 4], [0, 3, 3], [2, 5, 9]]
    assert found.levels == ("a", "k", "n")
    assert found.name == "a"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (call("prop", "n", "k"), "column 'n' should be at most 'k', the number of trials; 2 of 3 rows do not (the"),
        (call("prop", "n", "k"), "the first is row 1: n = 4, k = 0)"),
        (call("prop", "half", "n"), "column 'half' should hold counts, 0, 1, 2, …; 1 of 3 rows"),
        (call("prop", "k", 4.5), "column '4.5' should hold counts"),
        (call("prop", "t", "n"), "column 't' holds text or categories where numbers are needed"),
        (call("prop", "coded", "n"), "column 'coded' should hold counts"),
        (call("truncated", "y", 2), "'y' should lie within the bounds; in 1 of 3 rows"),
        (call("truncated", "y", ub=2), "in 2 of 3 rows it does not (the first is row 2: y = 2.5, bounds -inf to 2)"),
        (call("truncated", "y", 9, 3), "the lower bound should be below the upper one"),
        (call("truncated", "t", 0), "truncated() needs numbers, and column 't'"),
        (call("truncated", "y", "t"), "column 't' holds text"),
        (call("censored", "y", "flag"), "column 'flag' is true/false"),
        (call("censored", "y", "t"), "column 't' has status 'no'; it should be"),
        (call("censored", "y", "k"), "column 'k' is a status, and it should be"),
        (call("censored", "y", "status"), "says interval in 1 of 3 rows, but there is no upper end; write censored(y,"),
        (call("censored", "y", "low", "status"), "'low' should be above 'y'; 1 of 3 rows"),
        (call("censored", "t", "onesided"), "censored() needs numbers"),
        (call("weighted", "y", "coded"), "should hold weights from 0 on; 1 of 3 rows"),
        (call("weighted", "y", 0), "all weights"),
        (call("c", "a", "t"), "column 't' holds text or categories where numbers"),
    ],
)
def test_bad_rows(node, message):
    with pytest.raises(DataError, match=r"^data: ") as raised:
        read(node)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (call("prop", "k"), "prop(k): it takes successes and trials"),
        (call("prop", "k", "n", "a"), "3 arguments are too many"),
        (call("prop", "k", "n", m="a"), "unknown option 'm'"),
        (call("truncated", "y"), "it takes a lower or an upper bound"),
        (call("truncated", "y", 0, lb=0), "the bound lb is given twice"),
        (call("truncated", "y", lb=Text("a")), "lb='a' should be a number or a column"),
        (call("censored", "y"), "it takes a status"),
        (call("weighted", "y"), "column of weights"),
        (call("weighted", call("weighted", "y", "w"), "w"), "weights already"),
        (call("weighted", call("prop", "k"), "w"), "prop(k): it takes successes"),
        (call("c", "a"), "two columns or more, counts or shares"),
        (call("c", "a", "a"), "names a column twice"),
        (call("prop", call("weighted", "k", "w"), "n"), "weighted() cannot be used here"),
        ("z", "no column 'z' in the data"),
    ],
)
def test_bad_calls(node, message):
    with pytest.raises(FormulaError) as raised:
        read(node)
    assert str(raised.value).startswith(f"{WHERE}: ")
    assert str(raised.value).count(WHERE) == 1
    assert message in str(raised.value)


def test_new_rows_without_the_response():
    plain = parts("y", without("y"))
    assert plain.name == "y"
    assert np.isnan(plain.value).all()
    assert parts(call("prop", "k", "n"), without("k")).trials.tolist() == DATA["n"]
    assert parts(call("prop", "k", 7), without("k")).trials.tolist() == [7, 7, 7]
    bounds = parts(call("truncated", "y", "low", ub=9), without("y"))
    assert bounds.lower_bound.tolist() == DATA["low"]
    assert bounds.upper_bound.tolist() == [9, 9, 9]
    counts = parts(call("c", "a", "k"), without("a"))
    assert counts.levels == ("a", "k")
    assert counts.value.shape == (3, 2)


def test_new_rows_need_trials_and_bounds():
    with pytest.raises(DataError, match=r"^data: prop\(k, n\): no column 'n' in the data"):
        parts(call("prop", "k", "n"), without("n"))
    with pytest.raises(DataError, match=r"^data: truncated\(y, low\): no column 'low' in the data"):
        parts(call("truncated", "y", "low"), without("low"))
    with pytest.raises(DataError, match="no column 'low' in the data"):
        parts(call("truncated", "y", ub="low"), without("low"))
    with pytest.raises(DataError, match="column 'n' has missing values in 1 of 3 rows"):
        parts(call("prop", "k", "n"), {"n": [1, None, 2]})


def test_new_rows_are_not_judged_by_a_response_they_do_not_need():
    data = DATA | {"k": [99, None, 1], "y": [-5.0, None, 1.0]}
    assert parts(call("prop", "k", "n"), data).trials.tolist() == DATA["n"]
    assert parts(call("truncated", "y", lb=0), data).lower_bound.tolist() == [0, 0, 0]
    assert np.isnan(parts("y", DATA).value).all()


def test_new_rows_with_censoring():
    node = call("censored", "y", "upper", "status")
    found = parts(node, DATA)
    assert found.status.tolist() == [0, 2, 1]
    assert found.upper.tolist() == [1.0, 3.5, 4.0]
    assert found.value.tolist() == DATA["y"]
    for absent in ("y", "upper", "status"):
        assert parts(node, without(absent)).status is None


def test_new_rows_have_no_weights():
    node = call("weighted", call("prop", "k", "n"), "w")
    for data in (DATA, without("w"), without("w", "k")):
        found = parts(node, data)
        assert found.weights is None
        assert found.trials.tolist() == DATA["n"]
    assert parts(call("weighted", call("censored", "y", "coded"), "w"), without("w")).status.tolist() == [0, -1, 1]


GAPPY = {
    "y": [1.0, 2.5, 4.0, 2.0],
    "upper": [None, 3.5, None, np.inf],
    "status": ["none", "interval", "right", "left"],
    "low": [-np.inf, 2.0, 1.0, -np.inf],
    "high": [np.inf, 3.0, np.inf, np.inf],
}


def gaps(left, data=GAPPY, others=(), missing="error"):
    node = parse(f"{left} ~ x").response
    frame = read_frame(data)
    return check_missing(frame, columns(node), missing, gaps=response_gaps(node, frame, others))


def test_an_upper_end_is_needed_of_intervals_alone():
    node = parse("censored(y, upper, status) ~ x").response
    assert gaps("censored(y, upper, status)")[1] == 0
    found = read_response(node, read_frame(GAPPY), WHERE)
    assert found.upper.tolist() == [1.0, 3.5, 4.0, 2.0]
    assert found.status.tolist() == [0, 2, 1, -1]
    # So it is of an expression, whose other rows are not worked out.
    logged = read_response(parse("censored(log(y), log(upper), status) ~ x").response, read_frame(GAPPY), WHERE)
    np.testing.assert_allclose(logged.upper, np.log([1.0, 3.5, 4.0, 2.0]))
    absent = GAPPY | {"upper": [None, None, 4.0, 5.0]}
    with pytest.raises(DataError, match="1 of 4 rows have missing values: upper 1; an interval needs its upper end"):
        gaps("censored(y, upper, status)", absent)
    frame, dropped, _ = gaps("censored(y, upper, status)", absent, missing="drop")
    assert (frame.rows, dropped) == (3, 1)
    with pytest.raises(DataError, match="2 of 4 rows have missing values: upper 2"):
        gaps("censored(y, upper, status)", GAPPY | {"upper": [None, 3.5, None, 9.0]}, others=("upper",))


@pytest.mark.parametrize("lacking", ["y", "status"])
def test_a_value_and_a_status_are_needed_in_every_row(lacking):
    data = GAPPY | {lacking: [None, *GAPPY[lacking][1:]]}
    with pytest.raises(DataError, match=f"1 of 4 rows have missing values: {lacking} 1"):
        gaps("censored(y, upper, status)", data)


def test_an_interval_without_an_end_is_censored_on_one_side():
    data = {"y": [1.0, -np.inf, 3], "upper": [np.inf, 2.0, 4.0], "status": ["interval"] * 3}
    assert gaps("censored(y, upper, status)", data)[1] == 0
    found = read_response(parse("censored(y, upper, status) ~ x").response, read_frame(data), WHERE)
    assert found.status.tolist() == [1, -1, 2]
    assert found.value.tolist() == [1.0, 2.0, 3.0]
    assert found.upper.tolist() == [1.0, 2.0, 4.0]
    with pytest.raises(DataError, match="an interval without ends says nothing"):
        read(call("censored", "y", "upper", "status"), data | {"y": [-np.inf, 1.0, 1.0]})


def test_bounds_can_be_infinite_but_not_missing():
    assert gaps("truncated(y, low, high)")[1] == 0
    assert gaps("truncated(y, ub=high)")[1] == 0
    found = read(call("truncated", "y", "low", "high"), GAPPY)
    assert (found.lower_bound.tolist(), found.upper_bound.tolist()) == (GAPPY["low"], GAPPY["high"])
    with pytest.raises(DataError, match="low 1; a row without a bound has inf or -inf for it"):
        gaps("truncated(y, low, high)", GAPPY | {"low": [None, 2.0, 1.0, 0.0]})
    with pytest.raises(DataError, match="infinite values: y 1"):
        gaps("truncated(y, low, high)", GAPPY | {"y": [np.inf, 2.0, 2.0, 1.0]})
    for low, high in [(np.inf, np.inf), (-np.inf, -np.inf)]:
        with pytest.raises(DataError, match="the lower bound should be below the upper one"):
            read(call("truncated", "y", "low", "high"), GAPPY | {"low": [low] * 4, "high": [high] * 4})


@pytest.mark.parametrize("word", ["inf", "Inf"])
def test_an_infinite_bound_can_be_written(word):
    frame = read_frame({"y": [1.0, 2.0], "inf": [0.0, 0.5]})
    found = read_response(parse(f"truncated(y, -{word}, {word}) ~ 1").response, frame, WHERE)
    assert (found.lower_bound.tolist(), found.upper_bound.tolist()) == ([-np.inf] * 2, [np.inf] * 2)
    found = read_response(parse(f"truncated(y, lb=0, ub={word}) ~ 1").response, frame, WHERE)
    assert found.upper_bound.tolist() == [np.inf] * 2
    quoted = read_response(parse("truncated(inf, `inf`, 9) ~ 1").response, frame, WHERE)
    assert quoted.value.tolist() == quoted.lower_bound.tolist() == [0.0, 0.5]


def test_new_rows_are_censored_where_that_is_known():
    node = call("censored", "y", "upper", "status")
    found = parts(node, GAPPY | {"y": [1.0, 2.5, None, 2.0]})
    assert found.status.tolist() == [0, 2, 0, -1]
    assert found.value[[0, 1, 3]].tolist() == [1.0, 2.5, 2.0]
    assert parts(node, GAPPY | {"status": ["none", "interval", None, "left"]}).status.tolist() == [0, 2, 0, -1]
    assert parts(node, GAPPY | {"upper": [None] * 4}).status.tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize("infinite", [np.inf, 1e200])
def test_counts_beyond_exact_numbers_are_refused(infinite):
    data = {"k": [0, 1], "n": [3.0, infinite]}
    with pytest.raises(DataError, match="column 'n' should hold counts"):
        read(call("prop", "k", "n"), data)
    for name in ("multinomial", "dirichlet_multinomial"):  # several columns may be shares: the family says what they should be
        with pytest.raises(DataError, match=rf"{name} needs counts .*row 2 of 'n' is {infinite:g}".replace("+", "[+]")):
            FAMILIES[name].code(read(call("c", "k", "n"), data))
    with pytest.raises(DataError, match="column 'n' should hold counts"):
        parts(call("prop", "k", "n"), {"n": [3.0, infinite]})
