"""Saving a fit as one NetCDF file and reading it back; the file holds numbers and JSON, nothing that can run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

from bayesdeep.core.errors import FitError

from .tree import pack_attrs, unpack_attrs


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the place of ``path`` when all went well."""
    if path.exists() and not overwrite:
        raise FitError(f"save: '{path}' exists; pass overwrite=True or choose another name")
    if not path.parent.is_dir():
        raise FitError(f"save: there is no folder '{path.parent}'")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except PermissionError as error:
        raise FitError(f"save: no permission to write '{path}'") from error
    finally:
        part.unlink(missing_ok=True)


def save_tree(tree: xr.DataTree, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a tree as NetCDF-4."""
    path = Path(path)
    with replacing(path, overwrite) as part:
        packed = tree.copy()
        packed.attrs = pack_attrs(tree.attrs)
        packed.to_netcdf(part, engine="h5netcdf")
    return path


def load_tree(path: str | Path) -> xr.DataTree:
    """Read a tree that :func:`save_tree` wrote; all of it, so that the file is not held open."""
    path = Path(path)
    if not path.is_file():
        raise FitError(f"load: there is no file '{path}'")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError) as error:
        raise FitError(f"load: '{path}' is not a saved fit: {error}") from error
    if "spec" not in tree.attrs:
        raise FitError(f"load: '{path}' is a NetCDF file, but not a saved fit")
    tree.attrs = unpack_attrs(tree.attrs)
    return tree
