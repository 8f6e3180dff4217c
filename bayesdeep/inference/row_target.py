"""A model by its rows and their predictor, for engines that use that these are linear."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bayesdeep.collapse.linear_layout import can_be_sparse
from bayesdeep.collapse.posterior_layout import shown_names
from bayesdeep.collapse.row_system import RowTarget, row_system_of, why_not_marginal, why_not_rows
from bayesdeep.core.draws import Draws
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES
from bayesdeep.graph.row_likelihood import COMPILED_FROM_ROWS, row_likelihood
from bayesdeep.results.rows import Rows, TrainingRows
from bayesdeep.spec.declared import row_levels
from bayesdeep.spec.model_spec import ModelSpec

from .rows_in_memory import rows_for


def row_source(
    spec: ModelSpec, rows: TrainingRows, method: str, device: str = "auto"
) -> tuple[Any, RowTarget, Callable[[Draws], dict[str, np.ndarray]]]:
    """Return what the posterior shows, the rows of a model, and the way back from its coefficients.

    Raises
    ------
    FitError
        Saying what in the model stands against it.
    """
    del device
    reason = why_not_marginal(spec) if "one predictor" in ENGINES[method].needs else why_not_rows(spec)
    if reason is not None:
        raise FitError(f"fit: method '{method}' does not apply: {reason}; use method='nuts'")
    began = time.perf_counter()
    rows = _by_group(spec, rows_for(method, rows))
    likelihood = row_likelihood(spec, rows.arrays, rows.response)
    sparse = "neighbours" in ENGINES[method].takes and can_be_sparse(spec)
    layout = row_system_of(spec, rows.arrays, rows.response, likelihood, sparse=sparse)
    system = layout.rows.system
    if system.dim == 0 and system.columns == 0 and not system.factors:
        raise FitError("fit: every parameter of the model is known, so there is nothing to estimate")
    words = frozenset({"rows", *(("hierarchical",) if system.factors else ())})
    target = RowTarget(system, words, time.perf_counter() - began, rows=layout.rows)
    shown = shown_names(spec)

    def named(draws: Draws) -> dict[str, np.ndarray]:
        assert draws.coefficients is not None
        chains, count, dim = draws.positions.shape
        flat = tuple(v.reshape(chains * count, *v.shape[2:]) for v in draws.coefficients)
        positions = draws.positions.reshape(chains * count, dim)
        values = layout.arrays(spec, positions, flat)
        return {name: values[name] for name in shown.reported}

    return shown, target, named


def _by_group(spec: ModelSpec, rows: Rows) -> Rows:
    """Return many rows in the order of their groups, of which sums are then taken as memory is read; draws have no rows."""
    every = (found for term in spec.predictors[0].terms for found in row_levels(term))
    factors = [found for found in every if not found.several]
    if rows.rows < COMPILED_FROM_ROWS or not factors:
        return rows
    largest = max(factors, key=lambda found: len(found.labels))
    return rows.take(np.argsort(rows.arrays[largest.codes], kind="stable"))
