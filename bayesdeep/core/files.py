"""Writing files: completely or not at all, with an error that says why not.

Contents are written to new files beside their targets, brought to the disk, and only then put in the targets' place. Whatever
goes wrong before that (a full disk, a quota, Ctrl-C) leaves what was there, and nothing else. A target keeps its mode. A target
that is a symbolic link stays one: the file that it points to is replaced, as if one had written through the link.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import BayesdeepError

OVERWRITE = "pass overwrite=True"
"""How a user says that a file may be replaced, where there is no other way of saying it."""


def as_path(given: Any, where: str, error: type[BayesdeepError]) -> Path:
    """Return a path that a file system can be asked about."""
    try:
        path = Path(given)
        os.fsencode(path)
    except (TypeError, ValueError):
        raise error(f"{where}: {given!r} is no path; give text such as 'name.nc', or a pathlib.Path") from None
    if "\0" in str(path):
        raise error(f"{where}: {str(path)!r} has a NUL character in it, which no path can have")
    return path


def check_target(
    given: Any, where: str, error: type[BayesdeepError], *, overwrite: bool, advice: str = OVERWRITE
) -> Path:
    """Return the path if a file can be written there; for before any work is done.

    Parameters
    ----------
    given
        The path, as a user gave it.
    where, error
        How the text of an error begins, and its class.
    overwrite
        Whether a file that is there may be replaced.
    advice
        What the user does to replace it.
    """
    path = as_path(given, where, error)
    try:
        found = _mode(path)
        if found is not None and stat.S_ISDIR(found):
            raise error(f"{where}: '{path}' is a folder; give the name of a file in it")
        if not path.name or str(given).endswith(("/", os.sep)):
            raise error(f"{where}: '{given}' is the name of a folder; give the name of a file in it")
        if not path.parent.is_dir():
            raise error(f"{where}: there is no folder '{path.parent}'")
        if found is not None and not stat.S_ISREG(found):
            raise error(f"{where}: '{path}' is a device, a pipe or a socket, not a file; choose another name")
        if os.path.lexists(path) and not overwrite:
            raise error(f"{where}: '{path}' exists; {advice} or choose another name")
        target = _behind(path)
    except OSError as problem:
        raise _refused(where, path, problem, error) from problem
    if not target.parent.is_dir():
        raise error(f"{where}: '{path}' is a link to '{target}', and there is no folder '{target.parent}'")
    if not os.access(target.parent, os.W_OK):
        raise error(f"{where}: no permission to write in '{target.parent}'")
    if found is not None and not os.access(target, os.W_OK):
        raise error(f"{where}: no permission to write '{path}', which is read-only")
    return path


def write_file(
    path: Path, content: bytes | memoryview, where: str, error: type[BayesdeepError], *, mode: int | None = None
) -> Path:
    """Write one file, replacing what is there; see :func:`write_files`."""
    write_files({path: [content]}, where, error, mode=mode)
    return path


def write_files(
    contents: Mapping[Path, list[bytes | memoryview]], where: str, error: type[BayesdeepError], *, mode: int | None = None
) -> None:
    """Write files that belong together, each given in pieces; none takes its place before all of them are on the disk.

    Parameters
    ----------
    contents
        Pieces by path. Files that are there are replaced.
    where, error
        How the text of an error begins, and its class.
    mode
        Of the files; by default that of the file replaced, or what new files get.
    """
    for path in contents:
        check_target(path, where, error, overwrite=True)
    parts: dict[Path, Path] = {}
    path = next(iter(contents), Path())
    try:
        for path, pieces in contents.items():
            target = _behind(path)
            parts[target] = part = target.with_name(f".bayesdeep-{secrets.token_hex(8)}.part")
            _write(part, pieces)
            _take_after(part, target, mode)
        for target, part in parts.items():
            os.replace(part, target)
    except OSError as problem:
        _remove(parts.values())  # before it is asked how much room there is
        raise _refused(where, path, problem, error, sum(memoryview(piece).nbytes for piece in contents[path])) from problem
    finally:
        _remove(parts.values())
    for folder in {target.parent for target in parts}:
        _sync_folder(folder)


def _remove(parts: Iterable[Path]) -> None:
    for part in parts:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _write(part: Path, pieces: list[bytes | memoryview]) -> None:
    """Write a new file and wait until it is on the disk: some file systems say only then that they are full."""
    part.write_bytes(pieces[0])
    with part.open("ab") as file:
        for piece in pieces[1:]:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _take_after(part: Path, target: Path, mode: int | None) -> None:
    """Give a file the owner and mode of the one whose place it takes."""
    found = None
    with suppress(FileNotFoundError):
        found = target.stat()
    if found is not None and hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(part, found.st_uid, found.st_gid)
    if mode is None and found is not None:
        mode = stat.S_IMODE(found.st_mode)
    if mode is not None:
        part.chmod(mode)


def _mode(path: Path) -> int | None:
    """Return the type and mode of what a path leads to, or None."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _behind(path: Path) -> Path:
    """Return the path, or where it points to if it is a symbolic link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _sync_folder(folder: Path) -> None:
    """Bring a folder's new names to the disk, where folders can be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refused(
    where: str, path: Path, problem: OSError, error: type[BayesdeepError], size: int | None = None
) -> BayesdeepError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT) and size is not None:
        room = ""
        with suppress(OSError):
            room = f", {shutil.disk_usage(_behind(path).parent).free:,} are free"
        needs = f"{problem.strerror}; it needs {size:,} bytes{room}"
        return error(f"{where}: cannot write '{path}': {needs}; free some, or choose another folder")
    if isinstance(problem, PermissionError) or problem.errno == errno.EROFS:
        return error(f"{where}: no permission to write '{path}': {problem.strerror}")
    return error(f"{where}: cannot write '{path}': {problem.strerror or problem}")
