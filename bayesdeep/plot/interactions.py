"""What a predictor knows, as a picture: shares of main effects and interactions, and what terms are worth."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayesdeep.effects.explain import Explained

from .figure_style import BLUE, GREEN, INK, LABEL, ORANGE, WIDTH, Picture, dress, plain, row_labels

ROW = 0.3
"""Inches a row."""


def shares(explanation: Explained, most: int = 12) -> Figure:
    """Draw shares of the predictor's variance with 90 % intervals, and changes in log score with two standard errors.

    Parameters
    ----------
    explanation
        What :func:`bayesdeep.explain` returned.
    most
        How many main effects, and how many interactions, are drawn at most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    tables = [
        ("main effects", explanation.main_effects.head(most), BLUE),
        ("interactions", explanation.interactions.head(most), ORANGE),
    ]
    tables = [t for t in tables if len(t[1])]
    tried = explanation.suggestions
    heights = [0.75 + ROW * len(table) for _, table, _ in tables] + ([0.95 + ROW * len(tried)] if len(tried) else [])
    figure = Picture(figsize=(WIDTH, sum(heights) + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    plots = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    upper = max(float(t["upper"].fillna(t["share"]).max()) for _, t, _ in tables)
    for axes, (title, table, colour) in zip(plots, tables, strict=False):
        _intervals(axes, table, colour)
        axes.set_xlim(-0.02 * upper, 1.05 * upper if upper > 0 else 1.0)
        axes.set_title(title, loc="left", fontsize=LABEL, color=INK)
    plots[len(tables) - 1].set_xlabel("share of variance (90 % interval)", fontsize=LABEL, color=INK)
    if len(tried):
        _changes(plots[-1], tried, explanation)
    return figure


def _intervals(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    dress(axes)
    rows = np.arange(len(table))
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
    axes.hlines(rows, table["lower"].fillna(table["share"]), table["upper"].fillna(table["share"]), color=colour, linewidth=1.8)
    axes.plot(table["share"], rows, "o", color=colour, markersize=6)
    row_labels(axes, [str(term) for term in table["term"]])
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _changes(axes: Axes, tried: pd.DataFrame, explanation: Explained) -> None:
    dress(axes)
    rows, change, se = np.arange(len(tried)), tried["change"].to_numpy(), tried["se"].to_numpy()
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
    if np.isfinite(explanation.gap):
        axes.axvline(explanation.gap, color=ORANGE, linewidth=1.2, zorder=0)
        axes.annotate(
            "the explained fit",
            (explanation.gap, -0.6),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=LABEL - 2,
            color=ORANGE,
            annotation_clip=False,
        )
    axes.hlines(rows, change - 2 * se, change + 2 * se, color=GREEN, linewidth=1.8)
    axes.plot(change, rows, "o", color=GREEN, markersize=6)
    row_labels(axes, [str(term) for term in tried["term"]])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(f"added to {plain(_short(explanation.against))}", loc="left", fontsize=LABEL, color=INK, pad=14)
    axes.set_xlabel("change in log score a row (± 2 SE)", fontsize=LABEL, color=INK)


def _short(text: str, longest: int = 44) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
