"""Graphs that predictions are evaluated with: one for all rows that a model reads in the same way, kept with its functions.

What a graph computes of rows depends on which arrays there are, not on what is in them: these are arguments. So it is built of
one row, which also leaves the others' memory alone, and the next prediction of the model finds it, and everything compiled of it.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from bayesdeep.graph.build import Graph
from bayesdeep.spec.model_spec import ModelSpec

from .rows import FIELDS, Rows

MAX_GRAPHS = 16
"""Graphs that are kept; a report of several fits needs two or three of each."""
MAX_INT32 = np.iinfo(np.int32).max

_GRAPHS: "OrderedDict[Any, Graph]" = OrderedDict()
_LOCK = Lock()


def evaluation_graph(spec: ModelSpec, rows: Rows) -> Graph:
    """Return the model's graph, to be evaluated with arrays of rows as arguments, :func:`~bayesdeep.results.rows.containers`."""
    if rows.fixed or _has_large_numbers(rows):
        return rows.graph(spec)
    key = repr(spec.to_json()), rows.observed, *_described(rows)
    with _LOCK:
        if key in _GRAPHS:
            _GRAPHS.move_to_end(key)
            return _GRAPHS[key]
    made = rows.take(np.arange(min(1, rows.rows))).graph(spec)
    with _LOCK:
        _GRAPHS[key] = made
        while len(_GRAPHS) > MAX_GRAPHS:
            _GRAPHS.popitem(last=False)
    return made


def clear() -> None:
    """Let go of all graphs and what was compiled of them."""
    with _LOCK:
        _GRAPHS.clear()


def _described(rows: Rows) -> tuple[Any, ...]:
    """Return everything about the rows' arrays that decides on a graph: names, types, and lengths of other axes than rows."""
    parts = {**rows.arrays, **{f" {field}": getattr(rows.response, field) for field in FIELDS}}
    arrays = ((name, str(np.asarray(value).dtype), np.shape(value)[1:]) for name, value in parts.items() if value is not None)
    return (rows.response.name, rows.response.levels, *arrays)


def _has_large_numbers(rows: Rows) -> bool:
    """Return whether a part of the response holds whole numbers beyond 32 bits, which a graph then keeps as floats."""
    parts = (getattr(rows.response, field) for field in FIELDS)
    whole = (part for part in parts if part is not None and part.dtype.kind in "iu" and part.size)
    return any(np.abs(part).max() > MAX_INT32 for part in whole)
