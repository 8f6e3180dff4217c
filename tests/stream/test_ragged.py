"""CSV files whose rows are not as their header, through every door that reads them."""

import bz2
import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bayesdeep as bd
from bayesdeep.cards.card_source import read_table
from bayesdeep.stream.ragged import check_rows

GOOD = [f"{i / 2},{i % 7},g{i % 3}" for i in range(40)]
HEADER = "y,x,g"


def _streamed(path: Path) -> int:
    return bd.Model("y ~ x", path).rows


def _table(path: Path) -> int:
    return len(read_table(path))


def _card(path: Path) -> int:
    card = path.with_suffix(".toml")
    card.write_text(f'title = "A"\nformula = "y ~ x"\ndata = "{path.name}"\n')
    return bd.Model.from_card(card).rows


DOORS: list[Callable[[Path], int]] = [_streamed, _table, _card]


def written(folder: Path, rows: list[str], header: str = HEADER, name: str = "rows.csv") -> Path:
    path = folder / name
    text = "\n".join([header, *rows]) + "\n"
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opener(path, "wt") as file:
        file.write(text)
    return path


def changed(place: int, row: str) -> list[str]:
    return [*GOOD[:place], row, *GOOD[place + 1 :]]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("rows", "line", "fields"),
    [
        (changed(20, "1.5,3,g1,9"), 22, "4 fields"),
        (changed(20, "1,5,3,g1"), 22, "4 fields"),
        (changed(20, "1.5,3"), 22, "2 fields"),
        (changed(20, "1.5"), 22, "1 field"),
        (changed(0, "1.5,3,g1,9"), 2, "4 fields"),
        (changed(0, "1.5,3"), 2, "2 fields"),
        (changed(39, "1.5,3,g1,"), 41, "4 fields"),
        ([f"{row},9" for row in GOOD], 2, "4 fields"),
        ([f"{row}," for row in GOOD], 2, "4 fields"),
        ([f"{i},{row}" for i, row in enumerate(GOOD)], 2, "4 fields"),
        (["", *changed(20, "1.5,3")], 23, "2 fields"),
    ],
)
def test_a_field_more_or_fewer_is_refused_with_its_line(
    door: Callable[[Path], int], rows: list[str], line: int, fields: str, tmp_path: Path
) -> None:
    said = rf"rows\.csv' cannot be read as CSV: line {line} has {fields}, but the header has 3 \(y, x, g\)"
    with pytest.raises(bd.DataError, match=said):
        door(written(tmp_path, rows))


@pytest.mark.parametrize("door", DOORS)
def test_good_files_are_read(door: Callable[[Path], int], tmp_path: Path) -> None:
    assert door(written(tmp_path, GOOD)) == 40
    assert door(written(tmp_path, ["", *GOOD, ""])) == 40
    quoted = [f'{i / 2},{i % 7},"a, ""b"" and{chr(10) if i == 3 else " "}c"' for i in range(40)]
    assert door(written(tmp_path, quoted)) == 40
    long = [f'{i / 2},{i % 7},{"a" * 200_000}' for i in range(40)]
    assert door(written(tmp_path, long)) == 40
    assert csv.field_size_limit() == 131_072


def test_a_line_after_a_field_of_several_lines(tmp_path: Path) -> None:
    rows = ['1,2,"a\nb\nc"', "1,2"]
    with pytest.raises(bd.DataError, match="line 5 has 2 fields"):
        check_rows(written(tmp_path, rows))


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.csv.bz2", "rows.tsv"])
def test_other_files_of_separated_values(name: str, tmp_path: Path) -> None:
    separator = "\t" if name.endswith("tsv") else ","
    rows = [row.replace(",", separator) for row in changed(7, "1,2,3,4")]
    path = written(tmp_path, rows, HEADER.replace(",", separator), name)
    with pytest.raises(bd.DataError, match="line 9 has 4 fields, but the header has 3"):
        bd.Model("y ~ x", path)


@pytest.mark.parametrize("door", DOORS)
def test_two_columns_of_one_name(door: Callable[[Path], int], tmp_path: Path) -> None:
    with pytest.raises(bd.DataError, match="more than one column is called 'x'"):
        door(written(tmp_path, GOOD, "y,x,x"))


@pytest.mark.parametrize("stray", ["n/a ", "?", "1.5x"])
def test_text_among_numbers_far_down(stray: str, tmp_path: Path) -> None:
    """The types of a file's columns are those of its first 16 MB; a text in a later row is found again."""
    padding = "z" * 3_000
    rows = [f"{i / 2},{i % 7},{padding}" for i in range(6_000)]
    rows.append(f"1.5,{stray},g")
    path = written(tmp_path, rows)
    with pytest.raises(bd.DataError, match=rf"column 'x' has text '{stray.replace('?', '[?]')}' in line 6002, but numbers"):
        bd.Model("y ~ x", path)
    with pytest.raises(bd.DataError, match=rf"column 'x' has text '{stray.replace('?', '[?]')}' in row 6001, otherwise numbers"):
        bd.Model("y ~ x", read_table(path))
