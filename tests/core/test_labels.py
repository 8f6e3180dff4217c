"""Labels by what they read."""

import numpy as np
import pytest

from bayesdeep.core.errors import DataError
from bayesdeep.core.labels import match, members, plain, reading_order, value_of

WHERE = "data: column 'g'"


@pytest.mark.parametrize(
    ("known", "found", "places"),
    [
        ((1, 2, 10), ("1", "2", "10"), (0, 1, 2)),
        ((1, 2, 10), (1.0, 2.0, 10.0), (0, 1, 2)),
        ((1, 2, 10), ("01", " 2", "1e1"), (0, 1, 2)),
        ((1, 2, 10), ("1", "2x", "x"), (0, -1, -1)),
        ((7, 8), ("007", "8.0"), (0, 1)),
        (("1", "2", "A4"), (1, 2, 4), (0, 1, -1)),
        (("1", "2", "A4"), (1.0, 2.0, "A4"), (0, 1, 2)),
        (("007", "A4"), (7,), (0,)),
        (("7", "007"), ("007", "7"), (1, 0)),
        (("7",), ("007",), (-1,)),
        (("1.0", "2.0"), (1, 2), (0, 1)),
        ((0.5, 1.25), ("0.5", "1.250"), (0, 1)),
        ((0.1, 0.2), (float(np.float32(0.1)), float(np.float32(0.2))), (0, 1)),
        ((float(np.float32(0.1)),), (0.1,), (0,)),
        ((0.1,), (0.1 + 1e-12,), (-1,)),
        ((False, True), ("TRUE", "false"), (1, 0)),
        ((False, True), (0, 1), (0, 1)),
        ((False, True), ("True", "true"), (1, 1)),
        (("2020-01-01",), ("2020-01-01", "2020-01-01 00:00:00"), (0, 0)),
        ((0, 1), (True, False), (1, 0)),
        (("True", "False", "unknown"), (True, False), (0, 1)),
        (("2020-01-31",), ("2020-01-31 00:00:00",), (0,)),
        (("2020-01-31 00:00:00", "2020-02-01 00:00:00"), ("2020-02-01",), (1,)),
        (("2020-01-31 10:00:00",), ("2020-01-31",), (-1,)),
        (("S\u00e3o",), ("Sa\u0303o",), (0,)),
        (("a", "b"), (np.str_("b"), np.str_("c")), (1, -1)),
        ((2**62 + 1, 2**62 + 2), (str(2**62 + 2), str(2**62 + 1)), (1, 0)),
        (("nan", "inf", "1_0", "٣"), (float("inf"), 10, 3), (-1, -1, -1)),
        ((), ("a",), (-1,)),
    ],
)
def test_places(known, found, places):
    assert match(found, known, WHERE).tolist() == list(places)


@pytest.mark.parametrize("labels", [(1, 2, 3), (0.25, 0.5), ("1", "01", "a"), (False, True), ("2020-01-01", "2020-01-01 00:00")])
def test_labels_are_their_own(labels):
    assert match(labels, labels, WHERE).tolist() == list(range(len(labels)))
    assert match(labels[::-1], labels, WHERE).tolist() == list(range(len(labels)))[::-1]


@pytest.mark.parametrize(
    ("known", "found", "message"),
    [
        (("7", "007"), (7,), r"has 7, which reads like '7' and '007', all of which"),
        (("7", "007"), (7.0,), "has 7.0, which reads like"),
        ((1, "1"), (1,), "reads like 1 and '1'"),
        ((1, "1"), ("1",), "reads like '1' and 1"),
        (("True", "1"), (True,), "reads like 'True' and '1'"),
        ((7, 8), ("7", "007"), r"has '7' and '007', which read alike: as 7"),
        ((0.5,), ("0.5", "0.50"), "read alike: as 0.5"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(known, found, message):
    with pytest.raises(DataError, match=rf"^data: column 'g' {message}|{message}"):
        match(found, known, WHERE)


def test_order_does_not_depend_on_types():
    assert sorted(["10", "9", "b", "a"], key=reading_order) == ["9", "10", "a", "b"]
    assert sorted([10, 9, 0.5], key=reading_order) == [0.5, 9, 10]


def test_values():
    assert [value_of(text) for text in ("12", "-3", "0.5", "x", "", "1e999", "true", "1" * 500)] == [
        12, -3, 0.5, None, None, None, True, None
    ]  # fmt: skip
    assert [type(plain(label)) for label in (np.int8(1), np.bool_(True), np.str_("a"), np.float32(0.5), (1,))] == [
        int, bool, str, float, str
    ]  # fmt: skip


def test_members():
    assert members("a:b", 2) == ["a", "b"]
    assert members("2020-01-31 00:00:00:b", 2) == ["2020-01-31", "b"]
    assert members("b:2020-01-31T00:00:00.000", 2) == ["b", "2020-01-31"]
    assert members("a:b:c", 2) is members("a", 2) is members("2020-01-31 10:00:b", 2) is None
