"""Writing a report to disk: completely or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.files import OVERWRITE, as_path, check_target, write_file, write_files

from .html import to_html
from .markdown import to_markdown
from .render import Document

SUFFIXES = (".html", ".md")


def check_path(path: str | Path, overwrite: bool) -> Path:
    """Return the path if a report can go there; checked before any work is done."""
    path = as_path(path, "report", FitError)
    if path.suffix.lower() not in SUFFIXES:
        raise FitError(f"report: '{path.name}' ends in '{path.suffix}'; a report is .html or .md{_hint(path)}")
    check_target(path, "report", FitError, overwrite=overwrite)
    folder = figures_folder(path)
    if path.suffix.lower() == ".md" and os.path.lexists(folder):
        if not folder.is_dir():
            raise FitError(f"report: '{folder}' is where the figures go, and is no folder; choose another name")
        if not overwrite:
            raise FitError(f"report: '{folder}' exists; {OVERWRITE} or choose another name")
        if not os.access(folder, os.W_OK):
            raise FitError(f"report: no permission to write in '{folder}'")
    return path


def _hint(path: Path) -> str:
    return nearest(path.suffix, SUFFIXES) if path.suffix else ""


def figures_folder(path: Path) -> Path:
    """Return the folder for the figures of a Markdown report."""
    return path.with_name(f"{path.stem}_figures")


def write(made: Document, path: Path, overwrite: bool) -> Path:
    """Write a report; a failure leaves what was there before."""
    check_path(path, overwrite)
    if path.suffix.lower() == ".html":
        return write_file(path, to_html(made).encode("utf-8"), "report", FitError)
    folder = figures_folder(path)
    text, files = to_markdown(made, folder.name)
    new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FitError(f"report: cannot make the folder '{folder}': {error.strerror}") from error
    contents: dict[Path, list[bytes | memoryview]] = {folder / name: [image] for name, image in files.items()}
    try:
        write_files({**contents, path: [text.encode("utf-8")]}, "report", FitError)
    except BaseException:
        if new:
            with suppress(OSError):
                folder.rmdir()
        raise
    return path
