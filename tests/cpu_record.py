"""What each test costs in CPU time: a plugin that writes a record, and a command that reads it.

``BAYESDEEP_TEST_RECORD=record.jsonl uv run pytest`` appends a line ``[file, test, stage, seconds]`` for every test's setup (with the
fixtures it was the first to ask for), call and teardown: CPU time of the process, its threads and the children it waited for. Unlike
the clock, it says the same on a busy machine.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

RECORD = "BAYESDEEP_TEST_RECORD"


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
    yield from stage(item, "setup")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield from stage(item, "call")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    yield from stage(item, "teardown")
