"""What each test costs in CPU time: hooks that write a record, and a command that holds every file to its share.

``BAYESDEEP_TEST_RECORD=record.jsonl uv run pytest`` appends a line ``[file, test, stage, seconds]`` for every test's setup
(with the fixtures it was the first to ask for), call and teardown: CPU time of the process, its threads and the children it
waited for. Unlike the clock, it says nearly the same on a busy machine. ``python tests/cpu_record.py record.jsonl`` prints the
dearest files and tests, and fails where a file takes more than its share.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

RECORD = "BAYESDEEP_TEST_RECORD"
MOST = 60.0
"""CPU seconds a file's default tests may take: the whole shall be over in seven minutes on two cores, which is 840 of them."""


def spent() -> float:
    """Return the CPU seconds of this process and of the children it waited for."""
    return sum(os.times()[:4])


def stage(item: pytest.Item, name: str) -> Iterator[None]:
    """Append what a stage of a test costs to the record, if one is asked for."""
    record, begin = os.environ.get(RECORD), spent()
    yield
    if record:
        file, _, test = item.nodeid.partition("::")
        with Path(record).open("a", encoding="utf-8") as lines:  # a short line is appended in one piece, whoever else writes
            lines.write(json.dumps([file, test, name, round(spent() - begin, 3)]) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Record fixtures."""
    yield from stage(item, "setup")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Record the test itself."""
    yield from stage(item, "call")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Record what is taken down."""
    yield from stage(item, "teardown")


def over(lines: list[str], most: float = MOST) -> list[str]:
    """Return a sentence for every file of a record that takes more CPU seconds than it may."""
    files: Counter[str] = Counter()
    for line in lines:
        file, _, _, seconds = json.loads(line)
        files[file] += seconds
    return [f"{file} takes {total:.0f} CPU seconds, more than the {most:.0f} a file may: mark its dearest tests "
            "integration, or few" for file, total in files.most_common() if total > most]  # fmt: skip


def main(path: str) -> int:
    """Print the dearest files and tests of a record; return 1 where a file takes more than it may."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if not lines:
        sys.exit(f"{path} is empty: set {RECORD} to its path and run pytest")
    files: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for line in lines:
        file, test, _, seconds = json.loads(line)
        files[file] += seconds
        tests[f"{file}::{test.partition('[')[0]}"] += seconds
    print(f"{files.total():.0f} CPU seconds")
    for counts in (files, tests):
        print(*(f"{seconds:8.1f}  {name}" for name, seconds in counts.most_common(15)), sep="\n")
    found = over(lines)
    print(*found, sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
