"""Writing a report to disk: completely or not at all."""

import os
from pathlib import Path

from bayesdeep.core.errors import FitError, nearest

from .html import to_html
from .markdown import to_markdown
from .render import document
from .section import Subject

SUFFIXES = (".html", ".md")


def check_path(path: str | Path, overwrite: bool) -> Path:
    """Return the path if a report can go there; checked before any work is done."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise FitError(f"report: '{path.name}' ends in '{path.suffix}'; a report is .html or .md{_hint(path)}")
    if path.is_dir():
        raise FitError(f"report: '{path}' is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise FitError(f"report: there is no folder '{path.parent}'")
    for there in (path, figures_folder(path)):
        if there.exists() and not overwrite and not (there != path and path.suffix.lower() != ".md"):
            raise FitError(f"report: '{there}' exists; pass overwrite=True or choose another name")
    if not os.access(path.parent, os.W_OK):
        raise FitError(f"report: no permission to write in '{path.parent}'")
    return path


def _hint(path: Path) -> str:
    return nearest(path.suffix, SUFFIXES) if path.suffix else ""


def figures_folder(path: Path) -> Path:
    """Return the folder for the figures of a Markdown report."""
    return path.with_name(f"{path.stem}_figures")


def write(subject: Subject, path: Path, title: str, overwrite: bool) -> Path:
    """Write the report on a subject; a failure leaves what was there before."""
    made = document(subject, title)
    if path.suffix.lower() == ".html":
        _replace(path, to_html(made).encode("utf-8"))
        return path
    folder = figures_folder(path)
    text, files = to_markdown(made, folder.name)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FitError(f"report: cannot make the folder '{folder}': {error.strerror}") from error
    for name, image in files.items():
        _replace(folder / name, image)
    _replace(path, text.encode("utf-8"))
    return path


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise FitError(f"report: cannot write '{path}': {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
