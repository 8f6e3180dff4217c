"""Smooths: what each adds to the predictor along its column, with a band."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.effects.smooth_curves import smooth_curves
from bayesdeep.results.fitted import Fitted

from .figure_style import BLUE, INK, LABEL, MUTED, WIDTH, Picture, dress, plain
from .parts import A_FIT

MOST_MARKS = 500


@arguments.checked("plot", fit=A_FIT, interval=arguments.probability, points=arguments.size)
def smooths(fit: Fitted, *, interval: float = 0.9, points: int = 100) -> Figure:
    """Draw what each smooth ``s(x)`` of the main predictor adds to it, on the predictor's scale.

    Parameters
    ----------
    fit
        Any fit of a model with smooths.
    interval
        Probability of the band, at each point.
    points
        Points of a curve.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each smooth. A curve is 0 on average over the training rows, whose values are marked at the bottom.

    Raises
    ------
    FitError
        For models without smooths, fits that do not hold their columns, and responses with a predictor for each level.
    """
    found = smooth_curves(fit, points, interval)
    if not found:
        raise FitError("plot: the model has no smooth of one column such as s(x)")
    figure = Picture(figsize=(WIDTH, 0.3 + 2.3 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, curve in zip(np.atleast_1d(figure.subplots(len(found), 1)).ravel(), found, strict=True):
        dress(axes)
        at = curve.table[curve.column].to_numpy(float)
        axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        axes.fill_between(at, curve.table["lower"], curve.table["upper"], color=BLUE, alpha=0.2, linewidth=0, zorder=2)
        axes.plot(at, curve.table["estimate"], color=BLUE, linewidth=1.8, zorder=3)
        marks = np.unique(curve.rows)
        marks = marks[np.linspace(0, len(marks) - 1, min(len(marks), MOST_MARKS)).astype(int)]
        axes.plot(marks, np.zeros(len(marks)), "|", color=INK, alpha=0.5, transform=axes.get_xaxis_transform(), zorder=2)
        axes.set_xlabel(plain(curve.column), fontsize=LABEL, color=INK)
        axes.set_ylabel(plain(curve.name), fontsize=LABEL, color=INK)
    return figure
