"""Whether a non-linear formula has a value in every row and draw: a logarithm of a parameter has none where that is negative."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.graph.evaluate import row_function
from bayesdeep.spec.model_spec import ModelSpec

from .graph_cache import evaluation_graph
from .rows import Rows, containers

BLOCK = 4_000_000
"""Numbers in one block of draws times rows."""


def refuse_without_value(spec: ModelSpec, draws: Mapping[str, np.ndarray], rows: Rows) -> None:
    """Raise where a non-linear formula has no value, instead of a prediction that is none.

    Parameters
    ----------
    draws
        By name ``(draw, …)``, with those of new groups.

    Raises
    ------
    FitError
        Saying in which row, and in how many draws.
    """
    if not spec.nonlinear or not draws:
        return
    function = row_function(evaluation_graph(spec, rows), ["linear"])
    count = len(next(iter(draws.values())))
    step = max(1, BLOCK // count)
    for start in range(0, rows.rows, step):
        value = np.atleast_2d(function(draws, containers(rows, start, min(start + step, rows.rows)))[0])
        none = np.isnan(value)
        if none.any():
            row = int(np.argmax(none.any(axis=0)))
            raise FitError(
                f"predict: the formula '{next(iter(spec.formulas.values()))}' has no value in row {start + row + 1} for "
                f"{int(none[:, row].sum()):,} of {count:,} draws of its parameters, such as a root of a negative number; "
                "leave such rows out, or give the parameters priors under which it has one (LogNormal of what is positive)"
            )
