"""Progress of long work: a bar with rate and time left in a terminal or a notebook; elsewhere lines, of refits, or silence."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Event, Thread
from typing import Any


class Silent:
    """Report nothing."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """Do nothing."""
        del done, total, note


class Bar:
    """Report to a :mod:`rich` progress bar."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def update(self, done: int, total: int, note: str = "") -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, note=note)


EVERY = 10.0
"""Seconds between lines where there is no bar."""


class Lines:
    """Report by a line on standard error every :data:`EVERY` seconds, for as long as the work takes."""

    def __init__(self, title: str, every: float) -> None:
        self._title, self._every, self._began = title, every, time.perf_counter()
        self._state: tuple[int, int, str] = (0, 0, "")
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def update(self, done: int, total: int, note: str = "") -> None:
        """Note how far the work is."""
        self._state = done, total, note

    def __enter__(self) -> "Lines":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        done, total, note = self._state
        took = time.perf_counter() - self._began
        left = f", about {took / done * (total - done):.0f} s left" if done else ""
        far = f"{done:,} of {total:,}, " if total else ""  # before the first is done it may not be known how many there are
        return f"{self._title}: {far}{took:.0f} s{left}{f' ({note})' if note else ''}"


def wanted(progress: bool) -> bool:
    """Return whether to show a bar: asked for, and there is a terminal or a notebook to show it in.

    In a notebook rich draws by ipywidgets; without them it would warn that they are missing, ten times a second.
    """
    if "ipykernel" in sys.modules:
        return progress and find_spec("ipywidgets") is not None
    return progress and sys.stderr.isatty()


@contextmanager
def progress_bar(title: str, progress: bool, *, lines: bool = False) -> Iterator[Silent | Bar | Lines]:
    """Yield something with ``update(done, total, note)``; where no bar can be shown, ``lines`` are written if asked for."""
    if not wanted(progress):
        if progress and lines:
            with Lines(title, EVERY) as written:
                yield written
        else:
            yield Silent()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        yield Bar(bar, bar.add_task(title, total=None, note=""))
