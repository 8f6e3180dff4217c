"""What a network learned: functions of one and of two inputs with their uncertainty, and the scales of its layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.effects.input_function import Predictor, predictor_of
from bayesdeep.results.fitted import Fitted

from .figure_style import BLUE, INK, LABEL, MUTED, ORANGE, TICK, WIDTH, Picture, dress, legend, plain
from .function_grids import POINTS, SIDE, Axis, check_options, fitted, make_axis, surface
from .parts import A_FIT, main_link, observed
from .scales import network_scales

DRAWS = 300
MOST_PANELS = 6
SHOWN = ("residuals", "response")


@arguments.checked(
    "plot",
    fit=A_FIT,
    inputs=arguments.optional(arguments.names),
    point=arguments.optional(A_FIT),
    data=arguments.either(arguments.text, bool),
    kind=arguments.optional(arguments.text),
    others=arguments.text,
    interval=arguments.probability,
    draws=arguments.count,
)
def network(
    fit: Fitted,
    inputs: str | Sequence[str] | None = None,
    *,
    point: Fitted | None = None,
    data: bool | str = True,
    kind: str | None = None,
    others: str = "average",
    interval: float = 0.9,
    draws: int = DRAWS,
    rows: Any = None,
) -> Figure:
    """Draw the function a fit learned, of one input or of two, or the scales of a network's inputs and layers.

    Nothing about networks is used but for ``kind="scales"``: curves of splines and linear effects are drawn as well.

    Parameters
    ----------
    fit
        Any fit whose main predictor has inputs.
    inputs
        One input; two, for a map of the posterior mean and one of the width of intervals; by default each of the first six
        that are numbers, a curve each.
    point
        Another fit of the same response, such as a net fitted with ``method="sgd"``: a line beside the curves.
    data
        The data beside the curves. True: partial residuals where the link is the identity, that is the curve at the row's value
        plus what the row differs from its own fitted value by; else the response; nothing where responses are censored or
        counts of a number of trials. ``"residuals"``, ``"response"`` or False.
    kind
        ``"mean"``: expected responses, in the response's units. ``"linear"``: the predictor on the link's scale. ``"scales"``:
        the learned scales of inputs (how much each matters, for prior="ard" and "horseshoe") and layers.
    others
        What the other inputs are: ``"average"`` over training rows (partial dependence), or ``"held"`` at their means and most
        frequent levels.
    interval
        Probability of the wide band and of the intervals whose width is mapped; the narrow band holds half.
    draws
        Posterior draws used, at most.
    rows
        The data the fit was made from, for fits that do not hold their columns.

    Returns
    -------
    matplotlib.figure.Figure
        To restyle or save.

    Raises
    ------
    FitError
        For an input the predictor does not have, or a response whose mean is not one number.
    """
    if kind == "scales":
        return network_scales(fit, interval)
    counted = "prop" in fit.spec.response.modifiers
    kind = kind or ("linear" if counted else "mean")
    check_options(kind, others, interval)
    if counted and kind == "mean":
        raise FitError("plot: expected counts depend on a row's number of trials; use kind='linear'")
    predictor = predictor_of(fit, "plot", draws, rows)
    names = _names(predictor, inputs)
    other = None if point is None else predictor_of(point, "plot", draws, rows)
    if inputs is not None and len(names) == 2 and not isinstance(inputs, str):
        return _maps(fit, predictor, names, data, kind, others, interval)
    return _curves(fit, predictor, other, names, _shown(fit, data, kind), kind, others, interval)


def _names(predictor: Predictor, inputs: str | Sequence[str] | None) -> list[str]:
    if inputs is None:
        numbers = [i.name for i in predictor.inputs if i.kind == "number"]
        return (numbers or [i.name for i in predictor.inputs])[:MOST_PANELS]
    names = [inputs] if isinstance(inputs, str) else list(inputs)
    if not 1 <= len(names) <= 2 or len(set(names)) < len(names):
        raise FitError(f"plot: inputs={inputs!r}; give one input's name, or two different ones")
    return names


def _shown(fit: Fitted, data: bool | str, kind: str) -> str:
    """Return which data to draw beside curves; "" for none."""
    if data is False:
        return ""
    identity = main_link(fit) == "identity"
    if data is True and {"censored", "prop"} & set(fit.spec.response.modifiers):
        return ""
    if data is True:
        return "residuals" if identity else ("response" if kind == "mean" else "")
    if data not in SHOWN:
        raise FitError(f"plot: unknown data={data!r}{nearest(str(data), SHOWN)}")
    if data == "residuals" and not identity:
        raise FitError(f"plot: residuals need an identity link, not {main_link(fit)}; data='response' is drawn for any")
    return str(data)


def _label(fit: Fitted, kind: str) -> str:
    name = plain(fit.spec.response.name)
    if kind == "mean":
        return f"expected {name}"
    return f"predictor of {name}" if main_link(fit) == "identity" else f"{main_link(fit)} of expected {name}"


def _curves(
    fit: Fitted,
    predictor: Predictor,
    point: Predictor | None,
    names: list[str],
    shown: str,
    kind: str,
    others: str,
    interval: float,
) -> Figure:
    columns = 1 if len(names) == 1 else 2
    lines = -(-len(names) // columns)
    figure = Picture(figsize=(WIDTH, 0.5 + (3.0 if columns == 1 else 2.1) * lines), layout="constrained")
    FigureCanvasAgg(figure)
    plots = np.atleast_1d(figure.subplots(lines, columns, sharey=columns > 1)).ravel()
    left = None if shown != "residuals" else observed(fit).astype(float) - fitted(predictor, kind)
    for axes, name in zip(plots, names, strict=False):
        dress(axes)
        given = make_axis(predictor, name, POINTS)
        value = surface(predictor, [given], kind, others)
        if shown:
            at = _places(predictor, given)
            heights = observed(fit).astype(float) if left is None else left + _at(given, value.mean(axis=0), at)
            axes.plot(at, heights, "o", color=MUTED, markersize=2.4, alpha=0.45, markeredgewidth=0, zorder=1)
        _draw(axes, given, value, interval)
        if point is not None:
            _line(axes, make_axis(predictor, name, POINTS), surface(point, [given], kind, others).mean(axis=0))
        axes.set_xlabel(plain(name), fontsize=LABEL, color=INK)
    for axes in plots[len(names) :]:
        axes.set_visible(False)
    for axes in plots[::columns]:
        axes.set_ylabel(_label(fit, kind), fontsize=LABEL, color=INK)
    _legend(plots[0], shown, interval, point is not None)
    return figure


def _places(predictor: Predictor, given: Axis) -> np.ndarray:
    """Return where the training rows lie on an axis ``(obs,)``; rows of one level are spread a little."""
    values = predictor.columns[given.input.name].values
    if given.labels is None:
        return values.astype(float)
    spread = np.random.default_rng(0).uniform(-0.12, 0.12, len(values))
    return np.searchsorted(given.column.values, values) + spread


def _at(given: Axis, curve: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return a curve's height at places on its axis."""
    if given.labels is None:
        return np.interp(places, given.places, curve)
    return curve[np.round(places).astype(int)]


def _draw(axes: Axes, given: Axis, value: np.ndarray, interval: float) -> None:
    """Draw the mean and two bands; intervals for levels."""
    tail = (1 - interval) / 2
    lower, low, high, upper = np.quantile(value, [tail, 0.25, 0.75, 1 - tail], axis=0)
    x, mean = given.places, value.mean(axis=0)
    if given.labels is None:
        if len(value) > 1:
            axes.fill_between(x, lower, upper, color=BLUE, alpha=0.18, linewidth=0, zorder=2)
            axes.fill_between(x, low, high, color=BLUE, alpha=0.35, linewidth=0, zorder=3)
        axes.plot(x, mean, color=BLUE, linewidth=1.8, zorder=4)
        return
    axes.vlines(x, lower, upper, color=BLUE, linewidth=1.2, zorder=3)
    axes.vlines(x, low, high, color=BLUE, linewidth=4.0, zorder=3)
    axes.plot(x, mean, "o", color=BLUE, markersize=6, zorder=4)
    _level_ticks(axes, given, "x")


def _level_ticks(axes: Axes, given: Axis, side: str) -> None:
    labels = [plain(label) for label in given.labels or ()]
    getattr(axes, f"set_{side}ticks")(given.places, labels)
    if side == "x" and (len(labels) > 6 or max(map(len, labels)) > 8):
        axes.tick_params(axis="x", labelrotation=90)


def _line(axes: Axes, given: Axis, curve: np.ndarray) -> None:
    style: dict[str, Any] = {"color": ORANGE, "linewidth": 1.6, "zorder": 5}
    if given.labels is None:
        axes.plot(given.places, curve, linestyle=(0, (4, 2)), **style)
    else:
        axes.plot(given.places, curve, "D", markersize=5, **style)


def _legend(axes: Axes, shown: str, interval: float, point: bool) -> None:
    handles: list[Any] = [
        Line2D([], [], color=BLUE, linewidth=1.8, label="mean"),
        Patch(color=BLUE, alpha=0.35, linewidth=0, label="50 %"),
        Patch(color=BLUE, alpha=0.18, linewidth=0, label=f"{100 * interval:g} %"),
    ]
    if point:
        handles.append(Line2D([], [], color=ORANGE, linewidth=1.6, linestyle=(0, (4, 2)), label="point fit"))
    if shown:
        name = "partial residuals" if shown == "residuals" else "data"
        handles.append(Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=4, label=name))
    legend(axes, handles, columns=3)


def _maps(
    fit: Fitted, predictor: Predictor, names: list[str], data: bool | str, kind: str, others: str, interval: float
) -> Figure:
    """Draw the posterior mean over two inputs, and below it the width of intervals."""
    first, second = (make_axis(predictor, name, SIDE) for name in names)
    value = surface(predictor, [first, second], kind, others)
    tail = (1 - interval) / 2
    lower, upper = np.quantile(value, [tail, 1 - tail], axis=0)
    figure = Picture(figsize=(WIDTH, 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    plots = figure.subplots(2, 1, sharex=True)
    named = (_label(fit, kind), f"width of the {100 * interval:g} % interval")
    heights = (value.mean(axis=0), upper - lower)
    for axes, height, title, colours in zip(plots, heights, named, ("viridis", "Blues"), strict=True):
        dress(axes)
        mesh = axes.pcolormesh(first.places, second.places, height.T, cmap=colours, shading="nearest")
        bar = figure.colorbar(mesh, ax=axes, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=TICK, colors=INK)
        bar.set_label(title, fontsize=LABEL, color=INK)
        if data is not False:
            at = (_places(predictor, first), _places(predictor, second))
            axes.plot(*at, "o", color="white", markersize=2.6, markeredgecolor=INK, markeredgewidth=0.4, alpha=0.7)
        for given, side in ((first, "x"), (second, "y")):
            if given.labels is not None:
                _level_ticks(axes, given, side)
        axes.set_ylabel(plain(names[1]), fontsize=LABEL, color=INK)
    plots[1].set_xlabel(plain(names[0]), fontsize=LABEL, color=INK)
    return figure
