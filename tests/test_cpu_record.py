"""The default run stays short: every file has its share of CPU time, and laws marked ``few`` leave no case to chance."""

import json

import pytest

from .conftest import kept
from .cpu_record import main, over


def line(file: str, seconds: float) -> str:
    return json.dumps([file, "test_it[1]", "call", seconds])


def test_a_file_may_take_its_share_and_no_more() -> None:
    lines = [line("tests/a.py", 6.0), line("tests/b.py", 5.0), line("tests/a.py", 5.0)]
    assert over(lines, 11.0) == []
    (found,) = over(lines, 10.5)
    assert found.startswith("tests/a.py takes 11 CPU seconds, more than the 10")


def test_the_command_fails_where_a_file_takes_too_much(tmp_path, capsys) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text(line("tests/a.py", 1.0) + "\n")
    assert main(str(path)) == 0
    path.write_text(line("tests/a.py", 1e6) + "\n")
    assert main(str(path)) == 1
    assert "tests/a.py takes 1000000 CPU seconds" in capsys.readouterr().out
    path.write_text("")
    with pytest.raises(SystemExit, match="is empty"):
        main(str(path))


@pytest.mark.parametrize(("number", "total"), [(1, 3), (4, 19), (7, 19), (19, 19), (5, 3)])
def test_a_few_cases_are_as_many_as_asked_for_and_others_for_other_tests(number: int, total: int) -> None:
    found = [kept(f"tests/test_a.py::test_{k}", number, total) for k in range(200)]
    assert {len(chosen) for chosen in found} == {min(number, total)}
    assert set.union(*found) == set(range(total))
