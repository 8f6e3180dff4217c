"""``cut(x, 4)``, ``cut(x, [0, 3, 9])``: a number as the category of the interval it lies in, as R's and pandas' ``cut`` do.

Intervals are open on the left and closed on the right, ``(0, 3]``, unless ``right=False``. A number of intervals means equally
wide ones over the training rows, whose range is made wider by 0.1 % at either end, as in R. Breaks are remembered. A value
outside of all intervals, which R and pandas make missing, is refused; so is one of new rows in an interval that no training row
was in, since nothing is known of it.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, floor, isinf, log10
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import DataError, FormulaError

from ._sizes import MOST_COLUMNS

BEYOND = 1e-3
"""How much of the range equally wide intervals reach beyond it at either end; R's choice."""
DIGITS = 3
"""Significant digits of the width of equally wide intervals that their labels show."""
WRITE = "write cut(x, 4), or cut(x, [0, 3, 9]) with breaks"


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return breaks (None for an infinite one), which end is closed, and the intervals that have rows with their labels."""
    if column.kind not in ("number", "bool"):
        raise FormulaError(f"column '{column.name}' holds labels and no numbers that could be cut")
    given = [*arguments, *(options[word] for word in ("breaks", "bins") if word in options)]
    if len(given) != 1:
        raise FormulaError(f"it takes a column and breaks; {WRITE}")
    right, lowest = (_flag(options, word, default) for word, default in (("right", True), ("include_lowest", False)))
    x = column.values.astype(np.float64)
    breaks = _breaks(given[0]) if isinstance(given[0], list) else _equal(column.name, x, given[0])
    texts = _written(breaks) if isinstance(given[0], list) else _rounded(breaks)
    names = _names(options["labels"], len(breaks) - 1) if "labels" in options else _intervals(texts, right, lowest)
    state = {"breaks": [None if isinf(b) else b for b in breaks], "right": right, "lowest": lowest}
    place = _place(state, x)
    _refuse_outside(column, place, state, FormulaError, "")
    used = np.unique(place).tolist()
    return {**state, "used": used, "names": [names[i] for i in used]}


def _flag(options: Mapping[str, Any], word: str, default: bool) -> bool:
    value = options.get(word, default)
    if not isinstance(value, bool):
        raise FormulaError(f"{word}={value!r} should be True or False")
    return value


def _breaks(given: list[Any]) -> list[float]:
    if not all(isinstance(b, int | float) and not isinstance(b, bool) for b in given):
        raise FormulaError("breaks should be a list of numbers, cut(x, [0, 3, 9]); the ends may be -inf and inf")
    breaks = [float(b) for b in given]
    if len(breaks) < 2:
        middle = f"{given[0]:g}" if given else "0"
        raise FormulaError(f"intervals lie between two breaks or more, cut(x, [-inf, {middle}, inf])")
    low = next((f"{a:g}, {b:g}" for a, b in pairwise(breaks) if not b > a), None)
    if low is not None:
        raise FormulaError(f"breaks should increase, and these do not: {low}")
    if len(breaks) > MOST_COLUMNS:
        raise FormulaError(f"{len(breaks) - 1:,} intervals are more than the {MOST_COLUMNS:,} that are possible")
    return breaks


def _equal(name: str, x: np.ndarray, count: Any) -> list[float]:
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_COLUMNS:
        raise FormulaError(f"{count!r} should be a number of intervals from 2 on, up to {MOST_COLUMNS:,}; {WRITE}")
    low, high = float(np.min(x)), float(np.max(x))
    if low == high:
        raise FormulaError(f"column '{name}' is constant (every value is {low:g})")
    breaks: list[float] = np.linspace(low, high, count + 1).tolist()
    beyond = BEYOND * (high - low)
    return [low - beyond, *breaks[1:-1], high + beyond]


def _written(breaks: list[float]) -> list[str]:
    return [f"{b:.12g}" for b in breaks]


def _rounded(breaks: list[float]) -> list[str]:
    """Return equally spaced breaks with as many decimals as their spacing has significant ones, the ends rounded outwards."""
    decimals = DIGITS - 1 - floor(log10((breaks[-1] - breaks[0]) / (len(breaks) - 1)))
    unit = 10.0**-decimals
    ends = floor(breaks[0] / unit) * unit, ceil(breaks[-1] / unit) * unit
    return [f"{round(b, decimals) + 0.0:.12g}" for b in (ends[0], *breaks[1:-1], ends[1])]


def _intervals(texts: list[str], right: bool, lowest: bool) -> list[str]:
    opening, closing = ("(", "]") if right else ("[", ")")
    found = [f"{opening}{a}, {b}{closing}" for a, b in pairwise(texts)]
    if lowest and right:
        found[0] = f"[{found[0][1:]}"
    elif lowest:
        found[-1] = f"{found[-1][:-1]}]"
    return found


def _names(given: Any, count: int) -> list[str]:
    if not isinstance(given, list) or len(given) != count or not all(isinstance(name, str) for name in given):
        raise FormulaError(f"labels should be a list of {count} quoted texts, one an interval")
    if len(set(given)) < count:
        raise FormulaError("labels=[…] names two intervals alike")
    return given


def _ends(state: Json) -> np.ndarray:
    first, *inner, last = state["breaks"]
    return np.array([-np.inf if first is None else first, *inner, np.inf if last is None else last])


def _place(state: Json, x: np.ndarray) -> np.ndarray:
    """Return the number of each value's interval ``(obs,)``; -1 of values outside of all."""
    breaks, side = _ends(state), "left" if state["right"] else "right"
    place = np.searchsorted(breaks, x, side=side) - 1  # type: ignore[call-overload]
    if state["lowest"]:
        place = np.where(x == (breaks[0] if state["right"] else breaks[-1]), 0 if state["right"] else len(breaks) - 2, place)
    found: np.ndarray = np.where((place < 0) | (place > len(breaks) - 2), -1, place).astype(np.int64)
    return found


def _refuse_outside(column: Column, place: np.ndarray, state: Json, error: type[DataError | FormulaError], where: str) -> None:
    outside = place < 0
    if not outside.any():
        return
    breaks, row = _ends(state), int(np.argmax(outside))
    value, count = float(column.values[row]), int(np.count_nonzero(outside))
    edge = breaks[0] if state["right"] else breaks[-1]
    closed = f"; include_lowest=True closes the interval at {value:g}" if value == edge else ""
    advice = closed or "; breaks from -inf to inf leave none out"
    raise error(
        f"{where}column '{column.name}' has values outside of the intervals from {breaks[0]:.6g} to {breaks[-1]:.6g} in {count} "
        f"of {len(place)} rows (the first is row {row + 1}: {value:g}){advice}"
    )


def apply(state: Json, column: Column) -> np.ndarray:
    """Return codes ``(obs,)`` into the intervals that have training rows."""
    place = _place(state, column.values.astype(np.float64))
    _refuse_outside(column, place, state, DataError, "data: cut(): ")
    level = np.full(len(state["breaks"]) - 1, -1, dtype=np.int64)
    level[state["used"]] = np.arange(len(state["used"]))
    codes: np.ndarray = level[place]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        low, high = _ends(state)[place[row] : place[row] + 2]
        raise DataError(
            f"data: cut(): column '{column.name}' has values between {low:g} and {high:g}, where no row was that the model was "
            f"fitted to (in {int(np.count_nonzero(codes < 0))} of {len(codes)} rows; the first is row {row + 1}: "
            f"{float(column.values[row]):g})"
        )
    return codes


def labels(state: Json) -> tuple[str, ...]:
    """Return the intervals that have training rows, from low to high."""
    return tuple(state["names"])


TRANSFORM = Transform(
    "cut", learn, apply, labels, categorical=True, of_numbers=True,
    ordered=lambda state: True,  # intervals lie one above the other
    options=("breaks", "bins", "right", "include_lowest", "labels"), example="cut(x, 4)",
)
