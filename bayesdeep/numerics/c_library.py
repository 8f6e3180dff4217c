"""A small C file as a library: built at first use by the machine's own compiler, kept, and loaded.

Nothing has to be installed: where there is no compiler, or ``BAYESDEEP_COMPILE`` is ``0``, there is no library, and who asks for
it has NumPy. The library is kept where other machine code is (:mod:`.code_cache`) under a name made of the source,
the compiler, its flags and the processor; what is not the user's own, or open to others, is not loaded.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.files import write_file

from .code_cache import LIBRARY_SUFFIX, LOG, cache_folder, usable

COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    *("-O3", "-march=native", "-std=gnu11", "-fPIC", "-shared"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fopenmp-simd"),
)
"""None of them lets a compiler reorder sums or leave out infinities and NaNs. The last but one lets it round a product and a sum
once; the last has it heed what the source says of loops whose turns do not depend on each other, and starts no threads."""
MAX_SECONDS = 60.0
"""Of a compiler, which takes less than one."""


@cache
def c_library(source: Path) -> ctypes.CDLL | None:
    """Return the library of a C file; None where it cannot be had."""
    if os.environ.get("BAYESDEEP_COMPILE") == "0":
        return None
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        return None
    try:
        return _loaded(source, Path(compiler).resolve())
    except Exception as error:  # whatever is wrong with a compiler or a folder, there is NumPy
        LOG.debug("%s could not be built or loaded: %s", source.name, error)
        return None


def _loaded(source: Path, compiler: Path) -> ctypes.CDLL:
    folder, name = cache_folder(), _name(source, compiler)
    if folder is not None and not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder is None or not usable(folder):
        with tempfile.TemporaryDirectory() as own:
            return ctypes.CDLL(str(_built(source, compiler, Path(own))))
    path = folder / name
    if not _own(path):
        with tempfile.TemporaryDirectory() as own:
            content = _built(source, compiler, Path(own)).read_bytes()
        if path.is_symlink():  # what it points to may be another's
            path.unlink()
        write_file(path, content, "kept code", BayesdeepError, mode=0o600)
    return ctypes.CDLL(str(path))


def _built(source: Path, compiler: Path, folder: Path) -> Path:
    """Return the library, built in a folder of this process's own."""
    target = folder / "library.so"
    command = [str(compiler), *FLAGS, "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=MAX_SECONDS, stdin=subprocess.DEVNULL)
    return target


def _own(path: Path) -> bool:
    """Return whether a file is there and nobody but the user can have written it."""
    try:
        about = os.lstat(path)
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISREG(about.st_mode)
    return stat.S_ISREG(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o022


def _name(source: Path, compiler: Path) -> str:
    """Return the file's name: a hash of all that the library depends on."""
    about = compiler.stat()
    parts = (source.read_bytes(), FLAGS, str(compiler), about.st_size, about.st_mtime_ns, _processor())
    return hashlib.sha256(repr(parts).encode()).hexdigest() + LIBRARY_SUFFIX


def _processor() -> tuple[str, ...]:
    """Return what is known of the processor, its instructions above all."""
    known = [platform.machine(), platform.processor(), platform.system()]
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return tuple(known)
    return (*known, *(line for line in lines if line.split(":")[0].strip() in ("model name", "flags", "Features", "isa")))
