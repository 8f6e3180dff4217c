"""Where the parts of a linear model lie among its rows' arrays, and in its system."""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.linear import LinearColumns, LinearEffects, LinearShift
from bayesdeep.core.registry import TERMS
from bayesdeep.spec.model_spec import ModelSpec


@dataclass(frozen=True)
class ColumnsPart:
    """A term's population columns: its own record, and where they begin in the system."""

    key: str
    part: LinearColumns
    start: int


@dataclass(frozen=True)
class EffectsPart:
    """A term's group effects: its own record, the system's factor and where they begin in it."""

    key: str
    part: LinearEffects
    factor: int
    start: int


@dataclass(frozen=True)
class Layout:
    """The parts of a linear model.

    Attributes
    ----------
    columns, effects
        The terms' parts with their places.
    shifts
        Keys of the columns that are added as they are.
    intercept
        Whether the first population column is the intercept; the others are then centred.
    means, sds
        What is taken off the population columns and what they are divided by, ``(column,)``; 0 and 1 for the intercept.
    factors
        Name, number of levels and width of each grouping factor.
    standard_error
        Key of the rows' known residual sd, or the number itself; None where sigma is estimated.
    """

    columns: tuple[ColumnsPart, ...]
    effects: tuple[EffectsPart, ...]
    shifts: tuple[str, ...]
    intercept: bool
    means: np.ndarray
    sds: np.ndarray
    factors: tuple[tuple[str, int, int], ...]
    standard_error: str | float | None


def layout_of(spec: ModelSpec) -> Layout:
    """Return the layout of a model that :func:`~bayesdeep.collapse.applies.why_not` has nothing against."""
    columns: list[ColumnsPart] = []
    effects: list[EffectsPart] = []
    shifts: list[str] = []
    sizes: dict[str, tuple[int, int, int]] = {}
    parts = []
    for term in spec.predictors[0].terms:
        declare = TERMS[term.kind].linear
        assert declare is not None
        parts.append((term.key, declare(term.state)))
    intercept = any(isinstance(p, LinearColumns) and p.intercept for _, p in parts)
    means, sds = [0.0] * intercept, [1.0] * intercept
    for key, part in parts:
        if isinstance(part, LinearColumns):
            columns.append(ColumnsPart(key, part, len(means)))
            means += list(part.means) if intercept else [0.0] * len(part.means)
            sds += _units(part, intercept)
        elif isinstance(part, LinearEffects):
            index, levels, width = sizes.get(part.factor, (len(sizes), part.levels, 0))
            effects.append(EffectsPart(key, part, index, width))
            sizes[part.factor] = (index, levels, width + part.slices[-1].stop)
        else:
            assert isinstance(part, LinearShift)
            shifts.append(f"{key}.{part.array}")
    known = spec.known.get("sigma")
    error: str | float | None = None
    if known is not None:
        error = "sigma" if isinstance(known.value, str) else float(known.value)
    return Layout(
        tuple(columns),
        tuple(effects),
        tuple(shifts),
        intercept,
        np.array(means),
        np.array(sds),
        tuple((name, levels, width) for name, (_, levels, width) in sizes.items()),
        error,
    )


def _units(part: LinearColumns, centred: bool) -> list[float]:
    """Return each column's sd, or its root mean square where nothing is taken off."""
    squares = np.square(part.sds) + (0.0 if centred else np.square(part.means))
    units = np.sqrt(squares)
    # A column that does not vary would be divided by rounding errors.
    tiny = units <= 1e-10 * np.maximum(np.abs(part.means), 1e-300)
    return list(np.where(tiny, np.maximum(np.abs(part.means), 1.0), units))
