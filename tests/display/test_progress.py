"""A bar is drawn where it can be: in a terminal, and in a notebook that has widgets."""

import sys
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
