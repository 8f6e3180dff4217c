"""The last line of a saved fit: its format, which version wrote it, and a checksum of all before it.

Libraries that read HDF5 trust what a file says of itself: a flipped bit can give wrong numbers, or end the process. So nothing of
a file is handed to them before the checksum has been found right. HDF5 ignores what comes after its own end, so that a sealed
file is still a NetCDF file for xarray, ArviZ and others.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO

from bayesdeep import __version__
from bayesdeep.core.errors import FitError

FORMAT = 5
"""Raised whenever an older version could not read, or would misread, what this one writes."""
HDF5 = b"\x89HDF\r\n\x1a\n"
MAX_LINE_BYTES = 256
LINE = re.compile(rb"\n(bayesdeep fit, format (\d{1,9}), written by bayesdeep ([\w.+!-]{1,60}), sha256 )([0-9a-f]{64})\n\Z")
BLOCK = 1 << 20


@dataclass(frozen=True)
class Seal:
    """What a seal says: the format, and the version that wrote the file; ``size`` is that of the content before it."""

    format: int
    version: str
    size: int


def seal(content: bytes | memoryview) -> bytes:
    """Return the line that goes after a content."""
    head = f"bayesdeep fit, format {FORMAT}, written by bayesdeep {__version__}, sha256 ".encode()
    digest = hashlib.sha256(content)
    digest.update(head)
    return b"\n" + head + digest.hexdigest().encode() + b"\n"


def check_seal(file: BinaryIO, name: str) -> Seal:
    """Return what an open file's seal says, if the content is what was sealed and this version can read it.

    Parameters
    ----------
    file
        Its position afterwards is the start.
    name
        For errors.

    Raises
    ------
    FitError
        For a file without a seal, with a wrong checksum, or of a format that this version does not know.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - MAX_LINE_BYTES))
    found = LINE.search(file.read(MAX_LINE_BYTES))
    if found is None:
        raise FitError(_unsealed(file, size, name))
    content = size - len(found.group())
    version = found.group(3).decode("utf-8", "replace")
    digest, left = hashlib.sha256(), content
    file.seek(0)
    while left > 0 and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    digest.update(found.group(1))
    if digest.hexdigest().encode() != found.group(4):
        raise FitError(
            f"load: '{name}' is damaged: its checksum is not that of what bayesdeep {version} saved; "
            "take another copy of the file, or fit again"
        )
    if int(found.group(2)) != FORMAT:
        raise FitError(
            f"load: '{name}' was saved by bayesdeep {version} in format {int(found.group(2))}, and bayesdeep {__version__} reads "
            f"format {FORMAT}; load it with version {version}, or fit again"
        )
    file.seek(0)
    return Seal(int(found.group(2)), version, content)


def _unsealed(file: BinaryIO, size: int, name: str) -> str:
    if size == 0:
        return f"load: '{name}' is not a saved fit: the file is empty"
    file.seek(0)
    if file.read(len(HDF5)) != HDF5:
        return f"load: '{name}' is not a saved fit, or is damaged: it does not begin as a NetCDF file does"
    return (
        f"load: '{name}' is a NetCDF file, but not a saved fit as fit.save() writes it, or it is damaged: the checksum at its "
        "end is missing. It may have been cut short, or written or changed by another program"
    )
