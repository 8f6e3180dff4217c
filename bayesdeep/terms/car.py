r"""``car(region, W, type="bym2")``: effects of regions, of which neighbours are alike.

``W`` says which regions are neighbours: a table given as ``bd.Model(…, arrays={"W": table})`` with 1, or a positive weight,
where they are, matched to the column by label. With :math:`s` the intrinsic law of the map (:mod:`._map_graph`), scaled so that
the geometric mean of the regions' variances is 1, and :math:`v` independent standard normal numbers,

.. math:: u = \sigma \left( \sqrt{\rho}\, s + \sqrt{1 - \rho}\, v \right)

of ``type="bym2"``: ``car(region)_sigma`` is about the standard deviation of a region's effect, whatever the map, and
``car(region)_rho`` the share of the variance in which neighbours are alike. ``type="icar"`` is :math:`\rho = 1`: all of it.

:math:`s` sums to 0 over each connected piece of the map, and each is scaled by itself. In a region without neighbours it is
a standard normal number of its own. The effect has the regions of ``W``, also those without rows, of which their neighbours
speak; there are no other regions.

Both are written in the directions in which the scaled law is independent: :math:`u = V b` with orthonormal :math:`V` and
:math:`b_k \sim N(0, \sigma^2 (\rho \lambda_k + 1 - \rho))`, :math:`\lambda` the variances of :math:`s` along them.

Riebler, Sørbye, Simpson and Rue (2016), An intuitive Bayesian spatial model for disease mapping that accounts for scaling,
Statistical Methods in Medical Research 25(4), 1145-1165, doi:10.1177/0962280216660421.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, Matrix
from bayesdeep.core.effects import Effect, Grouped, Made, Piece, Scaled, Sparse
from bayesdeep.core.errors import FormulaError, close_to
from bayesdeep.core.linear import Neighbours
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import options_of
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend, Product

from ._map_graph import MapGraph, spectrum

TYPES = ("bym2", "icar")
MOST_SHOWN = 5
"""Regions that are named in a sentence."""


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the map's graph with its labels, and by how much its pieces are scaled."""
    where, kind = f"{context.where}: {node.source}", _type(node, context.where)
    region, table = node.arguments
    if hasattr(region, "operator") or hasattr(region, "value"):
        raise FormulaError(f"{where}: regions are a column of labels, as in car(region, {table.name})")
    matrix = context.matrix(table.name)
    if len(matrix.labels) < 2:
        raise FormulaError(f"{where}: matrix '{table.name}' has one region, which nothing can be alike")
    graph = MapGraph.of(matrix.values)
    if not len(graph.first):
        raise FormulaError(
            f"{where}: no region of matrix '{table.name}' has a neighbour; for regions that are independent write "
            f"(1 | {_text(region)})"
        )
    return {
        "name": posterior_name(f"car({_text(region)})"),
        "factor": posterior_name(_text(region)),
        "labels": list(matrix.labels),
        "matrix": table.name,
        "type": kind,
        "graph": graph.to_json(),
        "scales": graph.scales(),
    }


def _type(node: Any, where: str) -> str:
    begin = f"{where}: {node.source}"
    given = options_of(node, ("type",), begin)
    if len(node.arguments) != 2:
        raise FormulaError(
            f"{begin}: car() takes a column of regions and the name of an adjacency of them, as in car(region, W) with "
            'bd.Model(…, arrays={"W": table})'
        )
    if "type" not in given:
        return TYPES[0]
    kind = getattr(given["type"], "value", None)
    if kind not in TYPES:
        near = close_to(kind, TYPES) if isinstance(kind, str) else ""
        raise FormulaError(f"{begin}: type={given['type'].source} is not one of 'bym2', 'icar'{near}")
    return str(kind)


def _text(node: Any) -> str:
    return str(getattr(node, "name", node.source))


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's region ``(obs,)``."""
    labels, closed = tuple(state["labels"]), f"matrix '{state['matrix']}'"
    return {"codes": context.codes((node.arguments[0],), state["factor"], labels, closed=closed)}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the standard deviation of a region's effect, and one for the share in which neighbours are alike."""
    reason = f"one spread of the predictor{_islands(state)}"
    sigma = Slot(f"{state['name']}_sigma", "positive", Default(f"HalfStudentT(3, {spread:.4g})", reason), "sd", 1, spread)
    if state["type"] == "icar":
        return (sigma,)
    even = Default("Beta(1, 1)", "no share of the variance in which neighbours are alike is likelier than another")
    return (sigma, Slot(f"{state['name']}_rho", "unit", even, "hyperparameter"))


def _islands(state: Json) -> str:
    """Say which regions have no neighbours, and whether the map is in pieces."""
    pieces = MapGraph.read(state["graph"]).pieces
    alone = [str(state["labels"][own[0]]) for own in pieces if len(own) == 1]
    joined = len(pieces) - len(alone)
    said = f"; the map is in {joined} pieces, each scaled by itself" if joined > 1 else ""
    if not alone:
        return said
    shown = ", ".join(alone[:MOST_SHOWN]) + (", …" if len(alone) > MOST_SHOWN else "")
    few = len(alone) == 1
    return f"{said}; {shown} {'has' if few else 'have'} no neighbours and {'is' if few else 'are'} independent"


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the regions."""
    graph, scales, name = MapGraph.read(state["graph"]), state["scales"], state["name"]
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", None, True)
    piece = Piece(name, 0, 1, sd=f"{name}_sigma", name="1")
    # The level of a piece is a direction too; where neighbours are all there is, it has no variance.
    mixed = state["type"] == "bym2"
    axes = graph.size if mixed else graph.size - len(graph.joined)
    sparse = Sparse(Neighbours(graph.scaled(scales), graph.joined), _parts if mixed else _whole, 1 + mixed)
    law = Scaled(
        (piece.sd,),
        partial(_mixed if mixed else _intrinsic, state),
        (f"{name}_rho",) if mixed else (),
        Made((graph.size, axes), partial(_directions, state, axes)),
        BYM2 if mixed else ICAR,
        sparse,
    )
    return (Effect(rows, law, (piece,), EFFECTS),)


ICAR = "{0} √λ[b], λ the variances along the root of the map's intrinsic law, scaled: a region's is about 1"
BYM2 = "{0} √({1} λ[b] + 1 - {1}), λ the variances along the root of the map's intrinsic law, scaled: a region's is about 1"


def _directions(state: Json, axes: int) -> np.ndarray:
    return spectrum(state["graph"], state["scales"])[0][:, :axes]


def _intrinsic(state: Json, values: Sequence[Any], xp: Any) -> Any:
    variances = spectrum(state["graph"], state["scales"])[1]
    return values[0] * xp.sqrt(variances[variances > 0])


def _mixed(state: Json, values: Sequence[Any], xp: Any) -> Any:
    sigma, rho = values
    return sigma * xp.sqrt(rho * spectrum(state["graph"], state["scales"])[1] + (1.0 - rho))


def _whole(values: Sequence[Any], xp: Any) -> Any:
    """Return the sd of a region's only part, in which neighbours are alike."""
    return values[0] * xp.ones(1)


def _parts(values: Sequence[Any], xp: Any) -> Any:
    """Return the sds of a region's own part, and of that in which neighbours are alike."""
    sigma, rho = values
    return sigma * xp.sqrt(rho * np.array([-1.0, 1.0]) + np.array([1.0, 0.0]))


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the regions."""
    return {state["factor"]: tuple(state["labels"])}


def words(state: Json) -> frozenset[str]:
    """Effects of regions are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def given(state: Json) -> Mapping[str, Matrix]:
    """Return the adjacency as it was given."""
    near = MapGraph.read(state["graph"]).adjacency.toarray()
    near.setflags(write=False)
    return {state["matrix"]: Matrix(tuple(state["labels"]), near)}


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the effect of a row's region."""
    del node
    return (Addend(state["name"], (Product(),)),)


TERM = Term(
    "car", learn, arrays, slots, groups=groups, words=words, effects=effects, call=True, matrices=(1,), matrix_kind="adjacency",
    given=given, written=written, example="car(g, W)",
)
