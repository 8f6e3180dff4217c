"""Estimates as points with intervals, one row each."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayesdeep.compare.compared import Compared
from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.results.fitted import Fitted

from .figure_style import BLUE, GRID, INK, LABEL, ORANGE, new_figure, plain, row_labels
from .parts import A_FIT, estimates

ROLES = ("coefficient",)
EVERY = ("intercept", "coefficient", "sd", "correlation", "parameter")


@arguments.checked("plot", fit=A_FIT, roles=arguments.names, interval=arguments.probability, most=arguments.count)
def forest(
    fit: Fitted, *, roles: str | Iterable[str] = ROLES, interval: float = 0.9, most: int = 30
) -> Figure:
    """Draw the population-level effects with their intervals: thick half, thin ``interval``.

    Parameters
    ----------
    fit
        Any fit.
    roles
        Which parameters: of ``"intercept" "coefficient" "sd" "correlation" "parameter"``.
    interval
        Probability of the thin line.
    most
        How many rows at most; the first are drawn.

    Raises
    ------
    FitError
        Where the model has no such parameter.
    """
    roles = (roles,) if isinstance(roles, str) else tuple(roles)
    known = {*EVERY, *(prior.role for prior in fit.spec.priors)}
    for role in roles:
        if role not in known:
            raise FitError(f"plot: unknown role '{role}'{nearest(role, known)}")
    wide, half = estimates(fit, roles, interval).head(most), estimates(fit, roles, 0.5).head(most)
    if wide.empty:
        there = {p.role for p in fit.spec.priors} & set(EVERY)
        raise FitError(
            f"plot: the model has no parameter with the role {' or '.join(map(repr, roles))}; it has: "
            f"{', '.join(repr(r) for r in EVERY if r in there) or 'none'}"
        )
    return draw_intervals(wide, half, "estimate")


def draw_intervals(wide: pd.DataFrame, half: pd.DataFrame, label: str, zero: bool = True) -> Figure:
    """Draw a table of ``mean lower upper`` as intervals, the first row on top."""
    figure, axes = new_figure(0.95 + 0.3 * len(wide))
    rows = np.arange(len(wide))
    if zero:
        axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
    axes.hlines(rows, wide["lower"], wide["upper"], color=BLUE, linewidth=1.2)
    axes.hlines(rows, half["lower"], half["upper"], color=BLUE, linewidth=4.0)
    axes.plot(wide["mean"], rows, "o", color=BLUE, markersize=6)
    row_labels(axes, [str(x) for x in wide.index])
    axes.set_xlabel(plain(label))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.06)
    return figure


def elpd_differences(comparison: Compared | pd.DataFrame) -> Figure:
    """Draw how far each model's expected log predictive density lies below the best one's, with two standard errors.

    Parameters
    ----------
    comparison
        What ``bd.compare`` returned, or a table with the columns ``elpd_diff`` and ``dse``, the best model first.

    Raises
    ------
    FitError
        For anything else.
    """
    table = comparison.table if isinstance(comparison, Compared) else comparison
    if not isinstance(table, pd.DataFrame) or not {"elpd_diff", "dse"} <= set(table.columns):
        raise FitError(
            f"elpd_differences: wants what bd.compare returned, or its table with the columns 'elpd_diff' and 'dse'; "
            f"got {type(comparison).__name__}"
        )
    behind = -np.abs(table["elpd_diff"].to_numpy(float))
    error = np.nan_to_num(table["dse"].to_numpy(float))
    figure, axes = new_figure(0.95 + 0.42 * len(table))
    rows = np.arange(len(table))
    axes.axvline(0.0, color=GRID, linewidth=1.0, zorder=0)
    axes.hlines(rows[1:], behind[1:] - 2 * error[1:], behind[1:] + 2 * error[1:], color=BLUE, linewidth=1.6)
    axes.plot(behind[1:], rows[1:], "o", color=BLUE, markersize=6)
    axes.plot(behind[:1], rows[:1], "D", color=ORANGE, markersize=6)
    row_labels(axes, [str(x) for x in table.index])
    axes.set_xlabel("elpd, difference from the best (± 2 SE)", fontsize=LABEL)
    axes.margins(x=0.06)
    return figure
