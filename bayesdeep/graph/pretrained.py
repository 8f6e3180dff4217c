"""The variables of a graph that are trained to a point before the others are sampled."""

from collections.abc import Mapping

import numpy as np

from .build import Graph
from .evaluate import array_mode


def values_of(graph: Graph, point: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the values of ``graph.staged`` by name.

    Parameters
    ----------
    graph
        In which nothing is fixed.
    point
        Unconstrained values by value variable's name, in these variables' shapes.
    """
    import pytensor

    names = list(graph.staged)
    outputs = graph.model.replace_rvs_by_values([graph.staged[name] for name in names])
    inputs = list(graph.model.value_vars)
    run = pytensor.function(inputs, outputs, mode=array_mode(), on_unused_input="ignore")
    found = run(*(np.asarray(point[v.name], dtype=v.dtype) for v in inputs))
    return dict(zip(names, map(np.asarray, found), strict=True))
