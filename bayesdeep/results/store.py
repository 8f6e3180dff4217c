"""Saving a fit as one NetCDF file and reading it back; the file holds numbers and JSON, nothing that can run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from bayesdeep.core.errors import FitError
from bayesdeep.core.files import as_path, check_target, write_files
from bayesdeep.core.lazy import xr
from bayesdeep.spec.model_spec import ModelSpec

from .contents import problem
from .packed import pack, unpack
from .seal import check_seal, seal

NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
"""How NetCDF marks what HDF5 needs for a dimension without labels: it says that it has a size, and is never read."""


def complete(tree: xr.DataTree, spec: ModelSpec, explain_choice: str) -> xr.DataTree:
    """Return a tree with everything beside the draws and rows that a fit is loaded from."""
    whole = tree.copy()
    whole.attrs = {**tree.attrs, "spec": spec.to_json()}
    if explain_choice:
        whole.attrs["explain_choice"] = explain_choice
    return whole


def tree_bytes(tree: xr.DataTree) -> list[bytes | memoryview]:
    """Return a tree as NetCDF-4 in two pieces: the content and its seal.

    It is made in memory: HDF5 cannot be told of a full disk without harm to the process.
    """
    if (found := problem(tree)) is not None:
        raise FitError(f"save: what is saved could not be loaded: {found}")
    try:
        content = pack(tree).to_netcdf(engine="h5netcdf")
    except MemoryError as error:
        raise FitError("save: there is not enough memory to make the file; a fit needs its own size once more") from error
    except (TypeError, ValueError, KeyError, OSError, RuntimeError) as error:
        raise FitError(f"save: the fit holds something that a NetCDF file cannot: {error}") from error
    assert isinstance(content, memoryview), "no file was named"
    return [content, seal(content)]


def save_tree(tree: xr.DataTree, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a tree as NetCDF-4, completely or not at all."""
    path = check_target(path, "save", FitError, overwrite=overwrite)
    write_files({path: tree_bytes(tree)}, "save", FitError)
    return path


def load_tree(path: str | Path) -> xr.DataTree:
    """Read a tree that :func:`save_tree` wrote; all of it, so that the file is not held open."""
    path = as_path(path, "load", FitError)
    try:
        if path.is_dir():
            raise FitError(f"load: '{path}' is a folder; give the name of a file in it")
        if not path.is_file():
            raise FitError(f"load: there is no file '{path}'")
        with path.open("rb") as file:
            return read_tree(file, str(path))
    except OSError as error:
        raise FitError(f"load: '{path}' cannot be read: {error.strerror or error}") from error


def read_tree(file: BinaryIO, name: str) -> xr.DataTree:
    """Read a tree from an open file; ``name`` is for errors."""
    sealed = check_seal(file, name)
    wrong = f"load: '{name}' was saved by bayesdeep {sealed.version}, and cannot be read"
    try:
        import h5py

        with h5py.File(file) as opened:
            declared = _declared(opened)
        if declared > sealed.size:
            raise FitError(f"{wrong}: it says that it holds {declared:,} bytes, and has {sealed.size:,}")
        file.seek(0)
        with xr.open_datatree(file, engine="h5netcdf") as opened:
            tree = unpack(opened.load())
    except FitError:
        raise
    except MemoryError as error:
        raise FitError(f"load: there is not enough memory for '{name}'") from error
    except Exception as error:  # whatever readers of HDF5, NetCDF and JSON say of what they cannot read
        raise FitError(f"{wrong}: {error}") from error
    if (found := problem(tree)) is not None:
        raise FitError(f"{wrong}: {found}")
    return tree


def _declared(file: Any) -> int:
    """Return how many bytes the variables of an HDF5 file say that they have; texts count as what refers to them."""
    import h5py

    sizes = [0]

    def add(name: str, item: Any) -> None:
        del name
        if isinstance(item, h5py.Dataset) and not bytes(item.attrs.get("NAME", b"")).startswith(NO_VARIABLE):
            sizes.append(item.size * item.dtype.itemsize)

    file.visititems(add)
    return sum(sizes)
