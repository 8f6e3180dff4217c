"""Of which component of a mixture each row is, as far as its response says."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import row_function

from .fitted import Fitted, asked_rows, flat_draws, seed_for
from .graph_cache import evaluation_graph
from .new_group_warnings import settled
from .new_groups import with_new_groups
from .prediction_blocks import block_rows
from .rows import containers


def component_probabilities(fit: Fitted, data: Any = None, new_groups: str | None = None) -> pd.DataFrame:
    """Return :meth:`bayesdeep.Fit.components`, a column a component."""
    if FAMILIES[fit.spec.family].components is None:
        raise FitError(f"components: {fit.spec.family} is no mixture; fit one with family=bd.mixture('gaussian', 'gaussian')")
    rows = asked_rows(fit, data, "components", observed=True)
    settle = settled(new_groups, fit.spec, rows, "components")
    draws = with_new_groups(fit.spec, flat_draws(fit), rows, settle, seed_for(fit, None))
    function = row_function(evaluation_graph(fit.spec, rows), ["log_parts"])
    count = len(next(iter(draws.values())))
    step, found = block_rows(count, 5), list[np.ndarray]()
    for start in range(0, rows.rows, step):
        value = function(draws, containers(rows, start, min(start + step, rows.rows)))[0]
        found.append(softmax(value, axis=-1).mean(axis=0))
    table = np.concatenate(found)
    index = pd.RangeIndex(rows.rows) if rows.index is None else pd.Index(rows.index)
    return pd.DataFrame(table, index=index, columns=pd.RangeIndex(1, table.shape[1] + 1, name="component"))
