"""Progress of long work: one bar with rate and time left, in a terminal or a notebook; silence elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
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


def wanted(progress: bool) -> bool:
    """Return whether to show a bar: asked for, and there is a terminal or a notebook to show it in.

    In a notebook rich draws by ipywidgets; without them it would warn that they are missing, ten times a second.
    """
    if "ipykernel" in sys.modules:
        return progress and find_spec("ipywidgets") is not None
    return progress and sys.stderr.isatty()


@contextmanager
def progress_bar(title: str, progress: bool) -> Iterator[Silent | Bar]:
    """Yield something with ``update(done, total, note)``."""
    if not wanted(progress):
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
