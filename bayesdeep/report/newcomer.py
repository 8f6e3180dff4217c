"""Predictions for a group the model has never seen, beside groups it knows."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesdeep.core.effects import Grouped
from bayesdeep.core.registry import TERMS
from bayesdeep.effects.marginal_variables import Variable, variables_of
from bayesdeep.plot.parts import GroupTerm, group_term, group_terms
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.prediction_doors import rows_table

from .phrases import plural

MOST_VALUES = 6
"""Columns of which a row's values are said."""


@dataclass(frozen=True)
class Newcomer:
    """Predictions of a new, a large and a small group at the same typical row.

    Attributes
    ----------
    term
        The group-level term.
    at
        The typical row, in words.
    mean
        Expected response: ``mean sd lower upper``, a row a group, the new one first.
    response
        A single new response, likewise.
    """

    term: GroupTerm
    at: str
    mean: pd.DataFrame
    response: pd.DataFrame


def newcomer(fit: Fitted, factor: str | None = None, interval: float = 0.9) -> Newcomer:
    """Return predictions for a group never seen, the largest and the smallest known one.

    All are predicted at one typical row of the data, the one nearest to the medians of the columns, so that only the
    group differs.
    """
    term = group_term(fit, factor) if factor is not None else next(t for t in group_terms(fit) if t.fresh)
    rows = own_rows(fit, "report")
    known = np.flatnonzero(term.sizes > 0)
    large = int(known[np.argmax(term.sizes[known])])
    small = int(known[np.argmin(term.sizes[known])])
    place = typical_row(fit)
    base = rows.take(np.full(3, place))
    arrays = dict(base.arrays)
    for other in fit.spec.predictors[0].terms:
        declare = TERMS[other.kind].effects
        for effect in declare(other.state) if declare else ():
            if isinstance(effect.rows, Grouped) and effect.rows.factor == term.factor:
                arrays[f"{other.key}.{effect.rows.codes}"] = np.array([len(term.labels), large, small])
    asked = replace(base, arrays=arrays, observed=False, unseen={term.factor: (f"a new {term.factor}",)})
    names = [
        f"a {term.factor} never seen",
        *(f"{term.labels[j]} ({plural(int(term.sizes[j]), 'row')})" for j in (large, small)),
    ]
    tables = [rows_table(fit, asked, kind, interval).set_index(pd.Index(names)) for kind in ("mean", "response")]
    return Newcomer(term, describe_row(fit, place), *tables)


def applies(fit: Fitted) -> bool:
    """Return whether there is a group-level term that can have new groups, and one number a row to predict."""
    term = [t for t in group_terms(fit) if t.fresh]
    if not term or not term[0].effects or fit.spec.response.levels is not None:
        return False
    return own_rows(fit, "report").response.value.ndim == 1


def typical_row(fit: Fitted) -> int:
    """Return the row nearest to the medians of all numbers that the main predictor reads."""
    numbers = [v for v in _read(fit) if v.labels is None]
    if not numbers:
        return 0
    columns = np.stack([np.asarray(v.column.values, dtype=np.float64) for v in numbers], axis=1)
    spread = columns.std(axis=0)
    distance = np.abs(columns - np.median(columns, axis=0)) / np.where(spread > 0, spread, 1.0)
    return int(np.argmin(distance.sum(axis=1)))


def describe_row(fit: Fitted, place: int) -> str:
    """Return the values that a row has in the columns of the main predictor, in words; at most six."""
    said = []
    for variable in _read(fit):
        own = variable.column
        value = own.values[place]
        said.append(f"`{own.name}` = " + (f"{value:.3g}" if own.levels is None else str(own.levels[value])))
    return ", ".join(said) if 0 < len(said) <= MOST_VALUES else "a typical row of the data"


def _read(fit: Fitted) -> list[Variable]:
    """Return the columns, of one value a row, that the main predictor reads and that do not only group rows."""
    held = own_rows(fit, "report").columns
    try:
        found = variables_of(fit.spec, held)
    except KeyError:  # columns with gaps are not held
        return []
    return [v for v in found.values() if v.main and v.predictor and not v.grouping and v.column.kind != "array"]


def width_sentence(found: Newcomer) -> str:
    """Return how much wider the interval of a new group's mean is, and why."""
    width = found.mean["upper"] - found.mean["lower"]
    names = list(found.mean.index)
    if not (width > 0).all():
        return "A single point has no intervals: it cannot say how much less is known of a group never seen."
    ratio = float(width.iloc[0] / width.iloc[1])
    times = f"{ratio:.1f} times as wide as" if ratio > 1.15 else "about as wide as"
    said = f"The 90 % interval for the mean of a {found.term.factor} never seen is {times} that of {names[1]}"
    near = float(width.iloc[0] / width.iloc[2])
    said += f", and {near:.1f} times that of {names[2]}" if near > 1.15 else f", and about that of {names[2]}"
    factor = found.term.factor
    return (
        f"{said}: of a new {factor} only the distribution of the others is known; a small known {factor} adds "
        "little to "
        "that, a large one settles its own mean."
    )
