"""A model by sums of products of its rows, for engines that integrate coefficients out exactly."""

import time
from collections.abc import Callable

import numpy as np

from bayesdeep.collapse import SystemTarget, centre_of, layout_of, moments_of, posterior_arrays, system_of, why_not
from bayesdeep.collapse.eligibility import covariance_reason, is_sparse, loses_precision
from bayesdeep.collapse.posterior_layout import ShownNames, shown_names
from bayesdeep.core.draws import Draws
from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import Moments
from bayesdeep.core.registry import ENGINES
from bayesdeep.results.rows import StreamedRows, TrainingRows
from bayesdeep.spec.model_spec import ModelSpec

from .engine_words import words_of


def linear_source(
    spec: ModelSpec, rows: TrainingRows, method: str
) -> tuple[ShownNames, SystemTarget, Callable[[Draws], dict[str, np.ndarray]]]:
    """Return the model as a linear system, and the way back from its coefficients."""
    # Sums over rows that were read once are those of columns.
    sparse = "neighbours" in ENGINES[method].takes and not isinstance(rows, StreamedRows) and is_sparse(spec)
    reason = why_not(spec, sparse=sparse)
    if reason is not None:
        raise FitError(f"fit: method '{method}' does not apply: {reason}; use method='nuts'")
    reason = None if "related" in ENGINES[method].takes else covariance_reason(spec)
    if reason is not None:
        raise FitError(f"fit: method '{method}' does not apply: {reason}; use method='collapsed'")
    began = time.perf_counter()
    layout = layout_of(spec, sparse=sparse)
    if isinstance(rows, StreamedRows):
        moments, centre = _streamed(rows)
    else:
        centre = centre_of(layout, rows.arrays, rows.response)
        moments = moments_of(layout, rows.arrays, rows.response, centre)
    if layout.standard_error is not None and (reason := loses_precision(float(moments.gram[-1, -1]))) is not None:
        raise FitError(f"fit: method '{method}' does not apply: {reason}; use method='nuts', or check the units of sigma")
    system = system_of(spec, layout, moments, centre)
    if system.dim == 0 and system.columns == 0 and not system.factors:
        raise FitError("fit: every parameter of the model is known, so there is nothing to estimate")
    target = SystemTarget(system, words_of(spec) | {"linear"}, time.perf_counter() - began, layout.sds)
    shown = shown_names(spec)

    def named(draws: Draws) -> dict[str, np.ndarray]:
        assert draws.coefficients is not None
        chains, count, dim = draws.positions.shape
        flat = [v.reshape(chains * count, *v.shape[2:]) for v in draws.coefficients]
        positions = draws.positions.reshape(chains * count, dim)
        found = posterior_arrays(spec, layout, system, centre, positions, tuple(flat))
        return {name: found[name] for name in shown.reported}

    return shown, target, named


def _streamed(rows: StreamedRows) -> tuple[Moments, float]:
    """Return the moments and their centre of data that were read once."""
    if rows.moments is None or rows.example is None:
        raise FitError("fit: a saved fit keeps neither the rows nor sums over them; make the model from its data again")
    return rows.moments, rows.centre
