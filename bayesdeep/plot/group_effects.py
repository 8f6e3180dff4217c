"""The effects of every group, sorted, each with its name."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.names import named
from bayesdeep.results.fitted import Fitted

from .figure_style import BLUE, FAINT, INK, new_figure, plain, row_labels
from .parts import A_FIT, group_terms, summarise

MAX_GROUPS = 150
"""More groups than this do not fit one picture; the ends are shown."""
ENDS = 40
ROW = 0.178
"""Inches a row: enough for 9-point names on a phone."""


def effects_table(fit: Fitted, term: str | None = None, interval: float = 0.9) -> pd.DataFrame:
    """Return mean, sd, lower, upper and rows of the effects of every group, sorted by mean.

    Parameters
    ----------
    term
        Posterior name, ``"1|county"``; the first group-level effect by default.
    """
    terms = group_terms(fit)
    names = [name for t in terms for name in t.effects]
    if not names:
        raise FitError("plot: the model has no group-level effects")
    chosen = names[0] if term is None else named(term, names)
    if chosen is None:
        raise FitError(f"plot: no group-level effects '{term}'{nearest(str(term), names)}")
    owner = next(t for t in terms if chosen in t.effects)
    draws = fit.posterior[chosen]
    if draws.ndim > 3:
        raise FitError(f"plot: '{chosen}' has several coefficients a group; choose one with fit.idata")
    table = summarise(draws, interval)
    table.index = pd.Index(owner.labels)
    return table.assign(rows=owner.sizes).sort_values("mean", kind="stable")


@arguments.checked(
    "plot", fit=A_FIT, term=arguments.optional(arguments.text), interval=arguments.probability, most=arguments.count
)
def group_effects(fit: Fitted, term: str | None = None, *, interval: float = 0.9, most: int = MAX_GROUPS) -> Figure:
    """Draw the effects of every group with intervals, the largest on top.

    Parameters
    ----------
    fit
        A fit of a model with group-level effects.
    term
        Posterior name, ``"1|county"``; the first by default.
    interval
        Probability of the thin line; the thick one holds half.
    most
        With more groups than this only the ends are drawn.
    """
    wide, half = effects_table(fit, term, interval), effects_table(fit, term, 0.5)
    if len(wide) > most:
        ends = np.r_[0:ENDS, len(wide) - ENDS : len(wide)]
        wide = wide.iloc[ends]
    wide = wide.iloc[::-1]
    half = half.loc[wide.index] if wide.index.is_unique else half.iloc[::-1]
    figure, axes = new_figure(max(1.6, ROW * len(wide) + 0.9))
    rows = np.arange(len(wide))
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
    axes.hlines(rows, wide["lower"], wide["upper"], color=BLUE, linewidth=0.9, alpha=0.6)
    axes.hlines(rows, half["lower"], half["upper"], color=BLUE, linewidth=2.6)
    axes.plot(wide["mean"], rows, "o", color=BLUE, markersize=3.6)
    if len(wide) > 12:
        axes.hlines(np.arange(4.5, len(wide), 5), *axes.get_xlim(), color=FAINT, linewidth=0.35, zorder=0)
    row_labels(axes, [str(x) for x in wide.index])
    name = term or group_terms(fit)[0].effects[0]
    axes.set_xlabel(f"{plain(name)}, difference from average")
    if len(wide) > 40:
        axes.tick_params(axis="x", top=True, labeltop=True)
        axes.spines["top"].set_visible(True)
        axes.spines["top"].set_color(FAINT)
    return figure
