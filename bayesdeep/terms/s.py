r"""``s(x, k=10, bs="tp")``: a smooth function of a column, or with ``s(x, z)`` of two, isotropic.

:math:`f(x) = \beta (x - \bar x) + \sum_j b_j Z_j(x)` with :math:`b_j \sim \text{Normal}(0, \sigma^2)`: a straight
line through the rows' middle, and a departure from it whose basis functions :math:`Z_j` have been made orthogonal to
it over the training rows (:mod:`bayesdeep.terms._smooth_split`). The posterior shows the slope ``s(x)_linear`` in
units of the predictor a unit of ``x``, the standard deviation ``s(x)_sigma`` of the departure over the rows, as the
prior has it on average, and the coefficients ``s(x)``, whose meaning is the function only.

``s(x, by=z)`` is :math:`z f(x)`, a coefficient of ``z`` that varies with ``x``. It keeps its constant, ``s(x):z_constant``: what
``z`` does on average. ``s(x, by=g)`` with a category has a curve for each level, ``s(x):g[a]``, with a smoothness of its own, 0
on average over the level's rows, and nothing that ties the levels: their averages are for ``g`` itself to say.

``s(x, g, bs="fs")`` has a curve for each level too, but drawn from one law, and ``s(g, bs="re")`` independent effects of levels:
:mod:`bayesdeep.terms._smooth_levels`.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Iid, Piece
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Line, Term
from bayesdeep.core.writing import Addend, Product

from . import _smooth_levels as levels
from ._function_columns import called
from ._smooth_bases import BASES, LEVEL_BASES
from ._smooth_by import learn_by, multipliers, times_by
from ._smooth_options import Smooth, read_smooth
from ._smooth_split import penalised, split
from ._smooth_unit import unit


def learn(node: Any, context: DesignContext) -> Json:
    """Return the basis, its rotations and where its middle is, as JSON."""
    asked, where = read_smooth(node, context.where), f"{context.where}: {node.source}"
    if asked.basis in LEVEL_BASES:
        return levels.learn(asked, context, where)
    x = _variables(asked.variables, context)
    by = learn_by(asked.by, asked.columns, context, where)
    times = multipliers(by, asked.by, context)
    _refuse_twice(asked, by, context, where)
    centre, scale = unit(tuple(map(called, asked.variables)), x, where)
    _refuse_few(asked, x, by, times, where)
    knots = (np.asarray(asked.knots)[:, None] - centre) / scale if asked.knots else None
    found = split(BASES[asked.basis], (x - centre) / scale, asked.k, knots, times)
    if found is None:
        raise FormulaError(f"{where}: values or knots lie too close together for k={asked.k}; take a smaller k or other knots")
    for part, own in zip(found["parts"], times, strict=True):
        # A level's straight line goes through the middle of its own rows.
        part["centre"] = (x[own != 0].mean(axis=0) if by and by["levels"] else centre).tolist()
    said = {"name": asked.name, "columns": asked.columns, "basis": asked.basis, "k": asked.k, "by": by}
    variables = [called(v) for v in asked.variables]
    state = {**said, "variables": variables, "centre": centre.tolist(), "scale": scale.tolist(), **found}
    return {**state, "spreads": _spreads(state, x, times)}


def _variables(nodes: Any, context: DesignContext) -> np.ndarray:
    return np.stack([np.asarray(context.values(node), dtype=np.float64) for node in nodes], axis=1)


def _refuse_few(asked: Smooth, x: np.ndarray, by: Json, times: list[np.ndarray], where: str) -> None:
    """Raise where there are more functions than places, or a level has too few places for a curve."""
    basis, different = BASES[asked.basis], len(np.unique(x, axis=0))
    if asked.k > different and not asked.knots:
        line = asked.columns.replace(", ", " + ")
        enough = different >= basis.least + x.shape[1] - 1
        raise FormulaError(
            f"{where}: k={asked.k} basis functions are more than the {different} different values of '{asked.columns}'; "
            + (f"take k={different} or fewer" if enough else f"that is enough for a straight line: {line}")
        )
    for level, own in zip(by["levels"] if by else (), times, strict=False):
        places = len(np.unique(x[own != 0], axis=0))
        if places < 2 + x.shape[1]:
            raise FormulaError(
                f"{where}: level '{level}' of '{called(asked.by)}' has {places} different values of '{asked.columns}', and a "
                f"curve takes {2 + x.shape[1]} or more; join it with another level"
            )


def _refuse_twice(asked: Smooth, by: Json, context: DesignContext, where: str) -> None:
    """Raise where what is not penalised is in the predictor already."""
    number = by is not None and not by["levels"]
    for (variable,) in (product for product in context.population[1] if len(product) == 1):
        if asked.by is None and BASES[asked.basis].straight and variable in asked.variables:
            name = called(variable)
            raise FormulaError(f"{where}: the straight line of '{name}' is part of the smooth; leave '{name}' by itself out")
        if number and variable == asked.by:
            name = called(variable)
            raise FormulaError(f"{where}: what '{name}' does on average is part of the smooth; leave '{name}' by itself out")


def _spreads(state: Json, x: np.ndarray, times: list[np.ndarray]) -> list[float]:
    """Return the root mean square of each column that is not penalised, over the rows where it is not 0."""
    line = _line(state, x, times)
    there = np.maximum((line != 0).sum(axis=0), 1)
    return np.sqrt((line**2).sum(axis=0) / there).tolist()


def _line(state: Json, x: np.ndarray, times: list[np.ndarray]) -> np.ndarray:
    """Return the columns that are not penalised ``(obs, column)``."""
    found = [times[0][:, None]] if _number(state) else []
    if BASES[state["basis"]].straight:
        found += [own[:, None] * (x - part["centre"]) for own, part in zip(times, state["parts"], strict=True)]
    return np.concatenate(found, axis=1) if found else np.zeros((len(x), 0))


def _number(state: Json) -> bool:
    return state["by"] is not None and not state["by"]["levels"]


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the columns that are not penalised ``(obs, column)``, and those that are, of each part."""
    if levels.are_in(state):
        return levels.arrays(state, node, context)
    asked = read_smooth(node, context.where)
    x, times = _variables(asked.variables, context), multipliers(state["by"], asked.by, context)
    line, t = _line(state, x, times), (x - np.asarray(state["centre"])) / np.asarray(state["scale"])
    parts = penalised(BASES[state["basis"]], state, t)
    found = {key: own[:, None] * z for key, own, z in zip(_keys(state), times, parts, strict=True)}
    return {"line": line, **found} if line.shape[1] else found


def _keys(state: Json) -> list[str]:
    return [f"Z{i}" if i else "Z" for i in range(len(state["parts"]))]


def _names(state: Json) -> list[str]:
    """Return what the posterior calls each part."""
    levels = state["by"]["levels"] if state["by"] else ()
    return [f"{state['name']}[{level}]" for level in levels] if levels else [state["name"]]


def _free(state: Json) -> list[Piece]:
    """Return the coefficients that are not penalised."""
    found = [Piece(f"{state['name']}_constant", 0, 1, name="1")] if _number(state) else []
    if not BASES[state["basis"]].straight:
        return found
    variables, start = tuple(state["variables"]), len(found)
    labels = variables if len(variables) > 1 else None
    for name in _names(state):
        slot = f"{name}_linear"
        found.append(Piece(slot, start, start + len(variables), f"{slot}_level", labels, name=f"{state['columns']} - mean"))
        start += len(variables)
    return found


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for what is not penalised, and one for the sd of each departure from it."""
    if levels.are_in(state):
        return levels.slots(state, spread)
    found = []
    for piece in _free(state):
        unit = spread / max(state["spreads"][piece.start : piece.stop])
        default = Default(
            f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})",
            f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column",
        )
        found.append(Slot(piece.slot, "real", default, "coefficient", piece.size, unit))
    # A curve that is smooth has little of the wiggly functions that make up most of the basis, so that its sd is often twice
    # the spread of what it adds to the predictor.
    reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: a curve's departure from its line"
    default = Default(f"HalfStudentT(3, {PRIOR_SCALE_IN_SPREADS * spread:.4g})", reason)
    return (*found, *(Slot(f"{name}_sigma", "positive", default, "sd", 1, spread) for name in _names(state)))


def effects(state: Json) -> tuple[Effect, ...]:
    """Return what is not penalised, and each part's departure from it."""
    if levels.are_in(state):
        return levels.effects(state)
    pieces, found = tuple(_free(state)), []
    if pieces:
        rows = Columns("line", (0.0,) * pieces[-1].stop, tuple(state["spreads"]))
        found.append(Effect(rows, Given(), pieces))
    for place, (key, name, part) in enumerate(zip(_keys(state), _names(state), state["parts"], strict=True)):
        size = len(part["turn"][0])
        basis = Columns(key, (0.0,) * size, (size**-0.5,) * size)
        piece = Piece(name, 0, size, f"{name}_basis", tuple(range(1, size + 1)), f"{name}_sigma", name)
        found.append(Effect(basis, Iid(), (piece,), BASIS, _apart(state, place, pieces[-1].stop) if pieces else None))
    return tuple(found)


def _apart(state: Json, place: int, columns: int) -> np.ndarray:
    """Return what was taken off a part, in terms of the columns that are not penalised ``(column, coefficient)``."""
    less = np.asarray(state["parts"][place]["less"])
    found = np.zeros((columns, less.shape[1]))
    first = int(_number(state))
    if first:
        found[0] = less[0]
    if BASES[state["basis"]].straight:
        # In units of the columns as they are: the rows of ``less`` are of 1 and of standardised variables.
        lines = less[1:] / np.asarray(state["scale"])[:, None]
        start = first + place * len(lines)
        found[start : start + len(lines)] = lines
    return found


def lines(state: Json, node: Any) -> frozenset[Line]:
    """Return the straight lines that are not penalised."""
    del node
    if levels.are_in(state) or not BASES[state["basis"]].straight:
        return frozenset()
    return times_by((frozenset({variable}) for variable in state["variables"]), state["by"])


def words(state: Json) -> frozenset[str]:
    """A smooth is linear in its coefficients; with curves for the levels of a category it is hierarchical."""
    return frozenset({"linear", "hierarchical"}) if levels.are_in(state) else frozenset({"linear"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return what is not penalised, and the sum over the basis."""
    if levels.are_in(state):
        return levels.written(state)
    names = [getattr(a, "name", a.source) for a in node.arguments]
    by, found = state["by"], []
    source = f"{by['source']}ᵢ" if by else ""
    before = [[f"[{by['source']}ᵢ = {level}]"] for level in by["levels"]] if by and by["levels"] else [[source] if by else []]
    if _number(state):
        found.append(Addend(f"{state['name']}_constant", (Product((), (source,)),)))
    for name, own, part in zip(_names(state), before, state["parts"], strict=True):
        if BASES[state["basis"]].straight:
            lines = [
                Product((of,) if len(names) > 1 else (), (*own, f"({of}ᵢ {'-' if centre >= 0 else '+'} {abs(centre):.6g})"))
                for of, centre in zip(names, part["centre"], strict=True)
            ]
            found.append(Addend(f"{name}_linear", tuple(lines)))
        found.append(Addend(name, (Product((), (*own, f"Z[b]({', '.join(names)})ᵢ"), basis=True),)))
    return tuple(found)


TERM = Term(
    "s", learn, arrays, slots, words=words, call=True, effects=effects, written=written, named=("by",), example="s(x, k=6)",
    groups=levels.groups, relabel=levels.relabel, lines=lines,
)
