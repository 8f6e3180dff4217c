"""Predictions along one variable: for a typical row, or averaged over all rows with the variable set to each value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.lifetimes import KINDS as LIFETIME
from bayesdeep.results.new_groups import for_groups
from bayesdeep.results.prediction_blocks import KINDS, blocks
from bayesdeep.results.prediction_tables import response_table
from bayesdeep.results.predictive_distribution import predictive_blocks

from .marginal_grid import (
    Axis,
    Base,
    base_of,
    even_axis,
    given_axis,
    held,
    names_of,
    product,
    repeated,
    typical,
    usual_axis,
)
from .marginal_source import Source, source_of
from .marginal_table import check_names, effect_rows, finished
from .marginal_values import made_rows, side_means
from .survival_curve import survival_curve


def curve(
    fit: Fitted,
    x: str,
    by: Any = None,
    data: Any = None,
    kind: str = "mean",
    average: bool = False,
    points: int = 50,
    interval: float = 0.9,
    new_groups: str | None = None,
    seed: int | None = None,
    times: Any = None,
) -> pd.DataFrame:
    """Return :meth:`bayesdeep.effects.marginal_methods.Marginal.curve`."""
    source = source_of(fit, "curve", data, new_groups, seed)
    if kind in LIFETIME:
        return survival_curve(source, x, by, kind, average, points, interval, times)
    if times is not None:
        raise FitError(f"curve: times={times!r} is for {', '.join(f'kind={name!r}' for name in LIFETIME)}")
    what = source.check_kind(_kind(source, kind, average), (*KINDS, *LIFETIME))
    axes = _axes(source, x, by, points)
    columns, labels = product(axes)
    labels = labels[[x, *(name for name in labels if name != x)]]
    if average:
        table, over = (
            _averaged(source, columns, labels, what, interval),
            f"{source.rows} rows, each with the same weight",
        )
    else:
        base = Base({**repeated(typical(source, "means"), len(labels)), **columns}, labels.index.to_numpy(), labels, "")
        table = _conditional(source, base, what, interval)
        over = held(source, "means")
    table = finished([table], source, over, kind, interval)
    table.attrs |= {"x": x, "by": [axis.column.name for axis in axes[:-1]], "kind": kind}
    return table


def _kind(source: Source, kind: str, average: bool) -> str:
    """Return the kind of prediction; of a response with levels probabilities are asked for, whatever its kind."""
    if kind != "response":
        return kind
    if average:
        raise FitError("curve: an average over rows is one of expected responses; use kind='mean'")
    if "prop" in source.spec.response.modifiers:
        raise FitError("curve: new counts depend on a row's number of trials; use kind='mean', the expected proportion")
    return "mean" if "levels" in FAMILIES[source.spec.family].words else kind


def _axes(source: Source, x: str, by: Any, points: int) -> list[Axis]:
    """Return the axes of the grid, that of ``x`` last."""
    if not isinstance(points, int) or points < 2:
        raise FitError(f"curve: points={points!r}; a curve has two or more")
    given = by if isinstance(by, Mapping) else dict.fromkeys(names_of(by, source.where))
    check_names((x, *given), source.where)
    if x in given:
        raise FitError(f"curve: '{x}' is both what the curve is along and in by")
    axes = []
    for name, values in given.items():
        variable = source.variable(name)
        axes.append(usual_axis(variable) if values is None else given_axis(source, variable, values))
    return [*axes, even_axis(source.variable(x), points)]


def _averaged(source: Source, columns: Any, labels: pd.DataFrame, what: str, interval: float) -> pd.DataFrame:
    base = base_of(source, "rows", None)
    sides = [{name: replace(c, values=c.values[[k]]) for name, c in columns.items()} for k in range(len(labels))]
    means = side_means(source, base, sides, what)[:, :, 0]
    return effect_rows(means, labels, source.spec.response.levels, interval)


def _conditional(source: Source, base: Base, what: str, interval: float) -> pd.DataFrame:
    rows, levels = made_rows(source, base.columns, base.rows), source.spec.response.levels
    posterior = for_groups(source.posterior, rows, source.new_groups)
    if what == "predictive":
        new = predictive_blocks(source.spec, posterior, rows, source.new_groups, source.seed)
        table = response_table(new, rows.rows, interval).rename(columns={"mean": "estimate"})
        return pd.concat([base.labels.reset_index(drop=True), table], axis=1)
    made = blocks(source.spec, posterior, rows, what, source.new_groups, source.seed)
    parts: Sequence[pd.DataFrame] = [
        effect_rows(value, base.labels.iloc[start:stop], levels, interval) for start, stop, value in made
    ]
    return pd.concat(parts, ignore_index=True)
