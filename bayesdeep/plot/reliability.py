"""Calibration row by row: reliability of class probabilities, and histograms of probability integral transforms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .error_regions import COLOURS, MARKS
from .figure_style import BLUE, FAINT, INK, LABEL, WIDTH, Picture, dress, legend, new_figure, plain

BINS = 10


def reliability(found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw the observed share against the stated probability, in tenths of the rows.

    Parameters
    ----------
    found
        By name, predictive probabilities ``(obs, level)`` and observed levels ``(obs,)``. Of two levels the probability is that
        of the second; of more, that of the most probable one.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal the model is overconfident; vertical lines are two standard errors.
    """
    figure, axes = new_figure(4.0 + 0.22 * -(-len(found) // 2))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=0)
    for i, (name, (probabilities, codes)) in enumerate(found.items()):
        stated, held, error = reliability_points(probabilities, codes)
        colour = COLOURS[i % len(COLOURS)]
        axes.vlines(
            stated, np.maximum(held - 2 * error, 0), np.minimum(held + 2 * error, 1), color=colour, linewidth=1.0
        )
        style: dict[str, Any] = {"marker": MARKS[i % len(MARKS)], "color": colour, "markersize": 5, "linewidth": 1.2}
        axes.plot(stated, held, label=plain(str(name)), **style)
    axes.set_xlabel("stated probability")
    axes.set_ylabel("observed share")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    legend(axes, columns=2 if len(found) > 1 else 1)
    return figure


def reliability_points(probabilities: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stated probability, observed share and its standard error by tenth of the rows ``(bin,)``, in order."""
    two = probabilities.shape[1] == 2
    stated = probabilities[:, 1] if two else probabilities.max(axis=1)
    hit = (codes == 1) if two else (probabilities.argmax(axis=1) == codes)
    parts = [p for p in np.array_split(np.argsort(stated, kind="stable"), BINS) if len(p)]
    middle, held = (np.array([values[p].mean() for p in parts]) for values in (stated, hit))
    count = np.array([len(p) for p in parts])
    share = (held * count + 2) / (count + 4)
    return middle, held, np.sqrt(share * (1 - share) / (count + 4))


def pit_histogram(found: Mapping[str, np.ndarray], bins: int = 20) -> Figure:
    """Draw histograms of probability integral transforms, one a fit.

    Parameters
    ----------
    found
        By name, transforms ``(obs,)``; uniform where predictions are calibrated.
    bins
        Number of bars.

    Returns
    -------
    matplotlib.figure.Figure
        The grey band holds 95 % of the bars of a uniform distribution, each by itself.
    """
    from scipy.stats import binom

    columns = 1 if len(found) == 1 else 2
    lines = -(-len(found) // columns)
    figure = Picture(figsize=(WIDTH, 0.6 + (2.2 if columns == 1 else 1.6) * lines), layout="constrained")
    FigureCanvasAgg(figure)
    plots = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, values) in zip(plots, found.items(), strict=False):
        dress(axes)
        low, high = (binom.ppf(q, len(values), 1 / bins) * bins / len(values) for q in (0.025, 0.975))
        axes.axhspan(low, high, color=FAINT, alpha=0.35, linewidth=0, zorder=0)
        height, edges = np.histogram(values, np.linspace(0, 1, bins + 1))
        axes.stairs(height * bins / len(values), edges, color=BLUE, linewidth=1.4)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, 1)
        if len(found) > 1:
            axes.set_title(plain(str(name)), loc="left", fontsize=LABEL, color=INK)
    for axes in plots[len(found) :]:
        axes.set_visible(False)
    figure.supxlabel("probability integral transform", fontsize=LABEL, color=INK)
    figure.supylabel("density", fontsize=LABEL, color=INK)
    return figure
