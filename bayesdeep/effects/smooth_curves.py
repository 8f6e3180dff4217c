"""What the smooths of a predictor add to it, along their columns."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.registry import TERMS
from bayesdeep.design.learn import term_nodes
from bayesdeep.formula.nodes import Call
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.rows import containers

from .budget import mean_and_parts
from .marginal_grid import even_axis, product, repeated, typical
from .marginal_source import source_of
from .marginal_values import made_rows


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """What one term adds to the predictor along its column.

    Attributes
    ----------
    name
        What the posterior calls it.
    column
        The column.
    table
        The column's values, ``estimate``, ``lower`` and ``upper``.
    rows
        The column's values in the training rows.
    """

    name: str
    column: str
    table: pd.DataFrame
    rows: np.ndarray


def smooths_of(fit: Fitted) -> dict[str, tuple[str, str]]:
    """Return name and column of each smooth of one column in the main predictor, by term key."""
    spec, found = fit.spec, {}
    predictor = spec.predictors[0]
    nodes = [node for _, _, node in term_nodes(spec.nodes[predictor.parameter])]
    for term, node in zip(predictor.terms, nodes, strict=True):
        declare = TERMS[term.kind].effects
        basis = [e.pieces[0].name for e in (declare(term.state) if declare else ()) if e.role == BASIS]
        columns = columns_of(node) if isinstance(node, Call) else ()
        if basis and len(columns) == 1:
            found[term.key] = (basis[0], columns[0])
    return found


def smooth_curves(fit: Fitted, points: int = 100, interval: float = 0.9) -> list[SmoothCurve]:
    """Return the curve of each smooth of the main predictor, with equal-tailed intervals at each point.

    A smooth is 0 on average over the training rows: its curve has none of the uncertainty of the intercept.

    Raises
    ------
    FitError
        For fits that do not hold their columns, and for responses with a predictor a level.
    """
    source, tail, found = source_of(fit, "smooths", None, "average", 1), (1 - interval) / 2, []
    for key, (name, column) in smooths_of(fit).items():
        columns, labels = product([even_axis(source.variable(column), points)])
        rows = made_rows(source, {**repeated(typical(source, "means"), len(labels)), **columns}, len(labels))
        draws = with_new_groups(source.spec, source.posterior, rows, source.new_groups, source.seed)
        function, keys, _ = mean_and_parts(source.spec, rows)
        values = function(draws, containers(rows, 0, rows.rows))[1 + keys.index(key)]
        if values.ndim != 2:
            raise FitError("smooths: the response has a predictor for each of its levels; use fit.curve(…) instead")
        lower, upper = np.quantile(values, [tail, 1 - tail], axis=0)
        table = labels.assign(estimate=values.mean(axis=0), lower=lower, upper=upper)
        found.append(SmoothCurve(name, column, table, np.asarray(source.columns[column].values, dtype=float)))
    return found
