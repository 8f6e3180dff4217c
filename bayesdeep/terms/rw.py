r"""``rw(t, gr=g, order=1, ahead=0)``: a random walk over evenly spaced times, one for all rows or one a group.

.. math:: u_{t+1} - u_t = \varepsilon_t, \qquad \varepsilon_t \sim \operatorname{Normal}(0, \sigma^2),

with ``order=2`` for second differences, :math:`u_{t+2} - 2 u_{t+1} + u_t = \varepsilon_t`: slopes that walk. What
differences do not see, the level, and of ``order=2`` the straight line, is set apart: a walk is 0 on average over the training
rows (of each group), whose level is the intercept's (or that of ``(1 | g)``), and the straight line has a coefficient
``rw(t)_linear`` of its own. The posterior shows the sd of a step, ``rw(t)_sigma``, in units of the predictor, and the steps,
``rw(t)``.

Times between the first and the last that no row has are part of the walk, which says there what its neighbours leave open; so are
``ahead`` further times after the last, at which rows can be predicted. Other times are an error.

Rue and Held (2005), Gaussian Markov Random Fields, chapter 3; Durbin and Koopman (2012), Time Series Analysis by State Space
Methods, section 3.2 (local levels and trends).
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Columns, Effect, Given, Iid, Piece
from bayesdeep.core.errors import DataError, FormulaError, of_data
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import number_of, options_of
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend, Product

MEANINGS = {
    "gr": "a column of groups that have a walk each, as in gr=g",
    "order": "1 or 2, the differences that are independent",
    "ahead": "a number of times after the last, as in ahead=12",
}
EVEN = 1e-6
"""Share of a step by which times may lie off the grid."""
MOST_STEPS = 3_000


def learn(node: Any, context: DesignContext) -> Json:
    """Return the grid of times, the groups, and what is taken off the walk's columns, as JSON."""
    where, asked = f"{context.where}: {node.source}", _options(node, context.where)
    order, ahead = asked["order"], asked["ahead"]
    times = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    different = np.unique(times)
    if len(different) < order + 2:
        raise FormulaError(
            f"{where}: {len(different)} different times are too few for a walk of order {order}; it needs {order + 2} of them"
        )
    step = float(np.diff(different).min())
    places = (different - different[0]) / step
    off = np.abs(places - np.round(places)) > EVEN * np.maximum(1.0, np.abs(places))
    if off.any():
        at = different[int(np.argmax(off))]
        raise FormulaError(
            f"{where}: times are not evenly spaced: {at:g} lies between two steps of {step:g} from {different[0]:g}; "
            "round them to a grid, or write s() for a curve over times as they are"
        )
    count = int(np.round(places[-1])) + 1
    own = {"name": _name(node), "columns": _text(node.arguments[0]), "order": order}
    state = {**own, "first": float(different[0]), "step": step, "count": count, "ahead": ahead}
    groups = None
    if asked["gr"] is not None:
        category = context.category(asked["gr"], names=True)
        groups, codes = category.levels, category.codes
        state |= {"factor": _text(asked["gr"]), "labels": list(groups), "learned": category.learned}
    else:
        codes = np.zeros(len(times), dtype=np.int64)
    size = (count + ahead - order) * len(groups or (0,))
    if size > MOST_STEPS:
        raise FormulaError(
            f"{where}: a walk of {size:,} steps, of which {MOST_STEPS:,} are allowed: the smallest distance of two times is "
            f"{step:g}; round the times, or take fewer groups"
        )
    centre = float(times.mean())
    scale = float(times.std())
    less = []
    for own in (codes == k for k in range(len(groups or (0,)))):
        less.append(_less(_walk(state, times[own]), (times[own] - centre) / scale, order).tolist())
    state |= {"centre": centre, "scale": scale, "less": less}
    columns = _columns(state, times, codes)
    return {**state, "size": float(np.sqrt((columns**2).sum(axis=1).mean()))}


def _options(node: Any, where: str) -> dict[str, Any]:
    """Return the options with their defaults; ``gr`` is a node or None."""
    begin = f"{where}: {node.source}"
    if len(node.arguments) != 1 or hasattr(node.arguments[0], "value"):
        raise FormulaError(f"{begin}: a walk goes over one column of times, and all else has a name, as in rw(t, gr=g, order=2)")
    given = options_of(node, MEANINGS, begin)
    found: dict[str, Any] = {"gr": given.get("gr"), "order": 1, "ahead": 0}
    for name, least, most in (("order", 1, 2), ("ahead", 0, MOST_STEPS)):
        if name in given:
            value = number_of(given[name])
            if value is None or value != int(value) or not least <= value <= most:
                raise FormulaError(f"{begin}: {name}={given[name].source} is not {MEANINGS[name]}")
            found[name] = int(value)
    if found["gr"] is not None and not hasattr(found["gr"], "name") and not hasattr(found["gr"], "arguments"):
        raise FormulaError(f"{begin}: gr={given['gr'].source} is not {MEANINGS['gr']}")
    return found


def _text(node: Any) -> str:
    return str(getattr(node, "name", node.source))


def _name(node: Any) -> str:
    return posterior_name(f"rw({_text(node.arguments[0])})")


def _walk(state: Json, times: np.ndarray) -> np.ndarray:
    """Return what each step adds at these times ``(obs, step)``: 1 after it, or a line that begins there."""
    places = np.round((times - state["first"]) / state["step"])
    after = places[:, None] - np.arange(state["count"] + state["ahead"] - state["order"])
    return (after > 0).astype(np.float64) if state["order"] == 1 else np.maximum(after - 1.0, 0.0)


def _free(t: np.ndarray, order: int) -> np.ndarray:
    """Return what differences do not see, at standardised times ``(obs, order)``."""
    return np.stack([t**k for k in range(order)], axis=1)


def _less(columns: np.ndarray, t: np.ndarray, order: int) -> np.ndarray:
    """Return how much of each of these is in the columns over the training rows ``(order, step)``."""
    return np.linalg.lstsq(_free(t, order), columns)[0]


def _columns(state: Json, times: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the columns ``(obs, group * step)``, group by group, set apart from what is not penalised."""
    t, walk = (times - state["centre"]) / state["scale"], _walk(state, times)
    steps, groups = walk.shape[1], len(state["less"])
    found = np.zeros((len(times), groups * steps))
    for k, less in enumerate(state["less"]):
        own = codes == k
        found[own, k * steps : (k + 1) * steps] = walk[own] - _free(t[own], state["order"]) @ np.asarray(less)
    return found


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the columns of the steps ``(obs, step)``, and the centred times where straight lines are not penalised."""
    times = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    _check(state, times, context.where)
    codes = np.zeros(len(times), dtype=np.int64)
    if "factor" in state:
        codes = context.category(dict(node.options)["gr"], state["learned"]).codes
    found = {"Z": _columns(state, times, codes)}
    if state["order"] == 2:
        line = (times - state["centre"])[:, None]
        groups = len(state["less"])
        found["line"] = np.where(codes[:, None] == np.arange(groups), line, 0.0)
    return found


def _check(state: Json, times: np.ndarray, where: str) -> None:
    """Raise at the first time that is no part of the walk."""
    places = (times - state["first"]) / state["step"]
    last = state["count"] + state["ahead"] - 1
    off = np.abs(places - np.round(places)) > EVEN * np.maximum(1.0, np.abs(places))
    wrong = off | (np.round(places) < 0) | (np.round(places) > last)
    if not wrong.any():
        return
    place = float(places[int(np.argmax(wrong))])
    at = _said(state, float(times[int(np.argmax(wrong))]))
    first, end = (_said(state, state["first"] + k * state["step"]) for k in (0, last))
    if place > last:
        what = f"lies after the last, {end}; give ahead={int(np.ceil(place)) - state['count'] + 1} to the term and fit again"
    elif place < 0:
        what = f"lies before the first, {first}; a walk is not predicted backwards"
    else:
        what = f"lies between two steps of {state['step']:g} from {first}"
    raise DataError(f"{of_data(where)}: {state['name']}: the time {at} {what}")


def _said(state: Json, time: float) -> str:
    """Return a time with the digits that tell it from its neighbours: of 20240131 there are more than six."""
    if time == round(time) and abs(time) < 1e15:
        return f"{time:.0f}"
    largest = max(abs(state["first"]), abs(time), state["step"])
    return f"{time:.{min(17, max(6, int(np.ceil(np.log10(largest / state['step']))) + 1))}g}"


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the straight lines, if differences do not see them, and one for the sd of a step."""
    found = []
    if state["order"] == 2:
        unit = spread / state["scale"]
        default = Default(
            f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})",
            f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the times",
        )
        labels = tuple(state["labels"]) if "factor" in state else None
        found.append(Slot(f"{state['name']}_linear", "real", default, "coefficient", len(labels) if labels else 1, unit))
    unit = spread / state["size"]
    reason = "steps with which the walk's sd over the rows is the predictor's spread"
    found.append(Slot(f"{state['name']}_sigma", "positive", Default(f"HalfStudentT(3, {unit:.4g})", reason), "sd", 1, unit))
    return tuple(found)


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the straight lines, if differences do not see them, and the steps."""
    name, groups = state["name"], len(state["less"])
    steps = len(state["less"][0][0])
    size = groups * steps
    basis = Columns("Z", (0.0,) * size, (state["size"] * size**-0.5,) * size)
    piece = Piece(name, 0, size, f"{name}_step", _labels(state), f"{name}_sigma", name)
    departure = Effect(basis, Iid(), (piece,), BASIS, _apart(state))
    if state["order"] == 1:
        return (departure,)
    rows = Columns("line", (0.0,) * groups, (state["scale"] * groups**-0.5,) * groups)
    labels = tuple(state["labels"]) if "factor" in state else None
    line = Piece(f"{name}_linear", 0, groups, state.get("factor", ""), labels, name=f"{state['columns']} - mean")
    return (Effect(rows, Given(), (line,)), departure)


def _labels(state: Json) -> tuple[Any, ...]:
    """Return the time after each step, with its group."""
    steps = len(state["less"][0][0])
    times = [_said(state, state["first"] + (k + state["order"]) * state["step"]) for k in range(steps)]
    return tuple(f"{g}, {t}" for g in state["labels"] for t in times) if "factor" in state else tuple(times)


def _apart(state: Json) -> np.ndarray | None:
    """Return what was taken off the columns in units of the straight lines' ``(line, step)``."""
    if state["order"] == 1:
        return None
    steps, groups = len(state["less"][0][0]), len(state["less"])
    found = np.zeros((groups, groups * steps))
    for k, less in enumerate(state["less"]):
        found[k, k * steps : (k + 1) * steps] = np.asarray(less)[1] / state["scale"]
    return found


def words(state: Json) -> frozenset[str]:
    """A walk is linear in its steps, and has no values between times."""
    del state
    return frozenset({"linear", "stepped"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the straight line and the sum of the steps so far."""
    del node
    found = []
    if state["order"] == 2:
        sign, middle = ("-", state["centre"]) if state["centre"] >= 0 else ("+", -state["centre"])
        found.append(Addend(f"{state['name']}_linear", (Product((), (f"({state['columns']}ᵢ {sign} {middle:.6g})",)),)))
    return (*found, Addend(state["name"], (Product((), (f"W[b]({state['columns']})ᵢ",), basis=True),)))




TERM = Term(
    "rw",
    learn,
    arrays,
    slots,
    words=words,
    call=True,
    named=("gr",),
    effects=effects,
    written=written,
    levels=True,  # between two steps the walk has no value, so that there is no slope either
    example="rw(a)",
)
