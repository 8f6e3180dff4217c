"""Numbers behind pictures of a learned function: its values over one or two inputs, the others averaged over or held."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import derive, whole_seed
from bayesdeep.effects.input_function import Input, Predictor

OTHERS = ("average", "held")
KINDS = ("mean", "linear")
POINTS, SIDE = 80, 28
"""Values of an input along a curve, and along each side of a map."""
BACKGROUND = 64
"""Training rows over which other inputs are averaged."""
MOST_LEVELS = 40


@dataclass(frozen=True, eq=False)
class Axis:
    """The values an input takes in a picture.

    Attributes
    ----------
    input
        The input.
    column
        Its values, as a column ``(value,)``.
    places
        Where they are drawn ``(value,)``: numbers as they are, levels numbered from 0.
    labels
        Levels as text; None for numbers.
    """

    input: Input
    column: Column
    places: np.ndarray
    labels: tuple[str, ...] | None


def check_options(kind: str, others: str, interval: float) -> None:
    """Raise for options that are not known."""
    if kind not in KINDS:
        raise FitError(f"plot: unknown kind '{kind}'{nearest(kind, (*KINDS, 'scales'))}")
    if others not in OTHERS:
        raise FitError(f"plot: unknown others='{others}'{nearest(others, OTHERS)}")
    if not 0 < interval < 1:
        raise FitError(f"plot: interval is {interval}; it is a probability between 0 and 1, such as 0.9")


def make_axis(predictor: Predictor, name: str, points: int) -> Axis:
    """Return the values of an input: numbers evenly spaced over the data's range, or all levels."""
    found = predictor.input(name, "plot")
    if len(found.columns) > 1:
        raise FitError(f"plot: '{name}' joins several columns; there is no picture of those")
    column = predictor.columns[name]
    numbers = column.values.astype(float) if column.levels is None else column.values
    if found.kind == "number" and column.kind == "number":
        values = np.linspace(numbers.min(), numbers.max(), points)
        return Axis(found, Column(name, "number", values), values, None)
    codes = np.unique(column.values)
    if len(codes) > MOST_LEVELS:
        raise FitError(
            f"plot: '{name}' has {len(codes)} levels, and at most {MOST_LEVELS} fit; of effects of groups "
            "bd.plot.group_effects(fit) shows more"
        )
    labels = tuple(str(c if column.levels is None else column.levels[c]) for c in codes)
    return Axis(found, replace(column, values=codes), np.arange(len(codes), dtype=float), labels)


def surface(
    predictor: Predictor, axes: Sequence[Axis], kind: str, others: str = "average", seed: int = 0
) -> np.ndarray:
    """Return the function over the values of one or two inputs ``(draw, value[, value])``.

    Parameters
    ----------
    predictor
        Of the fit.
    axes
        The inputs' values.
    kind
        ``"mean"`` for expected responses, ``"linear"`` for the predictor.
    others
        ``"average"``: averaged over 64 training rows' values of the other inputs (partial dependence). ``"held"``: others at
        their means, categories and groups at the most frequent level.
    seed
        Of the choice of these rows.
    """
    shape = [len(a.places) for a in axes]
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    count = grids[0].size
    if others == "average":
        rng = np.random.default_rng(derive(whole_seed(seed, "plot"), "background"))
        rows = rng.permutation(predictor.rows)[:BACKGROUND]
    else:
        rows = np.zeros(1, dtype=int)
    at = {i.name: np.repeat(rows, count) for i in predictor.inputs}
    values = {a.input.name: _taken(a.column, np.tile(g.ravel(), len(rows))) for a, g in zip(axes, grids, strict=True)}
    if others == "held":
        held = [i for i in predictor.inputs if i.name not in values]
        at |= {i.name: np.full(count, _most_frequent(predictor, i)) for i in held if i.kind != "number"}
        values |= {i.name: _middle(predictor.columns[i.name], count) for i in held if i.kind == "number"}
    value = predictor.evaluate([predictor.frame(at, values)], kind)[0]
    if value.ndim != 2:
        raise FitError("plot: the response has several levels, each with a function of its own; there is no one picture")
    return value.reshape(len(value), len(rows), *shape).mean(axis=1)


def _taken(column: Column, keep: np.ndarray) -> Column:
    return replace(column, values=column.values[keep])


def _most_frequent(predictor: Predictor, given: Input) -> int:
    """Return a training row with the most frequent combination of an input's levels."""
    codes = np.column_stack([predictor.columns[name].values for name in given.columns])
    _, first, counts = np.unique(codes, axis=0, return_index=True, return_counts=True)
    return int(first[np.argmax(counts)])


def _middle(column: Column, count: int) -> Column:
    if column.kind == "bool":
        return replace(column, values=np.full(count, bool(np.mean(column.values) >= 0.5)))
    return replace(column, values=np.full(count, float(np.mean(column.values))), kind="number")


def fitted(predictor: Predictor, kind: str) -> np.ndarray:
    """Return the posterior mean at the training rows ``(obs,)``."""
    everywhere = {i.name: np.arange(predictor.rows) for i in predictor.inputs}
    return predictor.evaluate([predictor.frame(everywhere)], kind)[0].mean(axis=0)
