"""A bar is drawn where it can be: in a terminal, and in a notebook that has widgets."""

import sys
import time
import warnings
from types import SimpleNamespace

import pytest

from bayesdeep.display import progress


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("notebook", [True, False])
@pytest.mark.parametrize("widgets", [True, False])
def test_where_a_bar_is_drawn(asked, terminal, notebook, widgets, monkeypatch):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: terminal))
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace()) if notebook else monkeypatch.delitem(
        sys.modules, "ipykernel", raising=False
    )
    monkeypatch.setattr(progress, "find_spec", lambda name: object() if widgets and name == "ipywidgets" else None)
    assert progress.wanted(asked) == (asked and (widgets if notebook else terminal))


def test_a_notebook_without_widgets_is_not_flooded_with_warnings(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with progress.progress_bar("long work", True) as bar:
            for done in range(3):
                bar.update(done, 3)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_long_work_is_told_in_lines(monkeypatch, capsys):
    monkeypatch.setattr(progress, "wanted", lambda asked: False)
    monkeypatch.setattr(progress, "EVERY", 0.2)
    with progress.progress_bar("Refits", True, lines=True) as bar:
        bar.update(1, 4, "flat")
        time.sleep(0.5)
        bar.update(3, 4)
        time.sleep(0.3)
    out, lines = capsys.readouterr()
    assert out == ""
    lines = lines.splitlines()
    assert lines[0].startswith("Refits: 1 of 4, 0 s, about ")
    assert lines[0].endswith("s left (flat)")
    assert lines[-1].startswith("Refits: 3 of 4, 1 s, about 0 s left")
    time.sleep(0.3)
    with progress.progress_bar("Refits", False, lines=True) as bar:
        bar.update(1, 4)
        time.sleep(0.3)
    with progress.progress_bar("sampling", True) as bar:
        bar.update(1, 4)
        time.sleep(0.3)
    assert capsys.readouterr() == ("", "")


def test_a_line_before_the_first_is_done_says_how_long_it_took_and_no_numbers() -> None:
    lines = progress.Lines("Leave-one-out", 10.0)
    assert lines._line() == "Leave-one-out: 0 s"
    lines.update(0, 120, "one")
    assert lines._line() == "Leave-one-out: 0 of 120, 0 s (one)"
