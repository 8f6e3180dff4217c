"""A model as prior and rows, for engines that train on some rows at a time."""

from typing import Any

from bayesdeep.core.batches import BatchTarget
from bayesdeep.graph.minibatches import batch_target
from bayesdeep.results.rows import TrainingRows
from bayesdeep.spec.model_spec import ModelSpec

from .rows_in_memory import rows_for


def batches_of(spec: ModelSpec, rows: TrainingRows, method: str, words: frozenset[str]) -> tuple[Any, BatchTarget]:
    """Return the graph names are read from, and the target.

    Raises
    ------
    FitError
        Where the rows are not in memory, or JAX is not installed or cannot compute the model.
    """
    rows = rows_for(method, rows)
    graph = rows.graph(spec)
    return graph, batch_target(rows.graph(spec, masked=True) if "network" in words else graph, words)
