"""Smooths: what each adds to its predictor along its columns, with a band, and how steep that is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.quantities import BASIS
from bayesdeep.effects.smooth_curves import SmoothCurve, smooth_curves
from bayesdeep.effects.smooth_stretches import stretches
from bayesdeep.effects.smooth_surface import SmoothSurface, smooth_surfaces
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import TermSpec

from .curve_plot import COLOURS
from .figure_style import FAINT, GREEN, INK, LABEL, MUTED, ORANGE, TICK, WIDTH, Picture, dress, plain
from .parts import A_FIT
from .surface_plot import draw_surface

MOST_MARKS = 500
MOST_POINTS = 2_000
"""Rows whose residuals are drawn; of more, as many, evenly chosen."""
MOST_LINES = len(COLOURS)
"""Curves with a band in one plot; of a term with more, each further one is a thin grey line."""

OPTIONS: dict[str, Any] = {
    "fit": A_FIT, "interval": arguments.probability, "points": arguments.size, "data": arguments.flag, "slope": arguments.flag,
}  # fmt: skip


@arguments.checked("plot", **OPTIONS)
def smooths(
    fit: Fitted, *, interval: float = 0.9, points: int = 100, data: bool = True, slope: bool = False
) -> Figure:
    """Draw what each smooth ``s(x)`` or ``s(x, z)`` of the model adds to its predictor, on the predictor's scale.

    Parameters
    ----------
    fit
        Any fit of a model with smooths.
    interval
        Probability of the band, at each point.
    points
        Points of a curve.
    data
        Draw partial residuals, the rows' responses less the rest of the predictor, where they mean something: for responses
        that are numbers with an identity link. Rows are marked at the bottom in any case.
    slope
        Draw the curves' derivatives instead; where it is sure that a curve rises or falls there is a line below.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each smooth of one column, with a colour a level where there is a curve for each (``by=g``); of a coefficient
        that varies (``by=z``) it is that coefficient. Two for each of two columns: the surface, and its posterior sd. A smooth is
        0 on average over the training rows.

    Raises
    ------
    FitError
        For models without smooths, fits that do not hold their columns, and responses with a predictor for each level.
    """
    return _drawn(fit, None, interval, points, data=data, slope=slope)


@arguments.checked("plot", **OPTIONS, term=arguments.optional(arguments.text))
def smooth(
    fit: Fitted,
    term: str | None = None,
    *,
    interval: float = 0.9,
    points: int = 100,
    data: bool = True,
    slope: bool = False,
) -> Figure:
    """Draw one smooth as :func:`smooths` does all of them.

    Parameters
    ----------
    fit
        Any fit of a model with smooths.
    term
        What the posterior calls it, ``"s(x)"``, or the term as the formula has it, with all of its curves: ``"s(x, by=g)"``. The
        first one without a name.
    interval, points, data, slope
        As for :func:`smooths`.

    Returns
    -------
    matplotlib.figure.Figure
        As of :func:`smooths`.

    Raises
    ------
    FitError
        As from :func:`smooths`, and for a smooth that the model does not have.
    """
    return _drawn(fit, term or "", interval, points, data=data, slope=slope)


def _drawn(fit: Fitted, term: str | None, interval: float, points: int, *, data: bool, slope: bool) -> Figure:
    curves, surfaces = smooth_curves(fit, points, interval), smooth_surfaces(fit)
    if not curves and not (surfaces and not slope):
        none = "plot: the model has no smooth of one column such as s(x)" + (", nor of two" if not slope else "")
        raise FitError(none + _varying(fit, None))
    if term is not None:
        curves, surfaces = _chosen(fit, curves, surfaces, term)
    together: dict[str, list[SmoothCurve]] = {}
    for one in curves:
        together.setdefault(one.term, []).append(one)
    flat = [] if slope else surfaces
    heights = [2.5 + 0.25 * (len(some) > 1) for some in together.values()] + [3.3, 3.3] * len(flat)
    figure = Picture(figsize=(WIDTH, 0.3 + sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    every = list(np.atleast_1d(figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights})).ravel())
    for some in together.values():
        _along(every.pop(0), some, data=data, slope=slope)
    for surface in flat:
        draw_surface(figure, every.pop(0), every.pop(0), surface)
    return figure


def _names(own: TermSpec, term: str) -> bool:
    """Return whether quantities of a term go by this name."""
    return any(piece.slot.startswith(term) for effect in effects_of(own) for piece in effect.pieces)


def _varying(fit: Fitted, term: str | None) -> str:
    """Return how functions are looked at that have a curve for each group, where the model has such; of one term, or any."""
    terms = [own for predictor in fit.spec.predictors for own in predictor.terms]
    bent = [own for own in terms if any(p.role == BASIS for e in effects_of(own) if e.role != BASIS for p in e.pieces)]
    curves = [own.source for own in bent if term is None or term == own.source or _names(own, term)]
    if not curves:
        return ""
    return f"; {curves[0]} has effects of groups, which have no picture of their own: fit.curve(…, by=…) has their curves"


def _chosen(
    fit: Fitted, curves: Sequence[SmoothCurve], surfaces: Sequence[SmoothSurface], term: str
) -> tuple[list[SmoothCurve], list[SmoothSurface]]:
    """Return the curves or surfaces of this name, or of the term that is written so; of the first term without a name."""
    known = [name for one in curves for name in (one.name, one.source)]
    known += [name for one in surfaces for name in (one.name, one.source)]
    if not term:
        first = (curves or surfaces)[0].term
        return [one for one in curves if one.term == first], [one for one in surfaces if one.term == first]
    found = [one for one in curves if term in (one.name, one.source)]
    flat = [one for one in surfaces if term in (one.name, one.source)]
    if not found and not flat:
        raise FitError(f"plot: there is no smooth '{term}'{_varying(fit, term) or nearest(term, tuple(dict.fromkeys(known)))}")
    return found, flat


def _along(axes: Axes, curves: Sequence[SmoothCurve], *, data: bool, slope: bool) -> None:
    """Draw the curves of one term."""
    dress(axes)
    axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    column, several = curves[0].column, len(curves) > 1
    names = ("slope", "slope_lower", "slope_upper") if slope else ("estimate", "lower", "upper")
    for k, curve in enumerate(curves):
        colour = COLOURS[k] if k < MOST_LINES else FAINT
        at = curve.table[column].to_numpy(float)
        middle, lower, upper = (curve.table[name].to_numpy(float) for name in names)
        if k < MOST_LINES:
            axes.fill_between(at, lower, upper, color=colour, alpha=0.2, linewidth=0, zorder=2)
        label = plain(curve.level) if several and k < MOST_LINES else None
        axes.plot(at, middle, color=colour, linewidth=1.8 if k < MOST_LINES else 0.8, label=label, zorder=3)
        if slope and not several:
            _sure(axes, curve)
        elif data and curve.residuals is not None and k < MOST_LINES:
            some = np.linspace(0, len(curve.rows) - 1, min(len(curve.rows), MOST_POINTS)).astype(int)
            axes.scatter(curve.rows[some], curve.residuals[some], s=7, color=colour, alpha=0.35, linewidths=0, zorder=1)
    marks = np.unique(np.concatenate([curve.rows for curve in curves]))
    marks = marks[np.linspace(0, len(marks) - 1, min(len(marks), MOST_MARKS)).astype(int)]
    axes.plot(marks, np.zeros(len(marks)), "|", color=INK, alpha=0.5, transform=axes.get_xaxis_transform(), zorder=2)
    axes.set_xlabel(plain(column), fontsize=LABEL, color=INK)
    name = curves[0].source if several else curves[0].name
    axes.set_ylabel(plain(f"slope of {name}" if slope else name), fontsize=LABEL, color=INK)
    if several:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False, fontsize=TICK, labelcolor=INK, borderaxespad=0.1,
            handlelength=1.4, columnspacing=1.0,
        )  # fmt: skip


def _sure(axes: Axes, curve: SmoothCurve) -> None:
    """Draw lines at the bottom where a curve surely rises and where it surely falls."""
    for one in stretches(curve.table, curve.column):
        if one.sure_start is not None and one.sure_stop is not None:
            ends, colour = [one.sure_start, one.sure_stop], GREEN if one.rises else ORANGE
            axes.plot(ends, [0.04, 0.04], color=colour, linewidth=4, transform=axes.get_xaxis_transform(), zorder=4)


