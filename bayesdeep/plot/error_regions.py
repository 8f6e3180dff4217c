"""Who is wrong where: error and coverage of each fit by group size, region of the inputs or predicted uncertainty."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesdeep.compare.compared import Compared
from bayesdeep.compare.errors_by_region import errors as errors_table
from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError

from .figure_style import BLUE, GREEN, INK, LABEL, MUTED, ORANGE, TICK, WIDTH, Picture, dress, legend, plain
from .parts import A_COMPARISON

COLOURS = (BLUE, ORANGE, GREEN, MUTED, INK)
MARKS = ("o", "s", "^", "D", "v", "P", "X")
LABELS = {
    "size": "training rows of the row's group",
    "range": "inputs",
    "distance": "distance of the inputs",
    "uncertainty": "the fit's own uncertainty",
}


A_TABLE = arguments.instance(lambda: pd.DataFrame, "a table; give what comparison.errors() returned")


@arguments.checked(
    "plot",
    comparison=A_COMPARISON,
    by=arguments.text,
    factor=arguments.optional(arguments.text),
    table=arguments.optional(A_TABLE),
)
def errors(
    comparison: Compared, by: str = "size", *, factor: str | None = None, table: pd.DataFrame | None = None
) -> Figure:
    """Draw error and coverage of each fit by where rows lie; see :func:`bayesdeep.compare.errors_by_region.errors`.

    Parameters
    ----------
    comparison
        What :func:`bayesdeep.compare` returned.
    by, factor
        As for ``comparison.errors``: ``"size"``, ``"range"``, ``"distance"`` or ``"uncertainty"``.
    table
        What ``comparison.errors(by)`` returned, if it is at hand.

    Returns
    -------
    matplotlib.figure.Figure
        Root mean squared error above, with two standard errors, and coverage of 90 % intervals below, with two standard errors
        of a share of rows; for responses with levels the accuracy, and the log score a row.

    Raises
    ------
    FitError
        Where there is nothing to draw, such as group sizes without a grouping factor.
    """
    found = errors_table(comparison, by, factor=factor) if table is None else table
    if not {"by", "where", "fit"} <= set(found.index.names):
        raise FitError("plot: table has no index of 'by', 'where' and 'fit'; give what comparison.errors() returned")
    found = found[found.index.get_level_values("by") == by].droplevel("by")
    shown = [
        c for c in (("rmse", "coverage_90") if "rmse" in found else ("accuracy", "log_score")) if found[c].notna().any()
    ]
    if not len(found) or not shown:
        raise FitError(f"plot: the comparison has no errors by '{by}'")
    places, names = (list(dict.fromkeys(found.index.get_level_values(level))) for level in ("where", "fit"))
    figure = Picture(figsize=(WIDTH, 0.7 + 2.1 * len(shown) + 0.22 * -(-len(names) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    plots = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, column in zip(plots, shown, strict=True):
        dress(axes)
        for i, name in enumerate(names):
            _one(axes, found.xs(name, level="fit").reindex(places), column, i, len(names), name)
        if column == "coverage_90":
            axes.axhline(0.9, color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=0)
        axes.set_ylabel(_title(comparison, column), fontsize=LABEL, color=INK)
    rows = found.groupby(level="where", sort=False)["rows"].max()
    plots[-1].set_xticks(range(len(places)), [f"{plain(p)}\n({rows[p]:,})" for p in places], fontsize=TICK)
    plots[-1].set_xlim(-0.55, len(places) - 0.45)
    plots[-1].set_xlabel(f"{LABELS[by]} (rows scored)", fontsize=LABEL, color=INK)
    legend(plots[0], plots[0].get_legend_handles_labels()[0], columns=2 if len(names) > 1 else 1)
    return figure


def _one(axes: Axes, table: pd.DataFrame, column: str, place: int, count: int, name: str) -> None:
    x = np.arange(len(table)) + 0.7 * ((place + 0.5) / count - 0.5)
    y = table[column].to_numpy(float)
    colour = COLOURS[place % len(COLOURS)]
    low, high = limits(table, column)
    axes.vlines(x, low, high, color=colour, linewidth=1.2, zorder=2)
    axes.plot(x, y, MARKS[place % len(MARKS)], color=colour, markersize=5.5, zorder=3, label=plain(name))


def limits(table: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return about two standard errors below and above a column: its own, or those of a share of rows; NaN if not known.

    Those of a share are Agresti and Coull's (1998, https://doi.org/10.2307/2685469), which a few rows all of one kind do not
    make narrow: of three rows of three the interval goes from 0.4 to 1.
    """
    value = table[column].to_numpy(float)
    if f"{column}_se" in table:
        error = 2 * table[f"{column}_se"].to_numpy(float)
        return np.maximum(value - error, 0.0), value + error
    if column == "log_score":
        return np.full(len(table), np.nan), np.full(len(table), np.nan)
    rows = table["rows"].to_numpy(float) + 4
    share = (value * (rows - 4) + 2) / rows
    error = 2 * np.sqrt(share * (1 - share) / rows)
    return np.maximum(share - error, 0.0), np.minimum(share + error, 1.0)


def _title(comparison: Compared, column: str) -> str:
    if column != "rmse":
        return {"coverage_90": "held by 90 %\nintervals", "accuracy": "accuracy", "log_score": "log score a row"}[
            column
        ]
    name = next(iter(comparison.fits.values())).spec.response.name
    if len(name) < 8:
        return f"RMSE of {plain(name)}"
    return f"RMSE of\n{plain(name if len(name) <= 20 else name[:19] + '…')}"
