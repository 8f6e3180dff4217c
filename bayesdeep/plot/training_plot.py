"""How the training of a network went, epoch by epoch."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.tree import TRAINING

from .figure_style import BLUE, FAINT, INK, LABEL, ORANGE, WIDTH, Picture, dress
from .parts import A_FIT

MOST_OUTLIERS = 5.0
"""Percent of the values that may lie beyond the ends of an axis: the first epochs of a network say little of the rest."""


@arguments.checked("plot", fit=A_FIT)
def training(fit: Fitted) -> Figure:
    """Draw the loss and the log score of held-out rows, epoch by epoch.

    Parameters
    ----------
    fit
        Trained, by ``sgd``, ``ensemble``, ``dropout``.

    Returns
    -------
    matplotlib.figure.Figure
        A line a network; those of a cross-validation, which judge the one that is kept, are faint. A mark where the held-out
        score was best: these parameters are kept. A loss that still falls while the score does not rise any more is
        overfitting, and a score that still rises at the end asks for more ``epochs``.

    Raises
    ------
    FitError
        For a fit that was not trained.
    """
    if TRAINING not in fit.idata.children:
        method = fit.idata.attrs["method"]
        raise FitError(f"plot: a fit by '{method}' was not trained; training() is for fits by 'sgd', 'ensemble' or 'dropout'")
    course = fit.idata[TRAINING].to_dataset()
    shown = [("loss", "training loss")] + ([("held_out", "held-out log score")] if "held_out" in course else [])
    figure = Picture(figsize=(WIDTH, 0.6 + 2.1 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    best, kept = course["best"].to_numpy(), course["kept"].to_numpy() > 0
    for axes, (name, title) in zip(np.atleast_1d(figure.subplots(len(shown), 1, sharex=True)), shown, strict=True):
        dress(axes)
        _lines(axes, course[name].to_numpy(), best, kept)
        axes.set_title(f"{title}, a row", loc="left", fontsize=LABEL, color=INK)
    axes.set_xlabel("epoch", fontsize=LABEL, color=INK)
    return figure


def _lines(axes: Axes, values: np.ndarray, best: np.ndarray, kept: np.ndarray) -> None:
    """Draw values ``(epoch, member)``, with a mark at the best epoch of those that are kept."""
    epochs = np.arange(len(values))
    if np.isnan(values[:, kept]).all():  # Judged by what those that were cross-validated say together.
        values = np.where(kept, values[:, ~kept][:, :1], np.nan)
    for member in np.argsort(kept, kind="stable"):
        own = values[:, member]
        axes.plot(epochs, own, color=BLUE if kept[member] else FAINT, linewidth=1.2, alpha=0.85)
        if kept[member] and best[member] < len(own) and np.isfinite(own[best[member]]):
            axes.plot(best[member], own[best[member]], "o", color=ORANGE, markersize=4.5)
    finite = values[np.isfinite(values)]
    if finite.size:
        low, high = np.percentile(finite, [MOST_OUTLIERS / 2, 100 - MOST_OUTLIERS / 2])
        room = 0.08 * (high - low) or 1.0
        axes.set_ylim(max(low - (high - low), finite.min()) - room, min(high + (high - low), finite.max()) + room)
