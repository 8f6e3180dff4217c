r"""``s(x, k=10, bs="tp")``: a smooth function of a column.

:math:`f(x) = \beta (x - \bar x) + \sum_j b_j Z_j(x)` with :math:`b_j \sim \text{Normal}(0, \sigma^2)`: a straight
line through the rows' middle, and a departure from it whose basis functions :math:`Z_j` have been made orthogonal to
it over the training rows (:mod:`bayesdeep.terms._smooth_split`). The posterior shows the slope ``s(x)_linear`` in
units of the predictor a unit of ``x``, the standard deviation ``s(x)_sigma`` of the departure over the rows, as the
prior has it on average, and the coefficients ``s(x)``, whose meaning is the function only.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Iid, Piece
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend, Product

from ._smooth_bases import BASES
from ._smooth_options import read_smooth
from ._smooth_split import penalised, split

ROUNDING = 1e-14
"""A column whose standard deviation is below this share of its mean does not vary: what is left is rounding."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the basis, its rotation and where its middle is, as JSON."""
    asked = read_smooth(node, context.where)
    x, where = _variables(asked.variables, context), f"{context.where}: {asked.source}"
    _refuse_twice(asked.variables, context, where)
    with np.errstate(over="ignore", invalid="ignore"):
        centre, scale = x.mean(axis=0), x.std(axis=0)
    for j, variable in enumerate(asked.variables):
        name = getattr(variable, "name", variable.source)
        if not np.isfinite(scale[j]):
            raise FormulaError(f"{where}: the values of '{name}' are too large to be squared; measure it in other units")
        if scale[j] <= ROUNDING * abs(centre[j]):
            raise FormulaError(f"{where}: '{name}' is constant (every value is {x[0, j]:g}); a smooth needs one that varies")
    basis, different = BASES[asked.basis], len(np.unique(x, axis=0))
    if asked.k > different and not asked.knots:
        raise FormulaError(
            f"{where}: k={asked.k} basis functions are more than the {different} different values of '{asked.columns}'; "
            f"take k={different} or fewer" + ("" if different >= basis.least else f", or a straight line: {asked.columns}")
        )
    knots = (np.asarray(asked.knots)[:, None] - centre) / scale if asked.knots else None
    found = split(basis, (x - centre) / scale, asked.k, knots)
    if found is None:
        raise FormulaError(f"{where}: values or knots lie too close together for k={asked.k}; take a smaller k or other knots")
    own = {"name": asked.name, "columns": asked.columns, "basis": asked.basis, "k": asked.k}
    return {**own, "centre": centre.tolist(), "scale": scale.tolist(), **found}


def _variables(nodes: Any, context: DesignContext) -> np.ndarray:
    return np.stack([np.asarray(context.values(node), dtype=np.float64) for node in nodes], axis=1)


def _refuse_twice(variables: Any, context: DesignContext, where: str) -> None:
    """Raise where the straight line is in the predictor already."""
    for (variable,) in (product for product in context.population[1] if len(product) == 1):
        if variable in variables:
            name = getattr(variable, "name", variable.source)
            raise FormulaError(f"{where}: the straight line of '{name}' is part of the smooth; leave '{name}' by itself out")


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the centred variables ``(obs, variable)``, where they are not penalised, and the penalised columns."""
    x = _variables(read_smooth(node, context.where).variables, context) - np.asarray(state["centre"])
    basis = BASES[state["basis"]]
    found = {"Z": penalised(basis, state, x / np.asarray(state["scale"]))}
    return {"line": x, **found} if basis.straight else found


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each slope, and one for the sd of the departure from the straight line."""
    found = []
    for name, scale in zip(_lines(state), state["scale"], strict=False):
        unit = spread / scale
        default = Default(
            f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})",
            f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column",
        )
        found.append(Slot(name, "real", default, "coefficient", 1, unit))
    # A curve that is smooth has little of the wiggly functions that make up most of the basis, so that its sd is often twice
    # the spread of what it adds to the predictor.
    reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: a curve's departure from its line"
    default = Default(f"HalfStudentT(3, {PRIOR_SCALE_IN_SPREADS * spread:.4g})", reason)
    return (*found, Slot(f"{state['name']}_sigma", "positive", default, "sd", 1, spread))


def _lines(state: Json) -> tuple[str, ...]:
    return (f"{state['name']}_linear",) if BASES[state["basis"]].straight else ()


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the straight line and the departure from it."""
    name, size, lines = state["name"], len(state["weights"][0]), _lines(state)
    rows = Columns("line", (0.0,) * len(lines), tuple(state["scale"][: len(lines)]))
    pieces = tuple(Piece(line, k, k + 1, name=f"{state['columns']} - mean") for k, line in enumerate(lines))
    basis = Columns("Z", (0.0,) * size, (size**-0.5,) * size)
    piece = Piece(name, 0, size, f"{name}_basis", tuple(range(1, size + 1)), f"{name}_sigma", name)
    # In units of the columns as they are: the rows of ``less`` are of 1 and of standardised variables.
    apart = np.asarray(state["less"])[1:] / np.asarray(state["scale"])[:, None] if lines else None
    departure = Effect(basis, Iid(), (piece,), BASIS, apart)
    return (Effect(rows, Given(), pieces), departure) if lines else (departure,)


def words(state: Json) -> frozenset[str]:
    """A smooth is linear in its coefficients."""
    del state
    return frozenset({"linear"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the straight line and the sum over the basis."""
    names = [getattr(a, "name", a.source) for a in node.arguments]
    lines = [
        Addend(line, (Product((), (f"({name}ᵢ {'-' if centre >= 0 else '+'} {abs(centre):.6g})",)),))
        for line, name, centre in zip(_lines(state), names, state["centre"], strict=False)
    ]
    return (*lines, Addend(state["name"], (Product((), (f"Z[b]({', '.join(names)})ᵢ",), basis=True),)))


TERM = Term("s", learn, arrays, slots, words=words, call=True, effects=effects, written=written, example="s(x, k=6)")
