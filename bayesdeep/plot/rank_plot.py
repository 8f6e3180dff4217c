"""Rank plots: whether the chains visit the same values equally often (Vehtari et al. 2021)."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import rankdata

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted

from .figure_style import BLUE, FAINT, GREEN, INK, LABEL, MUTED, ORANGE, TICK, WIDTH, Picture, dress, plain
from .parts import A_FIT

BINS = 20


@arguments.checked("plot", fit=A_FIT, names=arguments.names, bins=arguments.count)
def ranks(fit: Fitted, names: str | Iterable[str], *, bins: int = BINS) -> Figure:
    """Draw, for each quantity, how often each chain's draws fall in each twentieth of all the draws' ranks.

    Parameters
    ----------
    fit
        A fit with several chains.
    names
        Labels of scalars, ``"sigma"`` or ``"1|county[Anoka]"``; of a network's values, ``"predictor[row 17]"``.
    bins
        Number of bins of ranks.

    Returns
    -------
    matplotlib.figure.Figure
        One line a chain. Lines that wander around the level of equal shares are what is hoped for; one that stays
        high at one end is a chain that found other values than the rest.
    """
    labels = [names] if isinstance(names, str) else list(names)
    draws = {name: scalar(fit, name) for name in labels}
    figure = Picture(figsize=(WIDTH, 0.75 + 1.25 * len(labels)), layout="constrained")
    FigureCanvasAgg(figure)
    plots = np.atleast_1d(figure.subplots(len(labels), 1, sharex=True))
    for axes, (name, values) in zip(plots, draws.items(), strict=True):
        dress(axes)
        _draw(axes, values, bins)
        axes.set_title(plain(name), loc="left", fontsize=LABEL, color=INK)
    plots[-1].set_xlabel("rank among all draws, from smallest to largest", fontsize=LABEL, color=INK)
    plots[-1].set_xticks([])
    return figure


def _draw(axes: Axes, values: np.ndarray, bins: int) -> None:
    chains, length = values.shape
    order = rankdata(values, method="ordinal").reshape(values.shape)
    edges = np.linspace(0, values.size, bins + 1)
    even = length / bins
    # Binomial counts: 99 % of them lie within 2.6 standard deviations of equal shares.
    slack = 2.6 * np.sqrt(length / bins * (1 - 1 / bins)) / even
    axes.axhspan(1 - slack, 1 + slack, color=FAINT, alpha=0.25, linewidth=0)
    axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)))
    colours = (BLUE, ORANGE, GREEN, MUTED)
    for chain in range(chains):
        counts, _ = np.histogram(order[chain], bins=edges)
        axes.stairs(counts / even, edges, color=colours[chain % 4], linewidth=1.3, alpha=0.9)
    axes.set_ylim(0, max(2.0, axes.get_ylim()[1]))
    axes.set_xlim(0, values.size)
    axes.set_ylabel("share", fontsize=TICK, color=INK)


def scalar(fit: Fitted, label: str) -> np.ndarray:
    """Return the draws ``(chain, draw)`` of one scalar of the posterior, or of a network's values, by its label."""
    from bayesdeep.results.convergence_table import stack_scalars

    for group in ("posterior", "functions"):
        if group in fit.idata.children:
            labels, _, draws = stack_scalars(fit.idata[group].to_dataset())
            if label in labels:
                return draws[labels.index(label)]
    raise FitError(f"plot: the fit has no quantity '{label}'")
