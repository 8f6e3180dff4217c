"""Notebooks run from top to bottom with small settings, and the committed ones hold the cells they are built from."""

import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
SMALL = "SETTINGS = dict(draws=100, tune=200, chains=2, seed=1, progress=False)"


@pytest.fixture(scope="module")
def build():
    sys.path.insert(0, str(FOLDER))
    try:
        import build
    finally:
        sys.path.remove(str(FOLDER))
    return build


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda p: p.stem)
def test_committed_notebook_has_its_cells_and_pictures(build, path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    assert [cell.source for cell in book.cells] == [text for _, text in build.NOTEBOOKS[path.stem]]
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert "site-packages" not in path.read_text(encoding="utf-8"), "a warning, with the paths of the machine it was run on"
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.integration
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", sorted(p.stem for p in FOLDER.glob("*.ipynb")))
def test_notebook_runs_with_small_settings(build, name: str) -> None:
    cells = build.NOTEBOOKS[name]
    small = [(kind, text.replace(build.SETTINGS, SMALL)) for kind, text in cells]
    assert small != cells, f"{name} has no settings to make small"
    book = build.run(build.notebook(small))
    assert all(cell.execution_count for cell in book.cells if cell.cell_type == "code")


def test_every_notebook_is_there(build) -> None:
    assert sorted(build.NOTEBOOKS) == sorted(p.stem for p in FOLDER.glob("*.ipynb"))
