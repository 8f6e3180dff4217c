"""A picture of a model: what depends on what, from priors down to the response."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bayesdeep.core.quantities import INTERCEPT
from bayesdeep.graph.build import Graph
from bayesdeep.graph.evaluate import needed
from bayesdeep.spec.model_spec import ModelSpec

from .figure_style import Picture

MOST_ACROSS = 7


def dependencies(graph: Graph, spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Return, for each quantity the posterior shows and for the response, what it depends on directly."""
    # The uncentred intercept is worked out from the centred one and the coefficients, but its prior depends on neither.
    found: dict[str, tuple[str, ...]] = {}
    for name, quantity in graph.reported.items():
        if quantity.role == INTERCEPT:
            found[name] = ()
            continue
        inside = list(quantity.tensor.owner.inputs) if quantity.tensor.owner else []
        found[name] = tuple(parent for parent in needed(graph, inside) if parent != name)
    found[spec.response.name] = needed(graph, [graph.response.pointwise])
    return found


def layers(parents: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return how many steps each quantity lies below the priors: the longest way down to it."""
    depth: dict[str, int] = {}

    def below(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max((below(parent) for parent in parents[name]), default=-1)
        return depth[name]

    for name in parents:
        below(name)
    return depth


def _places(depth: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Return a place for each quantity: rows by depth, long rows folded, each row centred."""
    rows: list[list[str]] = []
    for level in range(max(depth.values()) + 1):
        members = [name for name, d in depth.items() if d == level]
        rows += [members[i : i + MOST_ACROSS] for i in range(0, len(members), MOST_ACROSS)]
    return {
        name: (i - (len(row) - 1) / 2, -float(r)) for r, row in enumerate(rows) for i, name in enumerate(row)
    }


def model_graph(graph: Graph, spec: ModelSpec) -> Figure:
    """Draw the model as a directed graph.

    Boxes with a distribution are priors, boxes with a dimension are one quantity a level; the filled box is the
    response. Auxiliary variables that exist only for sampling are left out.
    """
    parents = dependencies(graph, spec)
    places = _places(layers(parents))
    across = max(abs(x) for x, _ in places.values()) * 2 + 1
    down = -min(y for _, y in places.values()) + 1
    figure = Picture(figsize=(max(4.0, 1.9 * across), 1.15 * down), layout="constrained")
    axes: Any = figure.subplots()
    for name, above in parents.items():
        for parent in above:
            axes.annotate(
                "", xy=places[name], xytext=places[parent], zorder=1,
                arrowprops={"arrowstyle": "-|>", "color": "0.6", "shrinkA": 16, "shrinkB": 16},
            )
    for name, (x, y) in places.items():
        quantity = graph.reported.get(name)
        own = spec.prior(quantity.entry.slot) if quantity is not None else None
        dims = f"[{', '.join(quantity.dims)}]" if quantity is not None and quantity.dims else ""
        second = spec.family if name == spec.response.name else (str(own.prior) if own else "")
        is_response = name == spec.response.name
        axes.text(
            x, y, "\n".join(part for part in (name + dims, second) if part), ha="center", va="center", fontsize=8, zorder=2,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": "#cfe3f5" if is_response else "white", "edgecolor": "0.4"},
        )
    axes.set_xlim(-across / 2 - 0.1, across / 2 + 0.1)
    axes.set_ylim(-down + 0.4, 0.6)
    axes.set_axis_off()
    return figure
