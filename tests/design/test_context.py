"""What terms may ask of the data: levels and codes of several columns as one, and categories."""

import json

import numpy as np
import pandas as pd
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.context import FrameContext
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.nodes import Call, Name


def column(name):
    return Name(name, name)


def context(data, where="data"):
    return FrameContext(read_frame(data), where)


def factor(*names):
    return tuple(column(name) for name in names)


def test_new_members_of_two_columns_have_codes_of_their_own():
    members = context({"g1": ["new", "a", "zoe", "b"], "g2": ["b", "zoe", "other", "new"]})
    labels = ("a", "b")
    one, two = (members.codes(factor(g), "mm", labels) for g in ("g1", "g2"))
    met = (*labels, *members.unseen["mm"])
    assert [met[code] for code in one] == ["new", "a", "zoe", "b"]
    assert [met[code] for code in two] == ["b", "zoe", "other", "new"]
    assert sorted(members.unseen["mm"]) == ["new", "other", "zoe"]
    assert members.rows_unseen["mm"] == 4
    np.testing.assert_array_equal(members.codes(factor("g1"), "mm", labels), one)
    assert len(members.unseen["mm"]) == 3


def test_new_members_are_one_by_what_they_read():
    members = context({"g1": [7, 9, 1], "g2": ["9", "x", "1"]})
    one, two = (members.codes(factor(g), "mm", (1, 2)) for g in ("g1", "g2"))
    assert one.tolist() == [2, 3, 0]
    assert two.tolist() == [3, 4, 0]
    assert members.unseen["mm"] == (7, 9, "x")


def test_other_names_count_for_themselves():
    groups = context({"g": ["new", "a"], "h": ["newer", "b"]})
    assert groups.codes(factor("g"), "g", ("a",)).tolist() == [1, 0]
    assert groups.codes(factor("h"), "h", ("b",)).tolist() == [1, 0]
    assert groups.unseen == {"g": ("new",), "h": ("newer",)}
    assert groups.rows_unseen == {"g": 1, "h": 1}


def test_known_groups_are_none_that_are_new():
    groups = context({"g": ["b", "a"]})
    assert groups.codes(factor("g"), "g", ("a", "b")).tolist() == [1, 0]
    assert groups.unseen == {"g": ()}
    assert groups.rows_unseen == {}


def test_one_name_of_two_sets_of_levels_is_refused():
    groups = context({"g": ["a"], "h": ["b"]})
    groups.codes(factor("g"), "g", ("a",))
    with pytest.raises(FormulaError, match="two grouping factors with different levels are called 'g'"):
        groups.codes(factor("h"), "g", ("b",))


DECLARED = ["mid", "low", "high"]


@pytest.mark.parametrize(
    ("data", "levels"),
    [
        ({"a": ["z", "b"], "b": ["b", "a"]}, ("a", "b", "z")),
        ({"a": [3, 10], "b": [7, 3]}, (3, 7, 10)),
        ({"a": ["10", "9"], "b": [9, 2]}, (2, "9", "10")),
        ({"a": pd.Categorical(["high", "mid"], DECLARED), "b": pd.Categorical(["low", "mid"], DECLARED)}, ("mid", "low", "high")),
        ({"a": pd.Categorical(["z", "b"], ["z", "b"]), "b": pd.Categorical(["c", "z"], ["c", "z"])}, ("z", "b", "c")),
    ],
    ids=["text", "numbers", "read alike", "declared", "declared differently"],
)
def test_levels_of_several_columns_are_each_there_once(data, levels):
    both = context(data)
    assert both.levels(factor("a"), factor("b")) == levels
    found = [both.codes(factor(g), "mm", levels) for g in ("a", "b")]
    assert both.unseen["mm"] == ()
    for codes, name in zip(found, "ab", strict=True):
        assert [str(levels[code]) for code in codes] == [str(value) for value in data[name]]
    assert both.levels(factor("a")) == both.learn_levels(factor("a"))


def test_levels_of_combinations_come_together_too():
    data = {"a": ["x", "y"], "b": ["1", "1"], "c": ["y", "x"]}
    assert context(data).levels(factor("a", "b"), factor("c", "b")) == ("x:1", "y:1")


def test_a_category_as_such():
    grades = pd.Categorical(["b", "c", "b"], ["a", "b", "c"], ordered=True)
    data = {"grade": grades, "text": ["v", "u", "v"], "yes": [True, False, True], "n": [3, 1, 2]}
    train = context(data, "formula 'y ~ mo(grade)'")
    found = train.category(column("grade"))
    assert (found.levels, found.ordered, found.declared) == (("b", "c"), True, ("a", "b", "c"))
    assert found.codes.tolist() == [0, 1, 0]
    assert found.codes.dtype == np.int64
    text = train.category(column("text"))
    assert (text.levels, text.ordered, text.declared, text.codes.tolist()) == (("u", "v"), False, ("u", "v"), [1, 0, 1])
    assert train.category(column("yes")).levels == (False, True)
    with pytest.raises(FormulaError, match=r"'n' holds numbers, and this needs a category; write C\(n\)"):
        train.category(column("n"))
    numbers = train.category(Call("C", factor("n"), source="C(n)"))
    assert (numbers.levels, numbers.codes.tolist()) == ((1, 2, 3), [2, 0, 1])
    new = context({"grade": ["c", "b"], "n": ["3", "1"]})
    assert new.category(column("grade"), json.loads(json.dumps(found.learned))).codes.tolist() == [1, 0]
    assert new.category(Call("C", factor("n"), source="C(n)"), numbers.learned).codes.tolist() == [2, 0]
    with pytest.raises(DataError, match="column 'grade' has level 'a' that the model was not fitted to"):
        context({"grade": ["a"]}).category(column("grade"), found.learned)
