"""A function of two columns: its contours, hatched where its sign is not sure, and beside it how uncertain it is."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayesdeep.effects.smooth_surface import SmoothSurface

from .figure_style import INK, LABEL, TICK, dress, plain

SURE = 0.95
"""Posterior probability of a sign from which on it is sure."""
LINES = 9
MOST_POINTS = 2_000


def draw_surface(figure: Figure, above: Axes, below: Axes, surface: SmoothSurface) -> None:
    """Draw the posterior mean of a surface on one plot and its posterior sd on another.

    The mean is hatched where neither sign has a probability of :data:`SURE`.
    """
    x, y = surface.at
    most = float(np.nanmax(np.abs(surface.estimate))) or 1.0
    shown = np.ma.masked_invalid(surface.estimate.T)
    filled = above.contourf(x, y, shown, levels=np.linspace(-most, most, 2 * LINES + 1), cmap="RdBu_r", zorder=1)
    above.contour(x, y, shown, levels=np.linspace(-most, most, LINES), colors=INK, linewidths=0.5, alpha=0.6, zorder=2)
    certain = np.ma.masked_invalid(np.maximum(surface.prob_positive, 1 - surface.prob_positive).T)
    if float(certain.min()) < SURE:
        above.contourf(x, y, certain, levels=[0.0, SURE], colors="none", hatches=["////"], zorder=2)
    error = below.contourf(x, y, np.ma.masked_invalid(surface.sd.T), levels=2 * LINES, cmap="Greys", zorder=1)
    some = np.linspace(0, len(surface.rows) - 1, min(len(surface.rows), MOST_POINTS)).astype(int)
    for axes, made, what in ((above, filled, plain(surface.name)), (below, error, f"sd of {plain(surface.name)}")):
        dress(axes)
        axes.plot(*surface.rows[some].T, ".", color=INK, markersize=2.0, alpha=0.5, zorder=3)
        axes.set_xlabel(plain(surface.columns[0]), fontsize=LABEL, color=INK)
        axes.set_ylabel(plain(surface.columns[1]), fontsize=LABEL, color=INK)
        bar = figure.colorbar(made, ax=axes, ticks=MaxNLocator(5))
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=TICK - 1, colors=INK)
        bar.set_label(what, fontsize=LABEL - 1, color=INK)
