"""What the smooths of a model add to their predictors, along their columns; how steep that is, and what rows say beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product as pairs_of
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.collapse.row_system import why_not_predictors
from bayesdeep.collapse.row_values import addends
from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.design.learn import term_nodes
from bayesdeep.formula.nodes import Call
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.prediction_blocks import several_predictors
from bayesdeep.results.rows import Rows, containers
from bayesdeep.results.smooth_parts import parts_of
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec, TermSpec

from .budget import mean_and_parts
from .marginal_grid import repeated, typical
from .marginal_source import Source, source_of
from .marginal_values import made_rows
from .slopes import STEP

MOST_LEVELS = 24
"""Levels up to which each has its curve."""


@dataclass(frozen=True)
class SmoothTerm:
    """A term that is a function of columns.

    Attributes
    ----------
    number, term
        Which predictor it stands in, and the term.
    along
        The numbers that it is a function of.
    levels
        Columns by whose levels there are several such functions.
    times
        Numbers that the function is multiplied by.
    """

    number: int
    term: TermSpec
    along: tuple[str, ...]
    levels: tuple[str, ...]
    times: tuple[str, ...]

    @property
    def source(self) -> str:
        """Return the term as the formula has it."""
        return str(self.term.source).strip()


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """One function of one column, as it is added to a predictor; multiplied by a column, what that is multiplied by.

    Attributes
    ----------
    name
        What the posterior calls it.
    column
        The column it goes along.
    table
        The column's values; ``estimate``, ``lower`` and ``upper`` of the function; ``slope``, ``slope_lower``, ``slope_upper``
        and ``prob_rising`` of its derivative.
    rows
        The column's values in the training rows (of its level).
    term
        Key of the term.
    level
        Of which level it is; empty for all rows.
    residuals
        What is left of the rows' responses without the rest of the predictor ``(obs,)``; None where that means nothing.
    source
        The term as the formula has it.
    """

    name: str
    column: str
    table: pd.DataFrame
    rows: np.ndarray
    term: str = ""
    level: str = ""
    residuals: np.ndarray | None = None
    source: str = ""


def smooth_terms(fit: Fitted) -> tuple[SmoothTerm, ...]:
    """Return the terms of a model that are functions of numbers, in the order of the formulas."""
    spec, found = fit.spec, []
    smooth = {(part.predictor, part.term) for part in parts_of(spec)}
    for number, predictor in enumerate(spec.predictors):
        nodes = [node for _, _, node in term_nodes(spec.nodes[predictor.parameter])]
        for term, node in zip(predictor.terms, nodes, strict=True):
            if (number, term.key) not in smooth or not isinstance(node, Call):
                continue
            inside = [name for argument in node.arguments for name in columns_of(argument)]
            named = TERMS[term.kind].named
            beside = [name for option, value in node.options if option in named for name in columns_of(value)]
            numbers = {name for name in (*inside, *beside) if name in fit.columns and fit.columns[name].levels is None}
            found.append(
                SmoothTerm(
                    number,
                    term,
                    tuple(dict.fromkeys(name for name in inside if name in numbers)),
                    tuple(dict.fromkeys(name for name in (*inside, *beside) if name not in numbers)),
                    tuple(dict.fromkeys(name for name in beside if name in numbers)),
                )
            )
    return tuple(found)


def smooth_curves(fit: Fitted, points: int = 100, interval: float = 0.9, data: Any = None) -> list[SmoothCurve]:
    """Return the curve of each smooth of one column, with equal-tailed intervals at each point, one a level where it has several.

    A smooth is 0 on average over the training rows: its curve has none of the uncertainty of the intercept.

    Raises
    ------
    FitError
        For fits that do not hold their columns, and for responses with a predictor a level.
    """
    source = source_of(fit, "smooths", data, "average", 1)
    if several_predictors(fit.spec):
        raise FitError("smooths: the response has a predictor for each of its levels; use fit.curve(…) instead")
    found: list[SmoothCurve] = []
    for one in smooth_terms(fit):
        if len(one.along) == 1:
            found += _curves(source, fit, one, points, interval)
    return found


def _curves(source: Source, fit: Fitted, one: SmoothTerm, points: int, interval: float) -> Iterator[SmoothCurve]:
    column = source.columns[one.along[0]]
    known = np.asarray(column.values, dtype=np.float64)
    # What is made of steps has no values between them.
    words = TERMS[one.term.kind].words(one.term.state)
    steps = "stepped" in words
    whole = column.values.dtype.kind == "i" and known.max() - known.min() < points
    at = np.unique(known) if steps or whole else np.linspace(known.min(), known.max(), points)
    if whole and not steps:
        at = np.arange(known.min(), known.max() + 1)
    residuals = partial_residuals(source, fit, one)
    for chosen in levels_of(source, one):
        if words & {"stepped", "rough"}:
            values, name = function_values(source, one, {column.name: at}, chosen)
            slope = np.gradient(values, at, axis=1)
        else:
            half = STEP * (float(known.std()) or 1.0)
            low, high = np.maximum(at - half, known.min()), np.minimum(at + half, known.max())
            # All at once: a process has values of its own at each place, which go together in one prediction.
            every, name = function_values(source, one, {column.name: np.concatenate([at, low, high])}, chosen)
            values, below, above = np.split(every, 3, axis=1)
            slope = (above - below) / (high - low)
        own = np.ones(len(known), dtype=bool)
        for level_name, level in chosen.items():
            own &= _codes(source.columns[level_name]) == str(level)
        yield SmoothCurve(
            name,
            column.name,
            pd.DataFrame({column.name: at, **_banded(values, interval), **_sloped(slope, interval)}),
            known[own],
            f"{one.number}.{one.term.key}",
            ", ".join(str(level) for level in chosen.values()),
            None if residuals is None else residuals[own],
            one.source,
        )


def _codes(column: Column) -> np.ndarray:
    """Return each row's level as text."""
    labels = np.array([str(level) for level in column.levels or ()], dtype=object)
    return labels[column.values] if len(labels) else np.asarray(column.values).astype(str)


def _banded(values: np.ndarray, interval: float) -> dict[str, np.ndarray]:
    lower, upper = np.quantile(values, [(1 - interval) / 2, (1 + interval) / 2], axis=0)
    return {"estimate": values.mean(axis=0), "lower": lower, "upper": upper}


def _sloped(slope: np.ndarray, interval: float) -> dict[str, np.ndarray]:
    names = {"estimate": "slope", "lower": "slope_lower", "upper": "slope_upper"}
    found = {names[name]: value for name, value in _banded(slope, interval).items()}
    return {**found, "prob_rising": (slope > 0).mean(axis=0)}


def levels_of(source: Source, one: SmoothTerm) -> list[dict[str, Any]]:
    """Return the combinations of levels that have a function each, a level by column; one without any for all rows."""
    every = [[(name, level) for level in source.columns[name].levels or ()] for name in one.levels]
    return [dict(chosen) for chosen in pairs_of(*every)][:MOST_LEVELS]


def function_values(
    source: Source, one: SmoothTerm, at: Mapping[str, np.ndarray], chosen: Mapping[str, Any]
) -> tuple[np.ndarray, str]:
    """Return a function's values ``(draw, point)`` at numbers by column ``(point,)`` for some levels, and its posterior name."""
    count = len(next(iter(at.values())))
    columns = repeated(typical(source, "means"), count)
    columns |= {name: Column(name, "number", np.asarray(value, dtype=np.float64)) for name, value in at.items()}
    columns |= {name: Column(name, "number", np.ones(count)) for name in one.times}
    for name, level in chosen.items():
        own = source.columns[name]
        codes = np.full(count, (own.levels or ()).index(level), dtype=np.int64)
        columns[name] = replace(own, values=codes, missing=None)
    rows = made_rows(source, columns, count)
    draws = with_new_groups(source.spec, source.posterior, rows, source.new_groups, source.seed)
    values = _addend(source.spec, one, rows)(draws, containers(rows, 0, rows.rows))
    return np.broadcast_to(values, (source.draws, count)), _name(source.spec, one, rows, chosen)


def _addend(spec: ModelSpec, one: SmoothTerm, rows: Rows) -> Callable[[Any, Any], np.ndarray]:
    """Return a function of draws and the rows' arrays to what the term adds ``(draw, row)``."""
    if why_not_predictors(spec) is None:
        return lambda draws, data: addends(spec, draws, data, one.number)[one.term.key]
    if one.number:
        raise FitError(f"smooths: '{one.source}' stands in the formula of another parameter, beside terms that are not linear")
    function, keys, _ = mean_and_parts(spec, rows)
    return lambda draws, data: function(draws, data)[1 + keys.index(one.term.key)]


def _name(spec: ModelSpec, one: SmoothTerm, rows: Rows, chosen: Mapping[str, Any]) -> str:
    """Return what the posterior calls the function of these rows: that of the only part that is not 0 there."""
    parts = [part for part in parts_of(spec) if (part.predictor, part.term) == (one.number, one.term.key)]
    effects = effects_of(one.term)
    there = [
        part
        for part in parts
        if any(np.any(rows.arrays[f"{one.term.key}.{getattr(effects[k].rows, 'array', '')}"]) for k, *_ in part.penalised)
    ]
    if len(parts) > 1 and len(there) == 1:
        return there[0].name
    return parts[0].name + "".join(f", {level}" for level in chosen.values())


def partial_residuals(source: Source, fit: Fitted, one: SmoothTerm) -> np.ndarray | None:
    """Return rows' responses less the rest of the predictor ``(obs,)``, at the posterior mean; None where that means nothing.

    It does of a number that the predictor is the mean, median or centre of, and of functions that nothing is multiplied by.
    """
    spec = source.spec
    plain = not set(spec.response.modifiers) - {"weighted"} and "levels" not in FAMILIES[spec.family].words
    linear = why_not_predictors(spec) is None and spec.predictors[0].link == "identity"
    if one.number or one.times or not (plain and linear and fit.in_memory and source.own):
        return None
    rows = fit.rows
    assert isinstance(rows, Rows)
    means = {name: value.mean(axis=0, keepdims=True) for name, value in source.posterior.items()}
    parts = addends(spec, means, rows.arrays)
    rest = sum((value for key, value in parts.items() if key != one.term.key), start=np.zeros((1, rows.rows)))
    return np.asarray(rows.response.value, dtype=np.float64) - np.broadcast_to(rest, (1, rows.rows))[0]


