"""Compiled programs of training that are kept: folds of one model have programs that differ in nothing but the numbers."""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from bayesdeep.core.batches import Batch

MOST_KEPT = 16
ROWS = 64
"""Arrays get so many rows, or a multiple, for programs of a few rows more or less to be the same."""

_kept: OrderedDict[str, Any] = OrderedDict()
_lock = Lock()


def compiled(lowered: Any, *arguments: Any) -> Any:
    """Return the compiled program of ``jax.jit(...).lower(*arguments)``; one with the same text is not compiled again.

    The text holds every constant, and the key every argument's shape and place besides, also of those it does not use.
    """
    import jax

    leaves, tree = jax.tree.flatten(arguments)
    shapes = [(np.shape(leaf), str(leaf.dtype), str(getattr(leaf, "sharding", ""))) for leaf in leaves]
    text = f"{jax.__version__} {jax.devices()} {tree} {shapes} {lowered.as_text()}"
    key = hashlib.sha256(text.encode()).hexdigest()
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = lowered.compile()
    with _lock:
        _kept[key] = made
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def padded(arrays: Batch) -> Batch:
    """Return arrays with further rows, which no batch refers to, up to a multiple of :data:`ROWS`."""
    more = -len(arrays[0]) % ROWS if arrays else 0
    return tuple(np.concatenate([a, np.repeat(a[-1:], more, axis=0)]) for a in arrays) if more else arrays
