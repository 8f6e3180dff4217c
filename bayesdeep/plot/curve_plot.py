"""Predictions along a variable, with bands: one line a group, one plot a level of the response."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.effects.curve import curve as curve_table
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.lifetimes import KINDS as LIFETIME

from .figure_style import BLUE, GREEN, INK, LABEL, MUTED, ORANGE, WIDTH, Picture, dress, legend, plain
from .parts import A_FIT, main_link, observed

COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9", INK, MUTED)
"""Those of Okabe and Ito that can be told apart on white, and two greys."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
MOST_LABELS = 40


@arguments.checked(
    "plot",
    fit=A_FIT,
    x=arguments.text,
    by=arguments.optional(arguments.either(arguments.names, Mapping)),
    data=arguments.flag,
    interval=arguments.probability,
    kind=arguments.text,
    average=arguments.flag,
    points=arguments.size,
    new_groups=arguments.optional(arguments.text),
    seed=arguments.seed,
)
def curve(
    fit: Fitted,
    x: str,
    by: Any = None,
    *,
    data: bool = False,
    rows: Any = None,
    interval: float = 0.9,
    kind: str = "mean",
    average: bool = False,
    points: int = 50,
    new_groups: str | None = None,
    seed: int | None = None,
    times: Any = None,
) -> Figure:
    """Draw ``fit.curve(x, by)``: the posterior mean along a variable and a band, in the response's units.

    Parameters
    ----------
    fit
        Any fit.
    x
        A column of the predictor, or with ``kind="survival"``, ``"hazard"`` or ``"rmst"`` that of the times. Levels of a
        category, and a number's values where it has only two, are drawn as points with intervals.
    by
        A column with up to eight levels, or ``{"county": ["Anoka", "Dakota"]}``: a line each.
    data
        Draw the responses of the training rows too.
    rows
        The rows the curve is made from, ``data`` of ``fit.curve``.
    interval
        Probability of the band.
    kind, average, points, new_groups, seed, times
        As for ``fit.curve``.

    Returns
    -------
    matplotlib.figure.Figure
        With a plot for each level of a response with levels.

    Raises
    ------
    FitError
        For more lines than can be told apart; for data of a response that has no one number a row on this scale.
    """
    table = curve_table(fit, x, by, rows, kind, average, points, interval, new_groups, seed, times)
    names, kind = table.attrs["by"], table.attrs["kind"]
    if len(names) > 1:
        raise FitError(f"plot: by={names}; there is a line for each value of one column")
    values = list(pd.unique(table[names[0]])) if names else [None]
    if len(values) > len(COLOURS):
        some = f"by={{'{names[0]}': [{_plain(values[0])!r}, {_plain(values[1])!r}]}}"
        raise FitError(
            f"plot: '{names[0]}' has {len(values)} values, and at most {len(COLOURS)} lines can be told apart; {some}"
        )
    levels = list(pd.unique(table["level"])) if "level" in table else [None]
    if data:
        _check_data(fit, x, kind, levels)
    figure = Picture(figsize=(WIDTH, 0.6 + 2.6 * len(levels)), layout="constrained")
    FigureCanvasAgg(figure)
    plots = np.atleast_1d(figure.subplots(len(levels), 1, sharex=True)).ravel()
    places = _places(table[x])
    for axes, level in zip(plots, levels, strict=True):
        dress(axes)
        own = np.ones(len(table), dtype=bool) if level is None else (table["level"] == level).to_numpy()
        for k, value in enumerate(values):
            one = own & (True if value is None else (table[names[0]] == value).to_numpy())
            aside = 0.0 if len(values) == 1 else 0.3 * (k / (len(values) - 1) - 0.5)
            _draw(axes, table[one], places[one], k, _text(names, value), _line(table[x]), aside)
        axes.set_ylabel(_label(fit, table, level), fontsize=LABEL, color=INK)
    if not _line(table[x]):
        _ticks(plots[-1], list(pd.unique(table[x])))
    if data:
        _points(fit, plots[0], table, x, names, values)
    plots[-1].set_xlabel(plain(x), fontsize=LABEL, color=INK)
    if names:
        handles, _ = plots[0].get_legend_handles_labels()
        legend(plots[0], handles, columns=min(4, len(values)))
    return figure


def _numbers(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _line(values: pd.Series) -> bool:
    """Return whether values are joined by a line: numbers, of which there are more than two."""
    return _numbers(values) and values.nunique() > 2


def _places(values: pd.Series) -> np.ndarray:
    """Return where values are drawn: numbers as they are, levels in their order from 0."""
    return values.to_numpy(float) if _line(values) else pd.factorize(values)[0].astype(float)


def _draw(axes: Axes, table: pd.DataFrame, at: np.ndarray, k: int, name: str, line: bool, aside: float) -> None:
    colour, label = COLOURS[k], plain(name) or None
    if line:
        axes.fill_between(at, table["lower"], table["upper"], color=colour, alpha=0.2, linewidth=0, zorder=2)
        axes.plot(at, table["estimate"], color=colour, linewidth=1.8, label=label, zorder=3)
        return
    axes.vlines(at + aside, table["lower"], table["upper"], color=colour, linewidth=1.4, zorder=2)
    axes.plot(at + aside, table["estimate"], MARKS[k], color=colour, markersize=6, label=label, zorder=3)


def _ticks(axes: Axes, labels: list[Any]) -> None:
    if len(labels) > MOST_LABELS:
        return
    axes.set_xticks(range(len(labels)), [plain(_named(label)) for label in labels])
    if len(labels) > 6 or max(len(str(label)) for label in labels) > 8:
        axes.tick_params(axis="x", labelrotation=90)


def _named(label: Any) -> str:
    """Return a level as text; a number that is whole without a point, whatever its type."""
    number = isinstance(label, float | np.floating) and float(label).is_integer()
    return str(int(label)) if number else str(label)


def _label(fit: Fitted, table: pd.DataFrame, level: Any) -> str:
    name = plain(fit.spec.response.name)
    if table.attrs["kind"] in LIFETIME:
        return {"survival": "survival", "hazard": "hazard", "rmst": f"restricted mean of {name}"}[table.attrs["kind"]]
    if table.attrs["kind"] == "linear":
        shown = f"predictor of {name}" if main_link(fit) == "identity" else f"{main_link(fit)} of expected {name}"
        return shown if level is None else f"{shown}: {plain(str(level))}"
    if level is not None:
        return f"probability of {plain(str(level))}"
    if "prop" in fit.spec.response.modifiers:
        return f"expected proportion of {name}"
    return name if table.attrs["kind"] == "response" else f"expected {name}"


def _check_data(fit: Fitted, x: str, kind: str, levels: list[Any]) -> None:
    words = FAMILIES[fit.spec.family].words
    special = {"censored", "prop"} & set(fit.spec.response.modifiers)
    if kind == "linear" or kind in LIFETIME or levels != [None] or special or "levels" in words:
        raise FitError("plot: the responses are not on the curve's scale; leave out data=True")
    if x not in own_rows(fit, "plot").columns:
        raise FitError("plot: the fit does not hold its columns; leave out data=True")


def _points(fit: Fitted, axes: Axes, table: pd.DataFrame, x: str, names: list[str], values: list[Any]) -> None:
    """Draw the training rows, in the colour of their line; those of no line in grey."""
    columns = fit.columns
    own = _plain_values(columns[x])
    if _line(table[x]):
        at = own.astype(float)
    else:
        order = {_named(label): k for k, label in enumerate(pd.unique(table[x]))}
        at = np.array([order.get(_named(v), np.nan) for v in own])
        at = at + np.random.default_rng(0).uniform(-0.15, 0.15, len(at))
    group = _plain_values(columns[names[0]]).astype(str) if names else np.array([""] * len(at))
    heights = observed(fit).astype(float)
    known = ["" if value is None else str(value) for value in values]
    style: dict[str, Any] = {"markersize": 2.6, "alpha": 0.5, "markeredgewidth": 0, "linestyle": "", "zorder": 1}
    for k, name in enumerate(known):
        axes.plot(at[group == name], heights[group == name], marker="o", color=COLOURS[k], **style)
    rest = ~np.isin(group, known)
    axes.plot(at[rest], heights[rest], marker="o", color=MUTED, **style)


def _plain_values(column: Column) -> np.ndarray:
    return column.values if column.levels is None else np.array(column.levels, dtype=object)[column.values]


def _text(names: list[str], value: Any) -> str:
    """Return what a line is called; "" for the only one."""
    if value is None:
        return ""
    return (
        str(value)
        if isinstance(value, str)
        else f"{names[0]} {value:.3g}"
        if isinstance(value, float)
        else f"{names[0]} {value}"
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
