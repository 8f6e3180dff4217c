"""Where the uncertainty of predictions comes from, as stacked bars."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.effects.budget import budget as budget_table
from bayesdeep.results.fitted import Fitted, asked_rows, own_rows
from bayesdeep.spec.declared import row_levels

from .figure_style import BLUE, FAINT, GREEN, INK, LABEL, MUTED, ORANGE, PURPLE, legend, new_figure, plain
from .parts import A_FIT

COLOURS = {"noise": FAINT, "population": GREEN, "group": BLUE, "smooth": PURPLE, "network": ORANGE, "between": MUTED}
BY = ("row", "size")
MAX_BARS = 40
"""More rows than this do not fit; evenly many of them, ordered by their total, are shown."""


@arguments.checked(
    "plot", fit=A_FIT, by=arguments.optional(arguments.text), new_groups=arguments.optional(arguments.text), noise=arguments.flag
)
def budget(
    fit: Fitted, data: Any = None, *, by: str | None = None, new_groups: str | None = None, noise: bool = True
) -> Figure:
    """Draw each part of the variance of predictions as a stacked bar; see :meth:`bayesdeep.Fit.budget`.

    Parameters
    ----------
    fit
        Any fit of a response that is one number.
    data, new_groups
        As for predictions; by default the training rows.
    by
        ``"row"``: a bar a row, in the order of the total. ``"size"``: the average of rows by how many training rows their group
        has, new groups first; the default where there are groups and more than 40 rows.
    noise
        Whether to show the noise, which may dwarf all other parts.

    Returns
    -------
    matplotlib.figure.Figure
        Negative parts, which make up for others, lie below 0.
    """
    table = budget_table(fit, data, new_groups)
    sizes = group_sizes(fit, data)
    if by is None:
        by = "size" if sizes is not None and len(table) > MAX_BARS else "row"
    if by not in BY:
        raise FitError(f"plot: unknown by='{by}'{nearest(by, BY)}")
    if by == "size":
        if sizes is None:
            raise FitError("plot: the model has no group-level term such as (1 | g); use by='row'")
        shown, label = by_size(table, sizes[1]), f"training rows of the {sizes[0]}"
    else:
        shown = table.sort_values("total", kind="stable")
        if len(shown) > MAX_BARS:
            shown = shown.iloc[np.linspace(0, len(shown) - 1, MAX_BARS).astype(int)]
        label = "row, by its total"
    parts = [name for name in COLOURS if name in shown and (noise or name != "noise") and np.abs(shown[name]).max() > 0]
    figure, axes = new_figure(3.4)
    up, down, places = np.zeros(len(shown)), np.zeros(len(shown)), np.arange(len(shown))
    for name in parts:
        height = shown[name].to_numpy(float)
        base = np.where(height >= 0, up, down)
        axes.bar(places, height, bottom=base, width=0.86, color=COLOURS[name], linewidth=0, label=name)
        up, down = np.where(height >= 0, up + height, up), np.where(height < 0, down + height, down)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    axes.set_ylabel(f"variance of {plain(fit.spec.response.name)} (units²)", fontsize=LABEL, color=INK)
    axes.set_xlabel(plain(label), fontsize=LABEL, color=INK)
    labels = [plain(str(x)) for x in shown.index]
    crowded = len(labels) > 12 or max(map(len, labels)) * len(labels) > 40
    axes.set_xticks(places, labels, rotation=90 if crowded else 0)
    legend(axes, columns=3)
    return figure


def group_sizes(fit: Fitted, data: Any = None) -> tuple[str, np.ndarray] | None:
    """Return the first grouping factor and, by row, how many training rows its group has ``(obs,)``: 0 for new groups."""
    own, rows = own_rows(fit, "plot"), asked_rows(fit, data, "plot")
    every = (found for term in fit.spec.predictors[0].terms for found in row_levels(term))
    first = next((found for found in every if not found.several), None)
    if first is None:
        return None
    size = np.bincount(own.arrays[first.codes], minlength=len(first.labels))
    codes = np.asarray(rows.arrays[first.codes])
    known = codes < len(size)
    return first.factor, np.where(known, size[np.where(known, codes, 0)], 0)


def by_size(table: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Return the mean of the table over rows by size of their group, sizes in ranges that double: 1, 2, 3-4, 5-8, …"""
    bins = np.where(sizes > 0, np.ceil(np.log2(np.maximum(sizes, 1))).astype(int), -1)
    found = table.groupby(bins).mean()
    found.index = pd.Index([_range(int(b)) for b in found.index])
    return found


def _range(power: int) -> str:
    if power < 0:
        return "new"
    low, high = (2 ** (power - 1) + 1 if power else 1), 2**power
    return str(low) if low == high else f"{low}–{high}"
