"""Plug-ins of strangers, as CONTRIBUTING writes them, for as long as one test."""

import re
from pathlib import Path
from typing import Any

import pytest

from bayesdeep.core import registry


@pytest.fixture
def visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test registers be gone after it."""
    for one in registry.registries():
        monkeypatch.setattr(one, "_added", dict(one._added))
        monkeypatch.setattr(one, "_loaded", dict(one._loaded))


@pytest.fixture
def worked(visitors: None) -> dict[str, Any]:
    """Register the plug-ins that CONTRIBUTING works out, and return them by the names they have there."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    made: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        space: dict[str, Any] = {"__name__": "worked_example"}
        exec(compile(block, "CONTRIBUTING.md", "exec", dont_inherit=True), space)
        made |= {name: space[name] for name in ("FAMILY", "PRIOR", "TERM", "ENGINE", "SECTION") if name in space}
    return {name: registry.register(plugin, replace=True) for name, plugin in made.items()}
