"""Expected responses at one value of a variable against those at another: differences, ratios, ratios of odds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.results.fitted import Fitted

from .marginal_effects import Effects, effects_table
from .marginal_grid import Base, base_of, names_of
from .marginal_source import Source, source_of
from .marginal_values import side_means
from .marginal_variables import Variable

LEVELS = ("reference", "pairwise", "sequential", "minmax")
WIDTHS = ("sd", "iqr", "minmax")
MOST_NUMBERS = 12
"""Numbers are taken level by level where there are at most so many."""

Pairs = Sequence[tuple[str, int, int]]
"""What a contrast is called, and the places of its lower and upper side."""


def contrasts(
    fits: Sequence[Fitted],
    variables: Any,
    comparison: str,
    data: Any,
    by: str | Sequence[str] | None,
    kind: str,
    at: Any,
    interval: float,
    new_groups: str | None,
    seed: int | None,
) -> pd.DataFrame:
    """Return :meth:`bayesdeep.effects.marginal_methods.Marginal.contrasts`, of several fits that of their mixture."""
    every = []
    for fit in fits:
        source = source_of(fit, "contrasts", data, new_groups, seed)
        if comparison not in COMPARISONS:
            raise FitError(f"contrasts: unknown comparison '{comparison}'{nearest(str(comparison), COMPARISONS)}")
        what, base = source.check_kind(kind), base_of(source, at, by)
        asked = variables if isinstance(variables, Mapping) else dict.fromkeys(names_of(variables, source.where))
        if not asked:
            raise FitError(f"contrasts: name a variable{nearest('', source.variables)}")
        named = _named(source, base, asked, what, comparison)
        every.append(Effects(source, base, named, 1.0 if comparison == "ratio" else 0.0))
    table = effects_table(every, kind, interval)
    table.attrs["comparison"] = comparison
    return table


def _named(
    source: Source, base: Base, asked: Mapping[str, Any], what: str, comparison: str
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield what each contrast is and its draws ``(draw, group[, level])``."""
    for name, wanted in asked.items():
        sides, pairs = sides_of(source, source.variable(name), wanted, base)
        for title, draws in compared(source, base, sides, pairs, what, comparison):
            yield {"term": name, "contrast": title}, draws


def compared(
    source: Source, base: Base, sides: Sequence[Column], pairs: Pairs, what: str, comparison: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each contrast's name and draws ``(draw, group[, level])``; means are taken first and compared then."""
    means = side_means(source, base, [{column.name: column} for column in sides], what)
    if comparison == "log_ratio_of_odds" and ((means < 0) | (means > 1)).any():
        raise FitError(
            f"{source.where}: odds are of probabilities, and this response's mean is none; use comparison='difference'"
        )
    if comparison == "ratio" and (means <= 0).any():
        raise FitError(
            f"{source.where}: there is no ratio where means can be 0 or negative; use comparison='difference'"
        )
    for title, low, high in pairs:
        yield title, COMPARISONS[comparison](means[:, low], means[:, high])


def _log_ratio_of_odds(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.log(high) - np.log1p(-high) - np.log(low) + np.log1p(-low)


COMPARISONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "difference": lambda low, high: high - low,
    "ratio": lambda low, high: high / low,
    "log_ratio_of_odds": _log_ratio_of_odds,
}


def sides_of(source: Source, variable: Variable, wanted: Any, base: Base) -> tuple[list[Column], Pairs]:
    """Return the values a variable takes, and which are compared.

    Parameters
    ----------
    wanted
        A word, two values, or a number to add; None for what is usual: each level against the reference, a number's larger value
        against the smaller one where it has only two, else 1 more than the rows' own.
    base
        Rows, whose own values a number is added to.
    """
    words = LEVELS if variable.labels is not None else (*WIDTHS, *LEVELS[:3])
    if wanted is None:
        wanted = "reference" if variable.labels is not None or variable.two_values else 1
    if isinstance(wanted, str):
        if wanted not in words:
            raise FitError(
                f"{source.where}: unknown contrast '{wanted}' of '{variable.name}'{nearest(wanted, words)}; or two values"
            )
        return (
            _of_width(variable, wanted)
            if variable.labels is None and wanted in WIDTHS
            else _levels(source, variable, wanted)
        )
    if isinstance(wanted, list | tuple | np.ndarray):
        if len(wanted) != 2:
            raise FitError(f"{source.where}: '{variable.name}' is to be compared at {len(wanted)} values; give two")
        low, high = (variable.find(value, source.where) for value in wanted)
        return [variable.values([low]), variable.values([high])], [(f"{_text(high)} - {_text(low)}", 0, 1)]
    if variable.labels is not None:
        raise FitError(
            f"{source.where}: '{variable.name}' has levels, and nothing can be added to them; give two of them"
        )
    step = variable.find(wanted, source.where)
    if step == 0:
        raise FitError(f"{source.where}: 0 added to '{variable.name}' changes nothing")
    own = np.asarray(base.columns[variable.name].values, dtype=np.float64)
    return [variable.values(own), variable.values(own + step)], [(f"{step:+g}", 0, 1)]


def _of_width(variable: Variable, wanted: str) -> tuple[list[Column], Pairs]:
    values = variable.column.values.astype(np.float64)
    if wanted == "sd":
        half = values.std(ddof=1) / 2 if len(values) > 1 else 0.0
        ends, title = [values.mean() - half, values.mean() + half], "(x + sd/2) - (x - sd/2)"
    elif wanted == "iqr":
        ends, title = np.quantile(values, [0.25, 0.75]).tolist(), "Q3 - Q1"
    else:
        ends, title = [values.min(), values.max()], "Max - Min"
    return [variable.values([end]) for end in ends], [(title, 0, 1)]


def _levels(source: Source, variable: Variable, wanted: str) -> tuple[list[Column], Pairs]:
    levels: tuple[Any, ...] = variable.labels or tuple(np.unique(variable.column.values).tolist())
    if variable.labels is None and len(levels) > MOST_NUMBERS:
        raise FitError(
            f"{source.where}: '{variable.name}' is a number with {len(levels)} values; compare two, as ({_text(levels[0])}, "
            f"{_text(levels[-1])}), or add one, or take 'sd', 'iqr' or 'minmax'"
        )
    count = len(levels)
    places = {
        "reference": [(0, k) for k in range(1, count)],
        "pairwise": list(combinations(range(count), 2)),
        "sequential": list(pairwise(range(count))),
        "minmax": [(0, count - 1)] if count > 1 else [],
    }[wanted]
    pairs = [(f"{_text(levels[high])} - {_text(levels[low])}", low, high) for low, high in places]
    return [variable.values([level]) for level in levels], pairs


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
