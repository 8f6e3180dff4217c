"""Selective prediction: the error of the rows that are kept when the least certain predictions are left out."""

from typing import Any

from matplotlib.figure import Figure

from bayesdeep.compare.compared import Compared
from bayesdeep.compare.errors_by_region import Selective
from bayesdeep.compare.errors_by_region import selective as selective_of
from bayesdeep.core import arguments

from .error_regions import COLOURS, MARKS
from .figure_style import INK, LABEL, legend, new_figure, plain
from .parts import A_COMPARISON


@arguments.checked(
    "plot",
    comparison=A_COMPARISON,
    found=arguments.optional(arguments.instance(lambda: Selective, "what comparison.selective() returned")),
)
def selective(comparison: Compared, *, found: Selective | None = None) -> Figure:
    """Draw each fit's error against the share of rows kept; see :func:`bayesdeep.compare.errors_by_region.selective`.

    Parameters
    ----------
    comparison
        What :func:`bayesdeep.compare` returned.
    found
        What ``comparison.selective()`` returned, if it is at hand.

    Returns
    -------
    matplotlib.figure.Figure
        A line a fit, from all rows at the left to its most certain tenth at the right: one that falls belongs to a fit that
        knows where it is wrong.
    """
    found = selective_of(comparison) if found is None else found
    figure, axes = new_figure(3.2 + 0.22 * -(-len(found.curve.columns) // 2))
    kept = 100 * found.curve.index.to_numpy(float)
    for i, name in enumerate(found.curve.columns):
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "marker": MARKS[i % len(MARKS)]}
        axes.plot(kept, found.curve[name], label=plain(str(name)), markersize=5, linewidth=1.4, **style)
    axes.set_xlim(103, 7)
    axes.margins(y=0.25)
    axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    axes.set_xlabel("% of rows kept, the most certain ones", fontsize=LABEL, color=INK)
    axes.set_ylabel(found.error, fontsize=LABEL, color=INK)
    legend(axes, columns=2 if len(found.curve.columns) > 1 else 1)
    return figure
