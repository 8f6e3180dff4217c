"""Survival, hazard and restricted mean along time or along a variable, for typical rows or averaged over rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.results import lifetimes
from bayesdeep.results.data_columns import taken
from bayesdeep.results.new_groups import for_groups

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
from .marginal_source import Source
from .marginal_table import check_names, summarised
from .marginal_values import made_rows


def survival_curve(
    source: Source, x: str, by: Any, kind: str, average: bool, points: int, interval: float, times: Any
) -> pd.DataFrame:
    """Return the table of :meth:`bayesdeep.effects.marginal_methods.Marginal.curve` where it is of lifetimes."""
    what = lifetimes.check_kind(kind, source.where)
    lifetimes.check_lifetime(source.spec, source.where, kind)
    column = lifetimes.time_column(source.spec)
    along_time = x == column
    at = _times(source, times, points, along_time, kind)
    axes = _axes(source, x, by, points, along_time)
    columns, labels = product(axes) if axes else ({}, pd.DataFrame(index=[0]))
    check_names((column,), source.where)
    if average:
        over, values = f"{source.rows} rows, each with the same weight", _averaged(source, columns, labels, at, what)
    else:
        over, values = held(source, "means"), _conditional(source, columns, labels, at, what)
    parts = []
    for time, draws in zip(at, values, strict=True):
        part = labels.reset_index(drop=True)
        part.insert(0 if along_time else part.shape[1], column, float(time))
        parts.append(part.assign(**summarised(draws, interval)))
    table = pd.concat(parts, ignore_index=True)
    names = [axis.column.name for axis in axes]
    lines = names if along_time else [*(name for name in names if name != x), *([column] if len(at) > 1 else [])]
    order = [*names, column] if along_time else [*lines, x]
    table = table.sort_values([name for name in order if name != x], kind="stable", ignore_index=True)
    first = [x, *(name for name in (*names, column) if name != x)]
    table = table[[*first, "estimate", "sd", "lower", "upper"]]
    table.attrs = {
        "of": lifetimes.KINDS[kind],
        "averaged_over": over,
        "interval": interval,
        "new_groups": source.new_groups,
        "draws": source.draws,
        "x": x,
        "by": lines,
        "kind": kind,
    }
    return table


def _times(source: Source, times: Any, points: int, along_time: bool, kind: str) -> np.ndarray:
    if times is not None:
        return lifetimes.checked_times(times, source.where)
    column = lifetimes.time_column(source.spec)
    if not along_time:
        raise FitError(
            f"{source.where}: kind='{kind}' is at a time, or up to one; give times=…, or ask for the curve along "
            f"'{column}' itself"
        )
    if column not in source.others:
        raise FitError(f"{source.where}: the data asked about do not have '{column}'; give times=…")
    largest = float(np.nanmax(np.asarray(source.others[column].values, dtype=float)))
    return np.linspace(0.0, largest, points)[1 if kind == "hazard" else 0 :]


def _axes(source: Source, x: str, by: Any, points: int, along_time: bool) -> list[Axis]:
    given = by if isinstance(by, dict) else dict.fromkeys(names_of(by, source.where))
    check_names((x, *given), source.where)
    if x in given:
        raise FitError(f"{source.where}: '{x}' is both what the curve is along and in by")
    if not isinstance(points, int) or points < 2:
        raise FitError(f"{source.where}: points={points!r}; a curve has two or more")
    axes = []
    for name, values in given.items():
        variable = source.variable(name)
        axes.append(usual_axis(variable) if values is None else given_axis(source, variable, values))
    return axes if along_time else [*axes, even_axis(source.variable(x), points)]


def _conditional(source: Source, columns: Any, labels: pd.DataFrame, at: np.ndarray, what: str) -> Iterator[np.ndarray]:
    """Yield draws ``(draw, label)`` a time, at typical rows."""
    base = Base({**repeated(typical(source, "means"), len(labels)), **columns}, np.arange(len(labels)), labels, "")
    rows = made_rows(source, base.columns, base.rows)
    posterior = for_groups(source.posterior, rows, source.new_groups)
    parts = [
        lifetimes.curves(source.spec, params, at, what)
        for _, _, params in lifetimes.params_blocks(source.spec, posterior, rows, source.new_groups, source.seed)
    ]
    for values in zip(*parts, strict=True):
        yield np.concatenate(values, axis=1)


def _averaged(source: Source, columns: Any, labels: pd.DataFrame, at: np.ndarray, what: str) -> Iterator[np.ndarray]:
    """Yield draws ``(draw, label)`` a time, of all rows with the label's values; a hazard is that of the rows' mixture."""
    base = base_of(source, "rows", None)
    survival = "rmst" if what == "rmst" else "survival"
    found = []
    for k in range(len(labels)):
        own = {name: replace(c, values=c.values[[k]]) for name, c in columns.items()}
        sides = {**base.columns, **{name: taken({"": c}, np.zeros(base.rows, dtype=int))[""] for name, c in own.items()}}
        rows = made_rows(source, sides, base.rows)
        posterior = for_groups(source.posterior, rows, source.new_groups)
        total: list[Any] = [0.0] * len(at)
        lost: list[Any] = [0.0] * len(at)
        for _, _, params in lifetimes.params_blocks(source.spec, posterior, rows, source.new_groups, source.seed):
            for i, value in enumerate(lifetimes.curves(source.spec, params, at, survival)):
                total[i] = total[i] + value.sum(axis=1)
            if what == "hazard":
                of = lifetimes.functions_of(source.spec)
                for i, time in enumerate(at):
                    lost[i] = lost[i] + np.exp(of(params, float(time))[1]).sum(axis=1)
        found.append([b / a if what == "hazard" else a / base.rows for a, b in zip(total, lost, strict=True)])
    for i in range(len(at)):
        yield np.column_stack([one[i] for one in found])
