"""One look for all figures: colours that colour-blind readers can tell apart (Okabe and Ito), sizes for a phone."""

from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#2b2f36"
MUTED = "#6f7681"
FAINT = "#b4bac3"
GRID = "#dde0e5"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"

WIDTH = 4.8
"""Width in inches: on a phone 390 points wide a figure of this width is shown at about four fifths of its size."""
LABEL, TICK = 12.0, 11.5


class Picture(Figure):
    """A matplotlib Figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def new_figure(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Return a figure with one plot in the package's look."""
    figure = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give axes the look: two quiet spines, quiet ticks, nothing else."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=TICK, color=FAINT, length=3.5)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
        label.set_fontsize(LABEL)
    axes.patch.set_alpha(0.0)


def legend(axes: Axes, handles: Any = None, columns: int = 1) -> None:
    """Put a legend above the plot, where it covers nothing."""
    options = {} if handles is None else {"handles": handles}
    axes.figure.legend(
        **options,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=TICK,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0.2,
        handletextpad=0.5,
    )


def row_labels(axes: Axes, names: list[str], longest: int = 24) -> None:
    """Write one name a row at the left, the first on top."""
    shown = [n if len(n) <= longest else n[: longest - 1] + "…" for n in names]
    axes.set_yticks(range(len(names)), [plain(n) for n in shown])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def plain(text: str) -> str:
    """Return text in which no dollar sign starts mathematics."""
    return str(text).replace("$", r"\$")
