"""Series of evenly spaced times: how they are learned from rows, and which place a row has in one."""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import DataError, FormulaError, of_data
from bayesdeep.core.labels import match
from bayesdeep.core.terms import DesignContext

EVEN = 1e-6
"""Share of a step by which times may lie off the grid."""


def learn_series(times: np.ndarray, group: Any, text: str, context: DesignContext, where: str) -> Json:
    """Return the grid of the times, the labels of the series, and what stands against one row a step, as JSON.

    Parameters
    ----------
    times
        ``(obs,)``.
    group, text
        The node of the column that tells series apart, None where all rows are one, and what it is called.
    """
    state: dict[str, Any] = {}
    codes = np.zeros(len(times), dtype=np.int64)
    if group is not None:
        category = context.category(group, names=True)
        codes = category.codes
        state |= {"factor": text, "labels": list(category.levels), "learned": category.learned}
    order = np.lexsort((times, codes))
    gaps = np.diff(times[order])[np.diff(codes[order]) == 0]
    gaps = gaps[gaps > 0]
    if not len(gaps):
        raise FormulaError(f"{where}: no series has two different times, so that no row has one before it")
    step, first = float(gaps.min()), float(times.min())
    state |= {"first": first, "step": step}
    places = (times - first) / step
    wrong = off_grid(places)
    if wrong.any():
        raise FormulaError(
            f"{where}: times are not evenly spaced: {times[int(np.argmax(wrong))]:g} lies between two steps of {step:g} from "
            f"{first:g}; round them to a grid, or write gp() or s() for a curve over times as they are"
        )
    steps = np.round(places).astype(np.int64)
    return {**state, "count": int(steps.max()) + 1, "against": _against(state, steps[order], codes[order])}


def _against(state: Json, steps: np.ndarray, codes: np.ndarray) -> str:
    """Return in a clause which step of a series has two rows or none, of rows in order; nothing where each has one."""
    same, ahead = np.diff(codes) == 0, np.diff(steps)
    for wrong, what, advice in (
        (same & (ahead == 0), "two rows", "name the column that tells series apart, gr=g, or keep one of the rows"),
        (same & (ahead > 1), "no row", "fill the step in, or write rw() or gp() for a curve that goes through gaps"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            time = state["first"] + state["step"] * (steps[at] + (ahead[at] > 1))
            series = f" of {state['factor']} = {state['labels'][codes[at]]!r}" if "labels" in state else ""
            return f"the time {time:g}{series} has {what}, and a response leans on that one step before; {advice}"
    return ""


def off_grid(places: np.ndarray) -> np.ndarray:
    """Return which places, in steps, are no whole ones."""
    return np.abs(places - np.round(places)) > EVEN * np.maximum(1.0, np.abs(places))


def steps_of(state: Json, times: np.ndarray, where: str) -> np.ndarray:
    """Return each row's step ``(obs,)``; raise at the first time between two steps."""
    places = (times - state["first"]) / state["step"]
    wrong = off_grid(places)
    if wrong.any():
        raise DataError(
            f"{of_data(where)}: {state['name']}: the time {times[int(np.argmax(wrong))]:g} lies between two steps of "
            f"{state['step']:g} from {state['first']:g}"
        )
    return np.round(places).astype(np.int64)


def series_of(state: Json, group: Any, context: DesignContext, *, closed: bool) -> np.ndarray:
    """Return each row's series ``(obs,)``; new ones, which are an error where they are ``closed``, count down from -1."""
    if "labels" not in state:
        return np.zeros(context.rows, dtype=np.int64)
    if closed:
        return np.asarray(context.category(group, state["learned"]).codes)
    category = context.category(group, names=True)
    own = match(category.levels, state["labels"], f"data: column '{state['factor']}'")
    own = np.where(own < 0, -1 - np.arange(len(own)), own)
    return np.asarray(own[category.codes])
