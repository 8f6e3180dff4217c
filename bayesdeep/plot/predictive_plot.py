"""Would the model have produced data like these? Observed responses over predicted ones."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.diagnostics.predictive_checks import recorded
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.prediction_doors import predictive_draws

from .figure_style import BLUE, INK, legend, new_figure, plain
from .parts import A_FIT, family_words, observed, thinned

MOST_BARS = 60
"""Values of counts that have a bar of their own; of more, values from 1 on share bars, and 0 keeps its own."""


@arguments.checked("plot", fit=A_FIT, draws=arguments.size, seed=arguments.seed)
def predictive_check(fit: Fitted, *, draws: int = 50, seed: int | None = None) -> Figure:
    """Draw the responses and responses predicted for the same rows.

    Parameters
    ----------
    fit
        Any fit.
    draws
        Number of predicted data sets.
    seed
        For the predicted data; by default derived from the fit's own.

    Returns
    -------
    matplotlib.figure.Figure
        Densities for a continuous response; for counts and levels, bars of observed frequencies and predicted ones with
        90 % intervals: one bar a value, the last one for all values from there on where the tail is long. Values that have a
        probability of their own beside a density, such as the zeros of a hurdle family, have such a bar on an axis of shares.
    """
    known = recorded(fit)
    y = observed(fit)
    if y.ndim != 1:
        raise FitError(f"plot: a row of '{fit.spec.response.name}' has several numbers; there is no predictive check of those")
    if not known.any():
        raise FitError("plot: the response of every row is known by an interval alone; there is no predictive check of those")
    made = predictive_draws(thinned(fit, draws), kind="response", seed=seed)
    predicted = made.stack(s=("chain", "draw")).transpose("s", "obs").values[:, known]
    y = y[known]
    if {"discrete", "levels", "ordered"} & family_words(fit):
        return _bars(fit, y, predicted)
    return _densities(fit, y.astype(float), predicted, FAMILIES[fit.spec.family].atoms)


def _densities(fit: Fitted, y: np.ndarray, predicted: np.ndarray, atoms: tuple[float, ...]) -> Figure:
    low, high = shown_range(y, predicted)
    grid = np.linspace(low, high, 200)
    figure, axes = new_figure(3.2)
    for row in predicted:
        axes.plot(grid, _density_beside(row, grid, atoms), color=BLUE, linewidth=0.7, alpha=0.28)
    axes.plot(grid, _density_beside(y, grid, atoms), color=INK, linewidth=2.0)
    if atoms:
        _shares(axes.twinx(), y, predicted, atoms, 0.02 * (high - low))
    axes.set_xlabel(plain(fit.spec.response.name))
    axes.set_ylabel("density")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom=0)
    named = [Line2D([], [], color=INK, linewidth=2.0, label="observed"), Line2D([], [], color=BLUE, label="predicted")]
    legend(axes, named, columns=2)
    return figure


def _density_beside(values: np.ndarray, grid: np.ndarray, atoms: tuple[float, ...]) -> np.ndarray:
    """Return the density of what is none of the atoms, times its share of the values; NaN beyond an atom that it ends at."""
    others = values[~np.isin(values, atoms)]
    if len(others) < 2:
        return np.zeros(len(grid))
    found = density(others, grid) * (len(others) / len(values))
    ends = [at for at in atoms if (others > at).all() or (others < at).all()]
    beyond = [grid < at if (others > at).all() else grid > at for at in ends]
    return np.where(np.any(beyond, axis=0), np.nan, found) if beyond else found


def _shares(axes: Any, y: np.ndarray, predicted: np.ndarray, atoms: tuple[float, ...], width: float) -> None:
    """Draw the shares of atoms, observed as bars and predicted with 90 % intervals."""
    each = np.stack([np.mean(predicted == at, axis=1) for at in atoms], axis=1)
    lower, upper = np.quantile(each, [0.05, 0.95], axis=0)
    axes.bar(atoms, [np.mean(y == at) for at in atoms], width=width, color="none", edgecolor=INK, linewidth=1.2)
    axes.vlines(atoms, lower, upper, color=BLUE, linewidth=1.6)
    axes.plot(atoms, each.mean(axis=0), "o", color=BLUE, markersize=5)
    axes.set_ylabel("share of the rows")
    axes.set_ylim(bottom=0)


def shown_range(y: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return the range that holds the data and all but the wildest predictions."""
    low, high = np.quantile(predicted, [0.001, 0.999])
    low, high = min(float(y.min()), float(low)), max(float(y.max()), float(high))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return a Gaussian kernel density on a grid; at most 2,000 evenly chosen values are used."""
    if len(values) > 2000:
        values = np.sort(values)[np.linspace(0, len(values) - 1, 2000, dtype=int)]
    quartiles = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.349
    width = 0.9 * (min(values.std(), quartiles) if quartiles > 0 else values.std()) * len(values) ** -0.2
    if width <= 0:
        width = float(grid[1] - grid[0])
    z = (grid[:, None] - values[None, :]) / width
    return np.exp(-0.5 * z * z).mean(axis=1) / (width * np.sqrt(2 * np.pi))


def _bars(fit: Fitted, y: np.ndarray, predicted: np.ndarray) -> Figure:
    levels = fit.spec.response.levels
    edges, last = bar_edges(y, predicted) if levels is None else (np.arange(len(levels) + 1) - 0.5, None)
    y, predicted = (np.minimum(values, edges[-1] - 0.5) for values in (y, predicted))
    middle, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    count = np.histogram(y, edges)[0] / len(y)
    each = np.stack([np.histogram(row, edges)[0] for row in predicted]) / len(y)
    lower, upper = np.quantile(each, [0.05, 0.95], axis=0)
    figure, axes = new_figure(3.2)
    axes.bar(middle, count, width=0.8 * width, color="none", edgecolor=INK, linewidth=1.2, label="observed")
    axes.vlines(middle, lower, upper, color=BLUE, linewidth=1.6)
    axes.plot(middle, each.mean(axis=0), "o", color=BLUE, markersize=5 if len(middle) < 25 else 3.5, label="predicted")
    axes.set_xlabel(plain(fit.spec.response.name))
    axes.set_ylabel("share of the rows")
    axes.set_ylim(bottom=0)
    if levels is not None and len(levels) <= 8:
        axes.set_xticks(middle, [plain(str(x)) for x in levels])
    elif levels is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if last is not None:
        ticks = [t for t in axes.get_xticks() if edges[0] < t < last - 0.1 * (last - edges[0])]
        axes.set_xticks([*ticks, middle[-1]], [*(f"{t:g}" for t in ticks), f"{last:g}+"])
    legend(axes, columns=2)
    return figure


def bar_edges(y: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Return the edges of bars of counts, and the value from which on the last bar has them all; None if it has but its own.

    A value a bar as far as there is room; where values share bars, 0 keeps its own, since too many or too few zeros are what
    models of counts most often miss.
    """
    low = float(min(y.min(), np.quantile(predicted, 0.01)))
    most = float(max(y.max(), np.quantile(predicted, 0.99)))
    high = most if most - low < MOST_BARS else float(np.ceil(max(np.quantile(v, 0.99) for v in (y, predicted))))
    step = max(1.0, np.ceil((high - low + 1) / MOST_BARS))
    first = low + 1 if low == 0 and step > 1 else low
    edges = np.arange(first, high + step, step) - 0.5
    edges = np.append(edges, edges[-1] + step) if edges[-1] < high else edges
    edges = np.concatenate([[low - 0.5], edges]) if first > low else edges
    lumped = max(float(y.max()), float(predicted.max())) > edges[-1]
    if lumped:
        edges = np.append(edges, edges[-1] + step)
    return edges, float(edges[-2] + 0.5) if lumped else None
