"""Draws as plain labelled arrays: what a fit holds until its ``idata`` is asked for.

xarray takes half a second to import, which tables and verdicts of a fit have no use for. These records read like the part of
xarray that our own tables use (``tree["posterior"]``, ``.data_vars``, ``.sizes``, ``.dims``, ``.transpose``, ``.attrs``), so that
one function serves both them and a tree that was loaded or that the user has changed. :func:`as_datatree` turns one into the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr

SAMPLE = ("chain", "draw")
STANDARD_ERRORS = "standard_errors"
"""Group of a point estimate that has them, with the posterior's variables; not a number where there is none."""
KEPT = "_completed"
"""Where a tree keeps the same tree with what was worked out later."""


@dataclass(frozen=True, eq=False)
class Array:
    """An array with named dimensions.

    Attributes
    ----------
    dims
        A name an axis.
    values
        The numbers.
    coords
        Labels by dimension; a dimension need not have any.
    attrs
        Such as ``role``.
    """

    dims: tuple[str, ...]
    values: np.ndarray
    coords: Mapping[str, np.ndarray] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the numbers."""
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the length of each axis."""
        return self.values.shape

    @property
    def size(self) -> int:
        """Return how many numbers there are."""
        return self.values.size

    @property
    def sizes(self) -> dict[str, int]:
        """Return the length of each dimension."""
        return dict(zip(self.dims, self.values.shape, strict=True))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __getitem__(self, dim: str) -> Array:
        labels = self.coords[dim] if dim in self.coords else np.arange(self.sizes[dim])
        return Array((dim,), labels)

    def to_numpy(self) -> np.ndarray:
        """Return the numbers."""
        return self.values

    def transpose(self, *dims: str | EllipsisType) -> Array:
        """Return the array with its dimensions in this order; ``...`` stands for those that are not named."""
        rest = [dim for dim in self.dims if dim not in dims]
        order = [name for dim in dims for name in (rest if isinstance(dim, EllipsisType) else [dim])]
        axes = [self.dims.index(name) for name in order]
        return Array(tuple(order), self.values.transpose(axes), self.coords, self.attrs)

    def mean(self, dims: Sequence[str]) -> np.ndarray:
        """Return the mean over some dimensions."""
        return self.values.mean(axis=tuple(self.dims.index(dim) for dim in dims))


@dataclass(frozen=True, eq=False)
class Group:
    """Arrays by name that share their dimensions.

    Attributes
    ----------
    data_vars
        By name.
    coords
        Labels by dimension.
    """

    data_vars: Mapping[str, Array]
    coords: Mapping[str, np.ndarray]

    @property
    def sizes(self) -> dict[str, int]:
        """Return the length of each dimension."""
        own = {dim: len(labels) for dim, labels in self.coords.items()}
        return {**own, **{dim: n for array in self.data_vars.values() for dim, n in array.sizes.items()}}

    def __contains__(self, name: object) -> bool:
        return name in self.data_vars

    def __getitem__(self, name: Any) -> Any:
        """Return an array by name, or for a list of names the group of these."""
        if isinstance(name, str):
            return self.data_vars[name]
        kept = {one: self.data_vars[one] for one in name}
        used = {*SAMPLE, *(dim for array in kept.values() for dim in array.dims)}
        return Group(kept, {dim: labels for dim, labels in self.coords.items() if dim in used})

    def to_dataset(self) -> Group:
        """Return this."""
        return self


@dataclass(frozen=True, eq=False)
class Tree:
    """Groups by name, and what was said of them all.

    Attributes
    ----------
    children
        Groups by name: ``posterior`` and ``sample_stats``.
    attrs
        As ``idata.attrs``; may be added to.
    rest
        Makes the other groups of the tree, each an ``xarray.Dataset``.
    later
        Works out further variables of some groups, from what they hold; see :func:`completed`.
    """

    children: Mapping[str, Group]
    attrs: dict[str, Any]
    rest: Callable[[], Mapping[str, xr.Dataset]] = dict
    later: Callable[[], Mapping[str, Mapping[str, Array]]] = dict

    def __contains__(self, name: object) -> bool:
        return name in self.children

    def __getitem__(self, name: str) -> Group:
        return self.children[name]


def labelled(
    values: Mapping[str, np.ndarray],
    sizes: tuple[int, int],
    dims: Mapping[str, tuple[str, ...]] | None = None,
    coords: Mapping[str, np.ndarray] | None = None,
    attrs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Group:
    """Return a group of draws.

    Parameters
    ----------
    values
        By name, ``(chain, draw, …)`` or ``(chain * draw, …)``.
    sizes
        Numbers of chains and of draws of each.
    dims
        By name, the dimensions after chain and draw; none where there are none.
    coords
        Labels by dimension.
    attrs
        By name.
    """
    labels = {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1]), **(coords or {})}
    found = {}
    for name, value in values.items():
        own = (*SAMPLE, *(dims or {}).get(name, ()))
        shape = value.shape[len(value.shape) - len(own) + 2 :]
        here = {dim: labels[dim] for dim in own if dim in labels}
        found[name] = Array(own, value.reshape(*sizes, *shape), here, (attrs or {}).get(name, {}))
    return Group(found, labels)


def as_dataset(group: Group) -> xr.Dataset:
    """Return a group as xarray has it."""
    data = {name: (array.dims, array.values, dict(array.attrs)) for name, array in group.data_vars.items()}
    return xr.Dataset(data, coords=dict(group.coords))


def as_datatree(tree: Tree | xr.DataTree) -> xr.DataTree:
    """Return what a fit holds as the ``DataTree`` that users see; one that is one already is returned as it is."""
    if not isinstance(tree, Tree):
        return tree
    tree = completed(tree)
    groups = {name: as_dataset(group) for name, group in tree.children.items()}
    made = xr.DataTree.from_dict({**groups, **tree.rest()})
    made.attrs.update(tree.attrs)
    made["posterior"].attrs.update({"sampling_time": tree.attrs["seconds_sample"], "inference_library": "bayesdeep"})
    return made


def completed[T](tree: T) -> T:
    """Return a tree with the variables that are worked out when they are first asked for; a ``DataTree`` has them."""
    if not isinstance(tree, Tree):
        return tree
    if KEPT not in vars(tree):
        more = tree.later()
        children = {
            name: Group({**group.data_vars, **more[name]}, group.coords) if name in more else group
            for name, group in tree.children.items()
        }
        vars(tree)[KEPT] = replace(tree, children=children, later=dict)
    found: T = vars(tree)[KEPT]
    return found
