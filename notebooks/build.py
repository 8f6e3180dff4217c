"""Write the notebooks from the cells below and run them: ``uv run python notebooks/build.py [NAME …]``.

The text of a notebook is kept in cells/, where a change can be read; the .ipynb holds the same cells with their output.
"""

import sys
from pathlib import Path

import nbformat
from cells import (
    hierarchical_vs_deep,
    model_comparison,
    posterior_diagnostics,
    priors,
    radon,
    recursive_glm,
    small_and_new_groups,
    smooths_processes_networks,
    survival,
)
from cells.settings import SETTINGS
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).parent
__all__ = ["NOTEBOOKS", "SETTINGS", "notebook", "run"]
NOTEBOOKS = {
    "01-radon": radon.CELLS,
    "02-recursive-glm": recursive_glm.CELLS,
    "03-hierarchical-vs-deep": hierarchical_vs_deep.CELLS,
    "04-model-comparison": model_comparison.CELLS,
    "05-posterior-diagnostics": posterior_diagnostics.CELLS,
    "06-small-and-new-groups": small_and_new_groups.CELLS,
    "07-priors": priors.CELLS,
    "08-smooths-processes-networks": smooths_processes_networks.CELLS,
    "09-survival": survival.CELLS,
}


def notebook(cells: list[tuple[str, str]]) -> nbformat.NotebookNode:
    """Return a notebook of these cells, without output."""
    made = [new_markdown_cell(text) if kind == "md" else new_code_cell(text) for kind, text in cells]
    for i, cell in enumerate(made):
        cell["id"] = f"cell-{i:02d}"
    book = new_notebook(cells=made)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return book


def run(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run a notebook in place and return it."""
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    return book


def main(names: list[str]) -> None:
    """Build the named notebooks, or all."""
    for name in names or list(NOTEBOOKS):
        nbformat.write(run(notebook(NOTEBOOKS[name])), HERE / f"{name}.ipynb")
        print(f"wrote {name}.ipynb")


if __name__ == "__main__":
    main(sys.argv[1:])
