"""Whether intervals hold what they promise: the share of responses inside intervals of each probability."""

from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError

from .parts import A_COMPARISON, observed, thinned
from .style import BLUE, GREEN, INK, MUTED, ORANGE, legend, new_figure, plain

LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
MARKS = ("o", "s", "^", "D", "v", "P")


@arguments.checked("plot", draws=arguments.count, seed=arguments.seed)
def calibration(comparison_or_fit: Any, *, draws: int = 400, seed: int | None = None) -> Any:
    """Draw observed against promised coverage of central intervals.

    Parameters
    ----------
    comparison_or_fit
        A comparison, with its held-out ``calibration``; or a fit, whose own rows are predicted again, which
        flatters a flexible model a little.
    draws, seed
        For a fit: number of predictive draws and their seed.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal the intervals are too narrow, above it too wide.
    """
    if not hasattr(comparison_or_fit, "idata") and not isinstance(getattr(comparison_or_fit, "calibration", None), pd.DataFrame):
        A_COMPARISON(comparison_or_fit, "plot", "comparison_or_fit")
    curves = (
        coverage_of_fit(comparison_or_fit, draws, seed)
        if hasattr(comparison_or_fit, "idata")
        else coverage_of(comparison_or_fit)
    )
    figure, axes = new_figure(4.2)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=0)
    colours = (BLUE, ORANGE, GREEN, MUTED)
    for i, (name, (promised, held)) in enumerate(curves.items()):
        axes.plot(
            promised, held, marker=MARKS[i % 6], color=colours[i % 4], markersize=5, linewidth=1.2, label=plain(name)
        )
    axes.set_xlabel("promised: probability of the interval")
    axes.set_ylabel("held: share of responses inside")
    values = np.concatenate([np.concatenate(pair) for pair in curves.values()])
    low = max(0.0, np.floor(10 * values.min() - 0.5) / 10)
    axes.set_xlim(low, 1)
    axes.set_ylim(low, 1)
    if len(curves) > 1:
        legend(axes, columns=2)
    return figure


def coverage_of(comparison: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return promised and held coverage by model from a comparison."""
    held = comparison.calibration
    if not len(held):
        raise FitError("plot: the comparison has no coverage; classes have a calibration error instead")
    promised = held.index.to_numpy(float)
    return {str(name): (promised, held[name].to_numpy(float)) for name in held.columns}


def coverage_of_fit(fit: Any, draws: int, seed: int | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return promised and held coverage of a fit's own rows."""
    y = observed(fit)
    made = thinned(fit, draws).draws(kind="response", seed=seed)
    if y.ndim != 1 or made.ndim != 3:
        raise FitError("plot: calibration of intervals needs one number a row")
    rows = made.stack(s=("chain", "draw")).transpose("s", "obs").values
    held = []
    for level in LEVELS:
        lower, upper = np.quantile(rows, [(1 - level) / 2, (1 + level) / 2], axis=0)
        held.append(float(np.mean((y >= lower) & (y <= upper))))
    return {fit.spec.response.name: (LEVELS, np.array(held))}
