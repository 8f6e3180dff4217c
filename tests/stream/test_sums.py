"""Sums whose labels become more while rows come: the same as sums over all rows at once."""

import numpy as np
import pytest

from bayesdeep.core.columns import Column
from bayesdeep.stream.label_tables import Combinations, Labels, Numbered
from bayesdeep.stream.moment_sums import PairTables, Tables, sums_by


@pytest.mark.parametrize("dense", [0, 12, 10_000])
def test_pairs_are_summed_in_tables_and_beyond(dense: int) -> None:
    rng = np.random.default_rng(0)
    first, second, weight = rng.integers(0, 9, 200), rng.integers(0, 6, 200), rng.normal(size=200)
    first[:40] %= 3
    second[:40] %= 3
    tables = PairTables(dense)
    for start, stop in ((0, 40), (40, 41), (41, 200)):
        rows = slice(start, stop)
        sizes = int(first[:stop].max()) + 1, int(second[:stop].max()) + 1
        tables.add(["n", "w"], (first[rows], second[rows]), sizes, [None, weight[rows]])
    count, total = np.zeros((10, 7)), np.zeros((10, 7))
    np.add.at(count, (first, second), 1.0)
    np.add.at(total, (first, second), weight)
    assert np.array_equal(tables.get("n", (10, 7)).toarray(), count)
    assert np.allclose(tables.get("w", (10, 7)).toarray(), total, rtol=1e-12, atol=1e-12)
    assert tables.get("nothing", (2, 3)).nnz == 0


def test_tables_grow_on_every_axis() -> None:
    tables = Tables()
    tables.add("a", np.ones((1, 2)))
    tables.add("a", np.full((3, 2), 2.0))
    tables.add("a", np.full((3, 4), 4.0))
    assert np.array_equal(tables.get("a", (3, 4)), [[7, 7, 4, 4], [6, 6, 4, 4], [6, 6, 4, 4]])


def test_sums_by_several_codes() -> None:
    a, b, w = np.array([0, 1, 1, 0]), np.array([2, 0, 2, 2]), np.array([1.0, 2.0, 4.0, 8.0])
    assert np.array_equal(sums_by([a, None, b], [2, 1, 3], w, 4), [[[0, 0, 9]], [[2, 0, 4]]])
    assert np.array_equal(sums_by([None, None], [1, 1], None, 4), [[4.0]])


@pytest.mark.parametrize("far", [1, 10**9])
def test_numbers_stay_with_their_values(far: int) -> None:
    numbered = Numbered()
    values = np.array([5, 3, 5, 9, 3, -7]) * far
    codes = np.concatenate([numbered.codes(values[:3]), numbered.codes(values[3:])])
    assert np.array_equal(np.asarray(numbered.index)[codes], values)
    assert len(numbered) == 4


def test_combinations_know_their_members() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.integers(0, n, 100) for n in (4, 3, 5)]
    combinations = Combinations(3)
    codes = np.concatenate([combinations.codes([p[:50] for p in parts]), combinations.codes([p[50:] for p in parts])])
    members = combinations.members(0)
    assert np.array_equal(members[codes], np.stack(parts, axis=1))
    assert len(members) == len({tuple(row) for row in np.stack(parts, axis=1).tolist()})


def test_text_that_no_row_has_is_no_label() -> None:
    labels = Labels("a")
    # Parquet hands out the dictionary of a whole row group with a slice of its rows.
    codes = labels.codes(Column("a", "text", np.array([2, 0, 2]), ("z", "never", "b")), None)
    found, numbers = labels.column()
    assert found.levels == ("b", "z")
    assert [found.levels[found.values[list(numbers).index(c)]] for c in codes] == ["b", "z", "b"]
