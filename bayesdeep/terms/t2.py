r"""``t2(x, z, k=[5, 5], bs=["cr", "cr"])``: a smooth function of two or three columns, each in its own unit.

Where ``s(x, z)`` counts a step alike in every direction, ``t2(x, z)`` knows no unit that columns have in common: products of
functions of ``x`` and functions of ``z`` (:mod:`bayesdeep.terms._tensor_split`), as

.. math:: f(x, z) = \beta_x \tilde x + \beta_z \tilde z + \beta_{xz} \tilde x \tilde z + \sum_{B} \sum_j b_{Bj} Z_{Bj}(x, z),
    \qquad b_{Bj} \sim \text{Normal}(0, \sigma_B^2),

with standardised :math:`\tilde x, \tilde z` and a block :math:`B` for what bends along ``x`` alone, along ``z`` alone, and along
both. The posterior shows ``t2(x, z)_linear``, effects per standard deviation of a column, ``t2(x, z)_sigma``, by block the
standard deviation of its part over the rows, and the coefficients ``t2(x, z)``, whose meaning is the function only. It is 0 on
average over the training rows.

Beyond the rows it goes on as its bases do: straight along a column of ``cr``, ``tp`` or ``ps``, so that far off in two columns it
is their product, and periodic along one of ``cc``. ``by=`` is as in ``s()``.

Wood, Scheipl and Faraway (2013), Straightforward intermediate rank tensor product smoothing in mixed models, Statistics and
Computing 23(3), 341-360, doi:10.1007/s11222-012-9314-z.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Iid, Piece, Sds
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Line, Term
from bayesdeep.core.writing import Addend, Product

from ._function_columns import called
from ._smooth_bases import BASES
from ._smooth_by import learn_by, multipliers, times_by
from ._smooth_unit import unit
from ._tensor_options import Tensor, read_tensor
from ._tensor_split import bent, blocks_of, columns_of, free_of, learn_margin, learn_part


def learn(node: Any, context: DesignContext) -> Json:
    """Return the bases, what is taken off their products, and where the columns' middle is, as JSON."""
    asked, where = read_tensor(node, context.where), f"{context.where}: {node.source}"
    x = _values(asked, context)
    by = learn_by(asked.by, asked.columns, context, where)
    times = multipliers(by, asked.by, context)
    _refuse_twice(asked, by, context, where)
    margins = []
    for j, variable in enumerate(asked.variables):
        name = called(variable)
        (centre,), (scale,) = unit((name,), x[:, j : j + 1], where)
        _refuse_few(name, x[:, j], asked.k[j], BASES[asked.bases[j]].least, asked.knots[j], by, times, where)
        made = learn_margin(asked.bases[j], x[:, j], asked.k[j], asked.knots[j], float(centre), float(scale), times)
        if made is None:
            close = f"values or knots of '{name}' lie too close together for k={asked.k[j]}"
            raise FormulaError(f"{where}: {close}; take a smaller k")
        margins.append(made)
    said = {"name": asked.name, "columns": asked.columns, "variables": [called(v) for v in asked.variables], "by": by}
    state = {**said, "margins": margins, "parts": [learn_part(margins, x, place, own) for place, own in enumerate(times)]}
    line = _tables(state, x, times)[0]
    there = np.maximum((line != 0).sum(axis=0), 1)
    return {**state, "spreads": np.sqrt((line**2).sum(axis=0) / there).tolist()}


def _values(asked: Tensor, context: DesignContext) -> np.ndarray:
    return np.stack([np.asarray(context.values(node), dtype=np.float64) for node in asked.variables], axis=1)


def _refuse_few(
    name: str, x: np.ndarray, k: int, least: int, knots: tuple[float, ...], by: Json, times: list[np.ndarray], where: str
) -> None:
    """Raise where there are more functions of a column than values, or a level has too few values for a surface."""
    different = len(np.unique(x))
    if k > different and not knots:
        raise FormulaError(
            f"{where}: k={k} basis functions of '{name}' are more than its {different} different values; "
            + (f"take k={different} or fewer" if different >= least else f"that is enough for a straight line: {name}")
        )
    for level, own in zip(by["levels"] if by else (), times, strict=False):
        places = len(np.unique(x[own != 0]))
        if places < 3:
            raise FormulaError(
                f"{where}: level '{level}' of '{by['source']}' has {places} different values of '{name}', and a surface takes "
                "3 or more; join it with another level"
            )


def _refuse_twice(asked: Tensor, by: Json, context: DesignContext, where: str) -> None:
    """Raise where what is not penalised is in the predictor already."""
    straight = [v for v, basis in zip(asked.variables, asked.bases, strict=True) if BASES[basis].straight]
    for product in context.population[1]:
        text = ":".join(called(factor) for factor in product)
        if asked.by is None and all(factor in straight for factor in product):
            raise FormulaError(f"{where}: the straight line of '{text}' is part of the smooth; leave '{text}' by itself out")
        if by is not None and not by["levels"] and product == (asked.by,):
            raise FormulaError(f"{where}: what '{text}' does on average is part of the smooth; leave '{text}' by itself out")


def _number(state: Json) -> bool:
    return state["by"] is not None and not state["by"]["levels"]


def _tables(state: Json, x: np.ndarray, times: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the columns that are not penalised, part after part, and those of each part's blocks; ``(obs, column)`` each."""
    lines, found = [], []
    for place, (part, own, curves) in enumerate(zip(state["parts"], times, bent(state["margins"], x), strict=True)):
        free, blocks = columns_of(state["margins"], part, x, curves, place)
        lines.append(own[:, None] * free[:, 0 if _number(state) else 1 :])
        found.append(own[:, None] * blocks)
    return np.concatenate(lines, axis=1), found


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the columns that are not penalised ``(obs, column)``, and those that are, of each part."""
    asked = read_tensor(node, context.where)
    line, parts = _tables(state, _values(asked, context), multipliers(state["by"], asked.by, context))
    found = dict(zip(_keys(state), parts, strict=True))
    return {"line": line, **found} if line.shape[1] else found


def _keys(state: Json) -> list[str]:
    return [f"Z{i}" if i else "Z" for i in range(len(state["parts"]))]


def _names(state: Json) -> list[str]:
    """Return what the posterior calls each part."""
    levels = state["by"]["levels"] if state["by"] else ()
    return [f"{state['name']}[{level}]" for level in levels] if levels else [state["name"]]


def _products(state: Json) -> list[str]:
    """Return what the columns that are not penalised are called."""
    return [":".join(state["variables"][k] for k in which) for which in free_of(state["margins"]) if which]


def _free(state: Json) -> list[Piece]:
    """Return the coefficients that are not penalised."""
    found = [Piece(f"{state['name']}_constant", 0, 1, name="1")] if _number(state) else []
    labels, start = _products(state), len(found)
    for name in _names(state) if labels else ():
        slot = f"{name}_linear"
        found.append(Piece(slot, start, start + len(labels), f"{slot}_level", tuple(labels), name=f"{state['columns']} - mean"))
        start += len(labels)
    return found


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for what is not penalised, and one for the sds of each part's blocks."""
    found = []
    for piece in _free(state):
        unit = spread / max(state["spreads"][piece.start : piece.stop])
        reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", reason)
        found.append(Slot(piece.slot, "real", default, "coefficient", piece.size, unit))
    reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: a surface's departure from planes with a twist"
    default = Default(f"HalfStudentT(3, {PRIOR_SCALE_IN_SPREADS * spread:.4g})", reason)
    count = len(blocks_of(state["margins"]))
    return (*found, *(Slot(f"{name}_sigma", "positive", default, "sd", count, spread) for name in _names(state)))


def effects(state: Json) -> tuple[Effect, ...]:
    """Return what is not penalised, and each part's blocks."""
    pieces, found, blocks = tuple(_free(state)), [], blocks_of(state["margins"])
    if pieces:
        rows = Columns("line", (0.0,) * pieces[-1].stop, tuple(state["spreads"]))
        found.append(Effect(rows, Given(), pieces))
    labels = tuple(":".join(state["variables"][k] for k in block) for block in blocks)
    for place, (key, name, part) in enumerate(zip(_keys(state), _names(state), state["parts"], strict=True)):
        sizes = [len(less[0]) for less in part["less"]]
        size, of = sum(sizes), tuple(k for k, count in enumerate(sizes) for _ in range(count))
        basis = Columns(key, (0.0,) * size, tuple(sizes[k] ** -0.5 for k in of))
        sds = Sds(of, f"{name}_block", labels)
        piece = Piece(name, 0, size, f"{name}_basis", tuple(range(1, size + 1)), f"{name}_sigma", name, sds)
        apart = _apart(state, place, pieces[-1].stop) if pieces else None
        found.append(Effect(basis, Iid(), (piece,), BASIS, apart))
    return tuple(found)


def _apart(state: Json, place: int, columns: int) -> np.ndarray:
    """Return what was taken off a part, in terms of the columns that are not penalised ``(column, coefficient)``."""
    less = np.concatenate([np.asarray(own) for own in state["parts"][place]["less"]], axis=1)
    found, first, count = np.zeros((columns, less.shape[1])), int(_number(state)), len(less) - 1
    if first:
        found[0] = less[0]
    found[first + place * count : first + (place + 1) * count] = less[1:]
    return found


def lines(state: Json, node: Any) -> frozenset[Line]:
    """Return the straight lines, and their products, that are not penalised."""
    del node
    products = (frozenset(state["variables"][k] for k in which) for which in free_of(state["margins"]) if which)
    return times_by(products, state["by"])


def words(state: Json) -> frozenset[str]:
    """A smooth is linear in its coefficients."""
    del state
    return frozenset({"linear"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return what is not penalised, and the sum over the basis."""
    del node
    by, found, labels = state["by"], [], _products(state)
    source = f"{by['source']}ᵢ" if by else ""
    before = [[f"[{by['source']}ᵢ = {level}]"] for level in by["levels"]] if by and by["levels"] else [[source] if by else []]
    if _number(state):
        found.append(Addend(f"{state['name']}_constant", (Product((), (source,)),)))
    for place, (name, own) in enumerate(zip(_names(state), before, strict=True)):
        if labels:
            lines = zip(labels, _lines(state, place), strict=True)
            found.append(Addend(f"{name}_linear", tuple(Product((of,), (*own, line)) for of, line in lines)))
        found.append(Addend(name, (Product((), (*own, f"Z[b]({state['columns']})ᵢ"), basis=True),)))
    return tuple(found)


def _lines(state: Json, place: int) -> list[str]:
    """Return a part's columns that are not penalised in terms of the variables."""
    alone, found = [], []
    for variable, margin in zip(state["variables"], state["margins"], strict=True):
        middle, sd = margin["units"][place]
        centre = margin["centre"] + middle * margin["scale"]
        alone.append(f"({variable}ᵢ {'-' if centre >= 0 else '+'} {abs(centre):.6g}) / {sd * margin['scale']:.6g}")
    for which, middle in zip(free_of(state["margins"])[1:], state["parts"][place]["middle"][1:], strict=True):
        less = "" if len(which) == 1 else f" {'-' if middle >= 0 else '+'} {abs(middle):.6g}"
        found.append(f"({' · '.join(alone[k] for k in which)}{less})")
    return found


TERM = Term(
    "t2", learn, arrays, slots, words=words, call=True, effects=effects, written=written, named=("by",), lines=lines,
    example="t2(x, z, k=4)",
)
