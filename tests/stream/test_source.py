"""The same rows from files, lazy frames and data sets; and what is said when they cannot be read."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import bayesdeep as bd
from bayesdeep.stream.stream_source import open_source, rebatched

FORMULA = "y ~ x + a + c + (1 + x | g)"


def frame(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    d = pd.DataFrame(
        {
            "extra": ["never read"] * rows,
            "x": rng.normal(size=rows),
            "a": rng.choice(["p", "q", "r"], rows),
            "c": pd.Categorical(rng.choice(["no", "yes"], rows), ["yes", "no"]),
            "g": rng.integers(0, 9, rows),
        }
    )
    return d.assign(y=d.x + d.g + rng.normal(size=rows))


def priors_of(data: Any, formula: str = FORMULA) -> list[str]:
    model = bd.Model(formula, data)
    assert model.rows == 300
    groups = [t.state["labels"] for t in model.spec.predictors[0].terms[1:]]
    return [*map(str, model.priors["prior"]), str(groups)]


@pytest.fixture
def parts(tmp_path: Path) -> str:
    table = pa.Table.from_pandas(frame())
    for i, (start, rows) in enumerate([(0, 120), (120, 1), (121, 179)]):
        pq.write_table(table.slice(start, rows), tmp_path / f"part{i}.parquet", row_group_size=50)
    return str(tmp_path / "*.parquet")


def test_parquet_files(parts: str, tmp_path: Path) -> None:
    want = priors_of(frame())
    assert priors_of(parts) == want
    whole = tmp_path / "whole.pq"
    frame().to_parquet(whole)
    assert priors_of(whole) == want
    assert priors_of(str(whole)) == want


def test_only_the_needed_columns_are_read(parts: str) -> None:
    source = open_source(parts)
    assert source is not None
    assert source.names == ("extra", "x", "a", "c", "g", "y")
    assert {tuple(t.column_names) for t in source.blocks(["y", "x"])} == {("y", "x")}
    assert sum(t.num_rows for t in source.blocks(["y"])) == 300


def test_text_in_parquet_is_sorted_and_categories_keep_their_order(parts: str) -> None:
    state = bd.Model("y ~ a + c", parts).spec.predictors[0].terms[0].state
    assert [t[3] for t in state["terms"]] == [["q", "r"], ["no"]]


def test_csv_files(tmp_path: Path) -> None:
    d = frame()
    for i, part in enumerate((d[:200], d[200:])):
        part.to_csv(tmp_path / f"part{i}.csv", index=False)
    d.to_csv(tmp_path / "tabs.tsv", index=False, sep="\t")
    want = priors_of(pd.concat([pd.read_csv(tmp_path / f"part{i}.csv") for i in (0, 1)]))
    assert priors_of(tmp_path / "part*.csv") == want
    assert priors_of(tmp_path / "tabs.tsv") == want


def test_missing_values_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("y,a\n1,u\n2,\n,v\n3,NA\n5,v\n4,u\n")
    with pytest.raises(bd.DataError) as ours:
        bd.Model("y ~ a", path)
    with pytest.raises(bd.DataError) as theirs:
        bd.Model("y ~ a", pd.read_csv(path))
    assert str(ours.value) == str(theirs.value)


def test_polars_lazy_frames(parts: str) -> None:
    want = priors_of(frame())
    assert priors_of(pl.scan_parquet(parts).with_columns(pl.col("c").cast(pl.Enum(["yes", "no"])))) == want
    # Polars' own categories have no declared order, in memory or not.
    loose = pl.from_pandas(frame()).with_columns(pl.col("c").cast(str).cast(pl.Categorical))
    assert priors_of(loose.lazy()) == priors_of(loose)
    # As with versions of polars that cannot hand out batches.
    source = open_source(loose.lazy())

    class Older:
        def __init__(self, lazy: Any) -> None:
            self._lazy = lazy

        def select(self, names: Any) -> "Older":
            return Older(self._lazy.select(names))

        def slice(self, start: int, rows: int) -> Any:
            return self._lazy.slice(start, rows)

    old = type(source)(Older(loose.lazy()), source.names)  # type: ignore[call-arg,union-attr]
    assert sum(t.num_rows for t in old.blocks(["y"])) == 300


def test_pyarrow_data_sets(parts: str, tmp_path: Path) -> None:
    files = sorted(map(str, tmp_path.glob("*.parquet")))
    assert priors_of(ds.dataset(files)) == priors_of(frame())


def test_polars_is_not_imported_unless_given(parts: str) -> None:
    read = f"list(open_source({parts!r}).blocks(['y']))"
    code = f"import sys; from bayesdeep.stream.stream_source import open_source; {read}; print('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_in_memory_is_no_source() -> None:
    for data in (frame(), pl.from_pandas(frame()), pa.Table.from_pandas(frame()), {"y": [1.0]}):
        assert open_source(data) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing*.parquet", "no file matches"),
        ("", "is a folder; name its files"),
        ("notes.txt", "is not read here; files end in"),
        ("bad.parquet", "bad.parquet' cannot be read"),
        ("*", "not all Parquet or all CSV"),
    ],
)
def test_what_is_said_of_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "notes.txt").write_text("y\n1\n")
    (tmp_path / "bad.parquet").write_text("no Parquet")
    with pytest.raises(bd.DataError, match=text):
        bd.Model("y ~ 1", str(tmp_path / name))


def test_a_file_without_a_column_is_named(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "a.parquet")
    frame().drop(columns="x").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(bd.DataError, match=r"b\.parquet' has no column 'x'"):
        bd.Model("y ~ x", str(tmp_path / "*.parquet"))


def test_types_that_change_in_the_middle_of_a_csv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayesdeep.stream.stream_source.CSV_BYTES", 4096)
    (tmp_path / "a.csv").write_text("y,x\n" + "1,2\n" * 6_000 + "1,three\n")
    with pytest.raises(bd.DataError, match=r"a\.csv' cannot be read: .*three"):
        bd.Model("y ~ x", str(tmp_path / "a.csv"))


def test_small_blocks_are_joined_and_empty_ones_left_out() -> None:
    sizes = [0, 1, 1, 5, 0, 3, 1]
    blocks = iter([pa.table({"x": np.arange(float(n))}) for n in sizes])
    assert [t.num_rows for t in rebatched(blocks, 3)] == [7, 3, 1]
    other = iter([pa.table({"x": [1.0]}), pa.table({"x": [1]})])
    assert [t.num_rows for t in rebatched(other, 3)] == [1, 1]
