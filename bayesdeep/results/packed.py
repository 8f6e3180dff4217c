"""A tree as NetCDF can hold it, and back: nested attributes and odd texts are JSON, truth values are 0 and 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr

TYPES = "bayesdeep_types"
"""Attribute that says what was packed how: ``"json"`` or ``"bool"`` by name, in JSON."""
TEXTS = "bayesdeep_texts"
"""Attribute of a variable whose texts are JSON: ``"U"`` if all were text, ``"O"`` if not."""
INT64_LIMIT = 2**63


def pack(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree whose every attribute and variable NetCDF can hold.

    Raises
    ------
    TypeError
        For an attribute or a label that is neither text, nor a number, nor made up of these.
    """
    return _changed(tree, pack_attrs, _pack_variable)


def unpack(tree: xr.DataTree) -> xr.DataTree:
    """Return what was given to :func:`pack`."""
    return _changed(tree, unpack_attrs, _unpack_variable)


def _changed(
    tree: xr.DataTree, attrs: Callable[[Mapping[Any, Any]], dict[str, Any]], variable: Callable[[xr.Variable], xr.Variable]
) -> xr.DataTree:
    found = {}
    for node in tree.subtree:
        data = node.to_dataset(inherit=False)
        made = {name: variable(v) for name, v in data.variables.items()}
        found[node.path] = xr.Dataset(
            {name: made[name] for name in data.data_vars},
            {name: made[name] for name in data.coords},
            attrs(data.attrs),
        )
    return xr.DataTree.from_dict(found)


def pack_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as NetCDF can hold them."""
    found: dict[str, Any] = {}
    types: dict[str, str] = {}
    for key, value in attrs.items():
        name = str(key)
        if isinstance(value, bool | np.bool_):
            found[name], types[name] = int(value), "bool"
        elif _is_plain(value):
            found[name] = value
        else:
            found[name], types[name] = json.dumps(value, default=_simple), "json"
    return {**found, TYPES: json.dumps(types)} if types else found


def unpack_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what was given to :func:`pack_attrs`, tuples and arrays as lists."""
    types = json.loads(attrs[TYPES]) if TYPES in attrs else {}
    found: dict[str, Any] = {}
    for key, value in attrs.items():
        if key == TYPES:
            continue
        kind = types.get(key)
        plain = value.item() if isinstance(value, np.generic) else value
        found[str(key)] = json.loads(value) if kind == "json" else bool(plain) if kind == "bool" else plain
    return found


def _is_plain(value: Any) -> bool:
    """Return whether an attribute comes back from NetCDF as it was."""
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, int | np.integer):
        return -INT64_LIMIT <= int(value) < INT64_LIMIT
    return isinstance(value, float | np.floating)


def _is_text(value: str) -> bool:
    """Return whether a text is one of NetCDF's: no NUL, and no half of a character."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def text_array(labels: Sequence[str]) -> np.ndarray:
    """Return texts as an array; NumPy's own loses a NUL at their end, and with it the difference between two labels."""
    plain = len(labels) > 0 and not any(label.endswith("\0") for label in labels)
    return np.array(labels, dtype=str if plain else object)


def _simple(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} of type {type(value).__name__}, which is neither text nor a number, nor made up of these")


def _pack_variable(variable: xr.Variable) -> xr.Variable:
    attrs = pack_attrs(variable.attrs)
    values = np.asarray(variable.values)
    if values.dtype.kind not in "OUT":
        return xr.Variable(variable.dims, values, attrs)
    flat = values.ravel().tolist()
    if flat and all(isinstance(v, str) and _is_text(v) for v in flat):
        return xr.Variable(variable.dims, values, attrs)
    texts = np.array([json.dumps(v, default=_simple) for v in flat], dtype=str).reshape(values.shape)
    return xr.Variable(variable.dims, texts, {**attrs, TEXTS: "O" if values.dtype.kind == "O" else "U"})


def _unpack_variable(variable: xr.Variable) -> xr.Variable:
    attrs = unpack_attrs(variable.attrs)
    kind = attrs.pop(TEXTS, None)
    if kind is None:
        return xr.Variable(variable.dims, variable.values, attrs)
    values = np.empty(variable.size, dtype=object)
    values[:] = [json.loads(str(text)) for text in np.ravel(variable.values)]
    whole = values.astype(str) if kind == "U" else values
    return xr.Variable(variable.dims, whole.reshape(variable.shape), attrs)
