"""A model as prior and rows, for engines that train on some rows at a time."""

from typing import Any

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.errors import FitError
from bayesdeep.graph.minibatches import batch_target
from bayesdeep.results.rows import Rows, StreamedRows
from bayesdeep.spec.model_spec import ModelSpec


def batches_of(spec: ModelSpec, rows: Rows, method: str, words: frozenset[str]) -> tuple[Any, BatchTarget]:
    """Return the graph names are read from, and the target.

    Raises
    ------
    FitError
        Where the rows are not in memory, or JAX is not installed or cannot compute the model.
    """
    if isinstance(rows, StreamedRows):
        raise FitError(f"fit: method '{method}' needs all rows, and they are not in memory; use method='collapsed'")
    graph = rows.graph(spec)
    return graph, batch_target(rows.graph(spec, masked=True) if "network" in words else graph, words)
