r"""``gp(x, z, cov="exp_quad", by=None, m=None, c=None, exact=False)``: a Gaussian process over one column or several, isotropic.

.. math:: f \sim \operatorname{GP}(0, \sigma^2 k(\lVert x - x' \rVert / \ell))

with a squared exponential covariance, or a Matérn one (``matern52``, ``matern32``, ``exponential``), as a sum of basis functions
with independent coefficients: :math:`f(x) = \sum_b \beta_b \phi_b(x)`, :math:`\beta_b \sim \operatorname{Normal}(0, \sigma^2
S_\ell(\omega_b))`, sines on a box around the rows and the spectral density of the covariance
(:mod:`bayesdeep.terms._gp_box`). The posterior shows the sd ``gp(x)_sigma`` of the process, its length scale
``gp(x)_lengthscale`` in the units of the columns, which have to be the same unit where there are several, and the coefficients
``gp(x)``, whose meaning is the function only.

A process and an intercept would both be the level of the rows. So the process counts from its own average over the training rows,
and the level is the intercept's; without an intercept the process has it. Less its average is what is left of it: correlations of
the differences between places are those of the covariance.

``gp(x, by=z)`` is :math:`z f(x)`, a coefficient of ``z`` that varies with ``x``, with its average ``gp(x):z_constant`` apart;
``gp(x, by=g)`` with a category has a process for each level, with an sd and a length scale of its own, counted from its
average over the level's rows.

Beyond the box, and where its sides hold the process to 0, there are no predictions: a row there is an error that says which ``c``
would do.

``gp(x, exact=True)`` is the process itself, of rows at hundreds of places at most (:mod:`bayesdeep.terms._gp_exact`): without a
basis and without a box, so that it goes on beyond the rows. ``gp(x)`` are then its values at the rows' places.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Piece, Scaled
from bayesdeep.core.errors import DataError, FormulaError, of_data
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend, Product

from ._function_columns import called
from ._gp_box import NARROWEST, NEAR_SIDES, box_of, frequencies_of, functions
from ._gp_covariances import COVARIANCES, sds_of
from ._gp_exact import learn_places, place_arrays, place_effects
from ._gp_options import Process, read_process
from ._smooth_by import learn_by, multipliers

ROUNDING = 1e-14
"""A column whose range is below this share of its values does not vary: what is left is rounding."""
FEWEST_PLACES = 3


def learn(node: Any, context: DesignContext) -> Json:
    """Return the box, the prior's length scales, and the functions' averages, as JSON."""
    asked = read_process(node, context.where)
    x, where = _variables(asked, context), f"{context.where}: {asked.source}"
    by = learn_by(asked.by, asked.columns, context, where)
    times = multipliers(by, asked.by, context)
    _refuse(asked, x, by, times, where)
    _refuse_twice(asked, by, context, where)
    own = {"name": asked.name, "columns": asked.columns, "covariance": asked.covariance, "by": by}
    # What a number does on average is a coefficient of its own; the level of a category's rows, or of all, is other terms'.
    apart = asked.by is not None or bool(context.population[0])
    sizes = [float(np.sqrt((own[own != 0] ** 2).mean())) for own in times]
    if asked.exact:
        return {**own, **learn_places(asked, x, times, apart, where), "sizes": sizes}
    box = box_of(x, COVARIANCES[asked.covariance], asked.counts, asked.width, where)
    state = {
        **own,
        "centre": box.centre.tolist(),
        "halves": (np.ptp(x, axis=0) / 2.0).tolist(),
        "widths": box.widths.tolist(),
        "counts": list(box.counts),
        "reach": box.reach.tolist(),
        "usual": box.lengths.usual,
        "prior": [box.lengths.alpha, box.lengths.beta],
        "quantiles": [box.lengths.low, box.lengths.high],
        "smallest": box.reason,
    }
    columns = _functions(state, x)
    less = [_average(columns, own) if apart else np.zeros(columns.shape[1]) for own in times]
    return {**state, "less": [part.tolist() for part in less], "sizes": sizes}


def _variables(asked: Process, context: DesignContext) -> np.ndarray:
    return np.stack([np.asarray(context.values(node), dtype=np.float64) for node in asked.variables], axis=1)


def _average(columns: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return how much of the column ``times`` is in its products with the functions, ``(function,)``."""
    return np.asarray((times**2) @ columns / (times @ times))


def _refuse(asked: Process, x: np.ndarray, by: Json, times: list[np.ndarray], where: str) -> None:
    """Raise where there is no range, or there are too few places."""
    for k, variable in enumerate(asked.variables):
        low, high = float(x[:, k].min()), float(x[:, k].max())
        with np.errstate(over="ignore", under="ignore"):
            square = np.square(np.float64(high) - low)
        if not np.isfinite(square) or (high > low and square < np.finfo(np.float64).tiny):
            size, name = "large" if square > 1.0 else "small", called(variable)
            raise FormulaError(f"{where}: the values of '{name}' are too {size} to be squared; measure it in other units")
        if high - low <= ROUNDING * max(abs(low), abs(high)):
            raise FormulaError(
                f"{where}: '{called(variable)}' is constant (every value is {low:g}); a process needs one that varies"
            )
    for level, own in zip(by["levels"] if by and by["levels"] else (None,), times, strict=False):
        places = len(np.unique(x[own != 0], axis=0))
        if places < FEWEST_PLACES:
            whose = f"level '{level}' of '{called(asked.by)}'" if level is not None else f"'{asked.columns}'"
            raise FormulaError(f"{where}: {whose} has {places} different values, and a process takes {FEWEST_PLACES} or more")


def _refuse_twice(asked: Process, by: Json, context: DesignContext, where: str) -> None:
    """Raise where what a number does on average is in the predictor already."""
    for (variable,) in (product for product in context.population[1] if len(product) == 1):
        if by is not None and not by["levels"] and variable == asked.by:
            name = called(variable)
            raise FormulaError(f"{where}: what '{name}' does on average is part of the process; leave '{name}' by itself out")


def _functions(state: Json, x: np.ndarray) -> np.ndarray:
    """Return the functions as they are ``(obs, function)``."""
    centre, widths = np.asarray(state["centre"]), np.asarray(state["widths"])
    return functions(x, centre, widths, frequencies_of(state["counts"], widths)[0])


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the functions ``(obs, function)`` of each part, and the number that they are multiplied by."""
    asked = read_process(node, context.where)
    x, times = _variables(asked, context), multipliers(state["by"], asked.by, context)
    constant = {"constant": times[0][:, None]} if _number(state) else {}
    if "places" in state:
        return {**constant, **place_arrays(state, x, times)}
    _refuse_beyond(state, asked, x, context.where)
    columns = _functions(state, x)
    parts = zip(_keys(state), times, state["less"], strict=True)
    found = {key: own[:, None] * (columns - np.asarray(less)) for key, own, less in parts}
    return {**constant, **found}


def _refuse_beyond(state: Json, asked: Process, x: np.ndarray, where: str) -> None:
    """Raise at the first row of which the process says nothing."""
    centre, reach = np.asarray(state["centre"]), np.asarray(state["reach"])
    away = np.abs(x - centre)
    beyond = away > reach * (1.0 + 1e-9)
    if not beyond.any():
        return
    row, k = np.argwhere(beyond)[0]
    shown = f"{called(asked.variables[k])} = {x[row, k]:g}"
    least = max(away[row, k] + NEAR_SIDES * state["usual"], NARROWEST * away[row, k]) / state["halves"][k]
    raise DataError(
        f"{of_data(where)}: {state['name']}: {shown} lies too far out: the process is known from {centre[k] - reach[k]:g} to "
        f"{centre[k] + reach[k]:g}; give c={np.ceil(10 * least) / 10:g} to the term and fit again"
    )


def _number(state: Json) -> bool:
    return state["by"] is not None and not state["by"]["levels"]


def _keys(state: Json) -> list[str]:
    return [f"Z{i}" if i else "Z" for i in range(len(state["less"]))]


def _names(state: Json) -> list[str]:
    """Return what the posterior calls each part."""
    levels = state["by"]["levels"] if state["by"] else ()
    return [f"{state['name']}[{level}]" for level in levels] if levels else [state["name"]]


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the average, where there is one, and two for each process: its sd and its length scale."""
    found, unit = [], spread / state["sizes"][0]
    if _number(state):
        reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per root mean square of '{state['by']['source']}'"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", reason)
        found.append(Slot(f"{state['name']}_constant", "real", default, "coefficient", 1, unit))
    (alpha, beta), (low, high) = state["prior"], state["quantiles"]
    largest = "the range" if high > 1.5 * max(state["halves"]) else "half the range"
    lengths = Default(
        f"InverseGamma({alpha:.4g}, {beta:.4g})",
        f"1 % below {low:.3g}, {state['smallest']}, and 1 % above {high:.3g}, {largest}",
    )
    sd = Default(f"HalfStudentT(3, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor")
    for name in _names(state):
        found.append(Slot(f"{name}_sigma", "positive", sd, "sd", 1, unit))
        found.append(Slot(f"{name}_lengthscale", "positive", lengths, "hyperparameter", 1, 1.0))
    return tuple(found)


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the average, where there is one, and the departure of each process from it."""
    found: list[Effect] = []
    if _number(state):
        rows = Columns("constant", (0.0,), (state["sizes"][0],))
        found.append(Effect(rows, Given(), (Piece(f"{state['name']}_constant", 0, 1, name="1"),)))
    if "places" in state:
        return (*found, *place_effects(state, _names(state)))
    widths = np.asarray(state["widths"])
    frequencies = frequencies_of(state["counts"], widths)[1]
    of, size = COVARIANCES[state["covariance"]].of, len(frequencies)
    text = f"{{0}} √S(ω[b]), S the spectral density of a {of} covariance of length scale {{1}}"
    for key, name in zip(_keys(state), _names(state), strict=True):
        basis = Columns(key, (0.0,) * size, (1.0,) * size)
        sds = sds_of(state["covariance"], frequencies, widths)
        law = Scaled((f"{name}_sigma", f"{name}_lengthscale"), sds, text=text)
        piece = Piece(name, 0, size, f"{name}_basis", tuple(range(1, size + 1)), f"{name}_sigma", name)
        found.append(Effect(basis, law, (piece,), BASIS))
    return tuple(found)


def words(state: Json) -> frozenset[str]:
    """A process is linear in its coefficients; an exponential one has no slope, though its basis has."""
    rough = "places" in state and state["covariance"] == "exponential"
    return frozenset({"linear", "rough"} if rough else {"linear"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the average, and the sum over the basis or the value at the row's place."""
    names = ", ".join(called(a) for a in node.arguments)
    by, found = state["by"], []
    source = f"{by['source']}ᵢ" if by else ""
    if _number(state):
        found.append(Addend(f"{state['name']}_constant", (Product((), (source,)),)))
    before = [[f"[{by['source']}ᵢ = {level}]"] for level in by["levels"]] if by and by["levels"] else [[source] if by else []]
    if "places" in state:
        return (*found, *(Addend(n, (Product((f"({names})ᵢ",), tuple(b)),)) for n, b in zip(_names(state), before, strict=True)))
    for name, own in zip(_names(state), before, strict=True):
        found.append(Addend(name, (Product((), (*own, f"φ[b]({names})ᵢ"), basis=True),)))
    return tuple(found)


TERM = Term(
    "gp",
    learn,
    arrays,
    slots,
    words=words,
    call=True,
    effects=effects,
    written=written,
    named=("by",),
    example="gp(x, m=15)",
)
