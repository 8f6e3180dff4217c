"""Machine code that is kept: for the next model of one structure, in this process and in later ones.

Rewriting a graph and turning it into machine code takes seconds; the code depends on the structure of the log density
alone (:mod:`bayesdeep.ops.structure`), not on the numbers of one data set. It is kept in memory for this process and
in files for the next:

* The key is a hash of the whole structure, the versions of everything that takes part in compiling, bayesdeep's own
  source, the processor and numba's settings. There is nothing else the code could depend on.
* The folder is ``BAYESDEEP_CACHE_DIR``, else ``bayesdeep`` in the user's cache folder (``~/.cache`` on Linux, by platformdirs);
  an empty ``BAYESDEEP_CACHE_DIR`` means no files. :func:`clear` empties both.
* A file holds machine code, so only files are read that nobody but the user can have written: the folder must belong to the
  user and be closed to all others. A file that is damaged (each has a checksum), of another version, or unreadable
  is as good as none: the model is compiled.
"""

import hashlib
import logging
import os
import pickle  # numba's own form of machine code; read only from files that the user alone can have written
import platform
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.files import write_file

LOG = logging.getLogger("bayesdeep.numerics.code_cache")
MOST_IN_MEMORY = 64
MOST_FILES = 300
SUFFIX, LIBRARY_SUFFIX = ".code", ".library"
"""Of numba's machine code, and of libraries that a C compiler built (:mod:`.c_library`)."""

_kept: OrderedDict[str, Any] = OrderedDict()
_lock = Lock()


def code_for(key: str | None, build: Callable[[], Any]) -> Any:
    """Return numba's compile result for a key: from memory, from a file, or from ``build``.

    Parameters
    ----------
    key
        Of :func:`bayesdeep.ops.structure.structure_key`; None to build without keeping.
    build
        Returns a numba dispatcher that has been called once.
    """
    if key is None:
        return _only_result(build())
    key = f"{key} {_flags()}"
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    name = _file_name(key)
    result = _read(name)
    if result is None:
        dispatcher = build()
        result = _only_result(dispatcher)
        _write(name, dispatcher, result)
    with _lock:
        _kept[key] = result
        while len(_kept) > MOST_IN_MEMORY:
            _kept.popitem(last=False)
    return result


def clear(*, files: bool = True) -> int:
    """Forget all kept machine code, in memory and with ``files`` on disk; return how many files were removed.

    Fits that exist keep what they need.
    """
    with _lock:
        _kept.clear()
    removed = 0
    folder = cache_folder()
    if files and folder is not None and folder.is_dir():
        for path in (*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*{LIBRARY_SUFFIX}")):
            with suppress(OSError):
                path.unlink()
                removed += 1
        for path in folder.glob("*.part"):  # of processes that were ended while they wrote
            with suppress(OSError):
                path.unlink()
    return removed


def cache_folder() -> Path | None:
    """Return where files are kept; None where ``BAYESDEEP_CACHE_DIR`` is empty."""
    given = os.environ.get("BAYESDEEP_CACHE_DIR")
    if given is not None:
        return Path(given).expanduser() if given else None
    from platformdirs import user_cache_path

    return user_cache_path("bayesdeep", appauthor=False)


def _only_result(dispatcher: Any) -> Any:
    (result,) = list(dispatcher.overloads.values())[:1]
    return result


def _file_name(key: str) -> str:
    return hashlib.sha256(f"{key} {_surroundings()}".encode()).hexdigest() + SUFFIX


def _flags() -> str:
    """Return PyTensor's settings that change what is compiled."""
    from pytensor import config

    names = ("floatX", "optimizer", "optimizer_excluding", "optimizer_including", "optimizer_requiring", "cast_policy")
    return repr([str(getattr(config, name, None)) for name in names])


@cache
def _surroundings() -> str:
    """Return what machine code depends on beside the graph."""
    from llvmlite import binding
    from numba.core import config

    packages = ("pymc", "pytensor", "numba", "llvmlite", "numpy", "scipy")
    settings = {
        k: getattr(config, k, None) for k in ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "CPU_NAME")
    }
    return repr(
        (
            [f"{name} {version(name)}" for name in packages],
            sys.version,
            platform.platform(),
            binding.get_host_cpu_name(),
            binding.get_host_cpu_features().flatten(),
            settings,
            _own_source(),
        )
    )


def _own_source() -> str:
    """Return a hash of the package's source: operations and their machine code are defined in it."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def usable(folder: Path) -> bool:
    """Return whether nobody but the user can have written what is in the folder."""
    if not hasattr(os, "getuid"):
        return folder.is_dir()
    about = os.lstat(folder)
    return folder.is_dir() and not folder.is_symlink() and about.st_uid == os.getuid() and not about.st_mode & 0o077


def _read(name: str) -> Any:
    """Return the compile result in a file; None where there is none that can be used."""
    folder = cache_folder()
    try:
        if folder is None or not (folder / name).is_file() or not usable(folder):
            return None
        content = (folder / name).read_bytes()
        checksum, payload = content[:32], content[32:]
        if hashlib.sha256(payload).digest() != checksum:
            LOG.debug("%s is damaged; compiling", folder / name)
            return None
        from numba.core.compiler import CompileResult
        from numba.core.compiler_lock import global_compiler_lock
        from numba.core.registry import cpu_target
        from pytensor.link.numba.dispatch import basic  # noqa: F401  (symbols that the code may refer to)

        stored_name, parts = pickle.loads(payload)
        if stored_name != name:
            return None
        with global_compiler_lock:
            cpu_target.typing_context.refresh()
            cpu_target.target_context.refresh()
            result = CompileResult._rebuild(cpu_target.target_context, *parts)
        os.utime(folder / name)
        return result
    except Exception as error:
        LOG.debug("kept code could not be used: %s", error)
        return None


def _write(name: str, dispatcher: Any, result: Any) -> None:
    """Keep a compile result in a file, if it can be kept; what goes wrong costs the next process time only."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        if not usable(folder):
            LOG.debug("%s is open to others; no code is kept there", folder)
            return
        parts = _parts(dispatcher, result)
        if parts is None:
            return
        from numba.core.serialize import dumps

        payload = dumps((name, parts))
        content = hashlib.sha256(payload).digest() + payload
        write_file(folder / name, content, "kept code", BayesdeepError, mode=0o600)
        _remove_oldest(folder)
    except Exception as error:
        LOG.debug("code could not be kept: %s", error)


def _parts(dispatcher: Any, result: Any) -> Any:
    """Return what a compile result is rebuilt from: numba's own file of it, or the result taken apart."""
    if result.library.has_dynamic_globals or any(not lifted.can_cache for lifted in result.lifted):
        return None  # It has addresses of this process in it.
    stored = getattr(dispatcher._cache, "_cache_file", None)
    if stored is not None:
        signature = next(iter(dispatcher.overloads))
        parts = stored.load(dispatcher._cache._index_key(signature, result.target_context.codegen()))
        if parts is not None:
            return parts
    return result._reduce()


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in files[:-MOST_FILES]:
        with suppress(OSError):
            path.unlink()
