"""Grouping factors as codes."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.frame import read_frame
from bayesdeep.design.group_levels import codes, learn_levels, new_levels
from bayesdeep.formula.nodes import Call, Name

WHERE = "formula 'y ~ (1 | g)'"


def factor(*names):
    return tuple(Name(name, name) for name in names)


@pytest.mark.parametrize(
    ("values", "labels", "expected"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([7, 3, 7], (3, 7), [1, 0, 1]),
        ([7.0, 3.0, 7.0], (3, 7), [1, 0, 1]),
        ([0.5, 0.25, 0.5], (0.25, 0.5), [1, 0, 1]),
        ([True, False, True], (False, True), [1, 0, 1]),
        ([True, True], (True,), [0, 0]),
        (pd.Categorical(["b", "a", "b"], ["b", "z", "a"]), ("b", "a"), [0, 1, 0]),
    ],
)
def test_levels_and_codes(values, labels, expected):
    frame = read_frame({"g": values})
    learned = learn_levels(factor("g"), frame, WHERE)
    assert learned == labels
    assert [type(label) for label in learned] == [type(label) for label in labels]
    again = json.loads(json.dumps(learned))
    found = codes(factor("g"), again, frame, WHERE)
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_combinations_are_those_observed():
    frame = read_frame({"a": ["B", "A", "A", "B"], "b": [2, 1, 1, 1]})
    labels = learn_levels(factor("a", "b"), frame, WHERE)
    assert labels == ("A:1", "B:1", "B:2")
    assert codes(factor("a", "b"), labels, frame, WHERE).tolist() == [2, 0, 0, 1]
    new = read_frame({"a": ["A", "A", "C", "A"], "b": [1, 2, 1, 2]})
    assert codes(factor("a", "b"), labels, new, WHERE).tolist() == [0, -1, -1, -1]
    unseen, found = new_levels(factor("a", "b"), labels, new, WHERE)
    assert unseen == ("A:2", "C:1")
    assert found.tolist() == [0, 3, 4, 3]


def test_three_factors_agree_with_text_joined_by_hand():
    rng = np.random.default_rng(1)
    data = {name: rng.integers(0, 4, 60).astype(str) for name in "abc"}
    labels = learn_levels(factor(*"abc"), read_frame(data), WHERE)
    joined = [":".join(parts) for parts in zip(*data.values(), strict=True)]
    assert set(labels) == set(joined)
    found = codes(factor(*"abc"), labels, read_frame(data), WHERE)
    assert [labels[code] for code in found] == joined


def test_new_levels():
    frame = read_frame({"g": ["z", "b", "c", "z"]})
    assert codes(factor("g"), ("a", "b"), frame, WHERE).tolist() == [-1, 1, -1, -1]
    assert new_levels(factor("g"), ("a", "b"), frame, WHERE)[0] == ("c", "z")
    assert new_levels(factor("g"), ("a", "b"), frame, WHERE)[1].tolist() == [3, 1, 2, 3]


def test_errors():
    frame = read_frame({"g": ["a", None], "a": ["x:y", "x"], "b": ["z", "y:z"]})
    with pytest.raises(FormulaError, match="no column 'h' in the data"):
        learn_levels(factor("h"), frame, WHERE)
    with pytest.raises(DataError, match=r"^data: no column 'h' in the data"):
        codes(factor("h"), ("a",), frame, WHERE)
    with pytest.raises(DataError, match="column 'g' has missing values in 1 of 2 rows"):
        learn_levels(factor("g"), frame, WHERE)
    with pytest.raises(DataError, match="two combinations of a:b read 'x:y:z'"):
        learn_levels(factor("a", "b"), frame, WHERE)
    with pytest.raises(FormulaError, match=r"'log\(g\)' cannot group rows"):
        learn_levels((Call("log", factor("g"), source="log(g)"),), frame, WHERE)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("g",), ("i",), ("g", "few")])
def test_a_million_rows(names):
    rng = np.random.default_rng(2)
    draws = rng.integers(0, 100_000, 1_000_000)
    levels = [f"level {i}" for i in range(100_000)]
    data = {"g": pd.Categorical.from_codes(draws, levels), "i": draws, "few": (draws % 2).astype(bool)}
    frame = read_frame(pd.DataFrame(data))
    for name in names:
        assert frame.columns[name].missing is None
    start = time.perf_counter()
    labels = learn_levels(factor(*names), frame, WHERE)
    found = codes(factor(*names), labels, frame, WHERE)
    assert time.perf_counter() - start < 1
    assert found.min() == 0
    assert found.max() == len(labels) - 1
