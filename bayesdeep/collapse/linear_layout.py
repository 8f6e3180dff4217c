"""Where the parts of a linear model lie among its rows' arrays, and in its system."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.effects import (
    Columns,
    Effect,
    Given,
    Grouped,
    Iid,
    Members,
    Piece,
    Places,
    Process,
    Scaled,
    Shift,
    Sparse,
    Structured,
    root_of,
)
from bayesdeep.core.linear import Neighbours
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.numerics.sparse_factors import available, place_of
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import is_share
from bayesdeep.spec.slots import prefixed

MOST_OTHERS, MOST_PIECES = 400, 8
"""Coefficients beside those that lean on neighbours, and sums of these that are 0, up to which a sparse system is the faster."""


@dataclass(frozen=True, eq=False)
class ColumnsPart:
    """A term's population columns, and where they begin in the system; ``picked`` says which of its array they are, None all."""

    key: str
    effect: Effect
    rows: Columns
    start: int
    picked: tuple[int, ...] | None = None

    def matrix(self, arrays: Mapping[str, np.ndarray], rows: slice) -> np.ndarray:
        """Return the columns ``(obs, column)``."""
        found: np.ndarray = arrays[f"{self.key}.{self.rows.array}"][rows]
        return found if self.picked is None else found[:, list(self.picked)]


@dataclass(frozen=True, eq=False)
class EffectsPart:
    """Coefficients with a common law: the system's factor, and where they begin in it.

    Attributes
    ----------
    rows
        How rows meet them.
    factor, start
        Number of the factor, and of the first of a level's coefficients in it.
    copies
        0 where the factor's levels are those of the effect. Else it has one level, and its coefficients are those of a basis,
        or of this many levels one after another: levels that rows meet several at a time cannot be told apart by rows.
    place
        Of levels that lean on neighbours, and are a factor's all the same: in which order they are eliminated ``(level,)``.
        None for others.
    stratum
        Where levels have classes with a covariance each: the class whose levels the factor has, in their order.
    share
        Of population columns whose coefficients have a share of a budget, and with it a standard deviation that is estimated:
        their name. Empty for all others.
    picked, less, unit
        Of these: which columns of the array they are, what is taken off each, and what they are divided by.
    """

    key: str
    effect: Effect
    rows: Columns | Grouped | Members | Places
    factor: int
    start: int
    copies: int = 0
    stratum: int | None = None
    place: np.ndarray | None = None
    share: str = ""
    picked: tuple[int, ...] = ()
    less: tuple[float, ...] = ()
    unit: float = 1.0

    @property
    def sparse(self) -> Sparse:
        """Return the law as the graph of neighbours has it."""
        found = sparse_of(self.effect)
        assert found is not None
        return found

    @property
    def neighbours(self) -> Neighbours | None:
        """Return the graph of levels in the order of the factor; None where levels do not lean on one another."""
        return None if self.place is None else self.sparse.neighbours.ordered(self.place)

    @property
    def levels(self) -> np.ndarray | None:
        """Return which of the effect's levels the factor has ``(level,)``; None for all of them."""
        strata = self.effect.strata
        return None if strata is None or self.stratum is None else np.flatnonzero(np.asarray(strata.of) == self.stratum)

    def _within(self, arrays: Mapping[str, np.ndarray], rows: slice) -> np.ndarray:
        """Return each row's level among the class's ``(obs,)``, -1 for rows of other classes."""
        assert isinstance(self.rows, Grouped)
        levels = self.levels
        assert levels is not None
        place = np.full(len(self.rows.labels), -1)
        place[levels] = np.arange(len(levels))
        return np.asarray(place[np.asarray(arrays[f"{self.key}.{self.rows.codes}"][rows])])

    def codes(self, arrays: Mapping[str, np.ndarray], rows: slice, elsewhere: int = 0) -> np.ndarray:
        """Return each row's level of the factor ``(obs,)``; ``elsewhere`` is that of rows of other classes."""
        if self.copies:
            count = len(next(iter(arrays.values()))[rows])
            return np.zeros(count, dtype=np.int64)
        assert isinstance(self.rows, Grouped)
        if self.stratum is not None:
            within = self._within(arrays, rows)
            return np.where(within < 0, elsewhere, within)
        found = np.asarray(arrays[f"{self.key}.{self.rows.codes}"][rows])
        return found if self.place is None else self.place[found]

    def columns(self, arrays: Mapping[str, np.ndarray], rows: slice) -> list[np.ndarray | None]:
        """Return what each coefficient of a level is multiplied by ``(obs,)``, None for a column of ones."""
        if self.place is not None:
            return [None] * self.sparse.width
        if isinstance(self.rows, Places):
            return [*self._of_places(self.rows, arrays, rows)]
        if self.copies and not isinstance(self.rows, Columns):
            return [*self._copied(self.rows, arrays, rows)]
        found: list[np.ndarray | None] = [None] if self.rows.intercept and not isinstance(self.rows, Columns) else []
        if self.rows.array is not None:
            matrix = arrays[f"{self.key}.{self.rows.array}"][rows]
            if self.share:
                matrix = (matrix[:, list(self.picked)] - np.array(self.less)) / self.unit
            found += [np.ascontiguousarray(matrix[:, k]) for k in range(matrix.shape[1])]
        if self.stratum is None:
            return found
        there = (self._within(arrays, rows) >= 0).astype(np.float64)
        return [there if column is None else there * column for column in found]

    def _of_places(self, own: Places, arrays: Mapping[str, np.ndarray], rows: slice) -> np.ndarray:
        """Return what the values of a function at places are multiplied by ``(place, obs)``."""
        law = self.effect.law
        assert isinstance(law, Process)
        needed = [key for key in (own.codes, own.array) if key is not None]
        meets = own.incidence({key: arrays[f"{self.key}.{key}"][rows] for key in needed}).toarray()
        return np.ascontiguousarray((meets - np.outer(meets.sum(axis=1), law.average)).T)

    def _copied(self, own: Grouped | Members, arrays: Mapping[str, np.ndarray], rows: slice) -> list[np.ndarray]:
        """Return the columns of levels one after another, those of a level together."""
        begin, root = f"{self.key}.", root_of(self.effect.law)
        given = {name.removeprefix(begin): array[rows] for name, array in arrays.items() if name.startswith(begin)}
        products = own.products(given)
        every = [product.toarray() if root is None else product @ root for product in products]
        return [np.ascontiguousarray(matrix[:, j]) for j in range(self.copies) for matrix in every]


@dataclass(frozen=True)
class Layout:
    """The parts of one linear predictor.

    Attributes
    ----------
    columns, effects
        The terms' parts with their places.
    shifts
        Keys of the columns that are added as they are.
    intercept
        Whether the first population column is the intercept; the others are then centred.
    means, sds
        What is taken off the population columns and what they are divided by, ``(column,)``; 0 and 1 for the intercept. Where
        thresholds stand in the intercept's place it is taken off all the same, and they are those at the columns' means.
    factors
        Name, number of levels and width of each grouping factor.
    standard_error
        Key of the rows' known residual sd, or the number itself; None where sigma is estimated.
    prefix
        What its quantities' names begin with: nothing for the main parameter's.
    """

    columns: tuple[ColumnsPart, ...]
    effects: tuple[EffectsPart, ...]
    shifts: tuple[str, ...]
    intercept: bool
    means: np.ndarray
    sds: np.ndarray
    factors: tuple[tuple[str, int, int], ...]
    standard_error: str | float | None
    prefix: str = ""


def layout_of(spec: ModelSpec, predictor: int = 0, *, sparse: bool = False) -> Layout:
    """Return the layout of a predictor of a model that :func:`~bayesdeep.collapse.eligibility.why_not` has nothing against.

    With ``sparse`` effects that lean on neighbours are a factor's, with a graph; else columns that are factorised together.
    """
    columns: list[ColumnsPart] = []
    effects: list[EffectsPart] = []
    shifts: list[str] = []
    sizes: dict[str, tuple[int, int, int]] = {}
    parts = effects_of(spec, predictor)
    asked = any(isinstance(e.rows, Columns) and e.rows.intercept for _, e in parts)
    intercept = asked and has_intercept(spec, predictor)
    centred = intercept or (asked and in_thresholds(spec, predictor) and thresholds_at_means(spec))
    means, sds = [0.0] * intercept, [1.0] * intercept
    for key, effect in parts:
        rows = effect.rows
        if isinstance(rows, Shift):
            shifts.append(f"{key}.{rows.array}")
        elif isinstance(rows, Columns) and isinstance(effect.law, Given):
            sharing = [p for p in effect.pieces if is_share(spec.prior(prefix_of(spec, predictor) + quantity_name(p.slot)))]
            population = _without(ColumnsPart(key, effect, rows, len(means)), sharing)
            columns.append(population)
            means += list(population.rows.means) if centred else [0.0] * len(population.rows.means)
            sds += _units(population.rows, centred)
            if sharing:
                name = f"columns of {key}"
                index, width = len(sizes), 0
                for piece in sharing:
                    effects.append(_sharing(key, rows, piece, index, width, centred=centred))
                    width += piece.size
                sizes[name] = (index, 1, width)
        elif sparse and isinstance(rows, Grouped) and (law := sparse_of(effect)) is not None:
            effects.append(EffectsPart(key, effect, rows, len(sizes), 0, place=place_of(_regular(law.neighbours))))
            sizes[f"{effect.pieces[0].slot} of {key}"] = (len(sizes), len(rows.labels), law.width)
        else:
            for part, name, count in _parts(key, effect, rows):
                index, levels, width = sizes.get(name, (len(sizes), count, 0))
                effects.append(replace(part, factor=index, start=width))
                sizes[name] = (index, levels, width + effect.width * max(part.copies, 1))
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
        prefix_of(spec, predictor),
    )


def _regular(neighbours: Neighbours) -> Any:
    """Return a graph's precision with an inverse."""
    from scipy import sparse

    return neighbours.precision + sparse.eye_array(neighbours.precision.shape[0])


def _parts(key: str, effect: Effect, rows: Columns | Grouped | Members | Places) -> list[tuple[EffectsPart, str, int]]:
    """Return an effect's parts, each with the name and the number of levels of its factor, its place left open.

    Of levels that have classes with a covariance each, every class is a factor. No row meets two of them, so that each is nested
    in the others and all are eliminated group by group, as one factor would be.
    """
    copies = copies_of(effect)
    whole = EffectsPart(key, effect, rows, -1, 0, copies)
    if isinstance(rows, Columns | Places):
        return [(whole, f"{effect.pieces[0].slot} of {key}", 1)]
    if copies:
        return [(whole, f"{rows.factor} of {key}", 1)]
    if isinstance(effect.law, Scaled) and effect.law.each:
        return [(whole, f"{rows.factor} of {key}", len(rows.labels))]
    strata = effect.strata
    if strata is None:
        return [(whole, rows.factor, len(rows.labels))]
    counts = np.bincount(strata.of, minlength=len(strata.labels)).tolist()
    return [
        (replace(whole, stratum=k), f"{rows.factor} of {strata.name} {label!r}", counts[k])
        for k, label in enumerate(strata.labels)
    ]


def _without(part: ColumnsPart, sharing: list[Piece]) -> ColumnsPart:
    """Return population columns without those whose coefficients have shares of a budget."""
    if not sharing:
        return part
    picked, pieces = list[int](), list[Piece]()
    for piece in (p for p in part.effect.pieces if p not in sharing):
        pieces.append(replace(piece, start=len(picked), stop=len(picked) + piece.size))
        picked += range(piece.start, piece.stop)
    rows = Columns(
        part.rows.array if picked else None, tuple(part.rows.means[k] for k in picked), tuple(part.rows.sds[k] for k in picked),
        part.rows.intercept,
    )
    return ColumnsPart(part.key, replace(part.effect, rows=rows, pieces=tuple(pieces)), rows, part.start, tuple(picked))


def _sharing(key: str, rows: Columns, piece: Piece, factor: int, start: int, *, centred: bool) -> EffectsPart:
    """Return columns whose coefficients share a standard deviation that is estimated, as a basis with what that adds to rows."""
    picked = tuple(range(piece.start, piece.stop))
    means = tuple(rows.means[k] if centred else 0.0 for k in picked)
    unit = float(np.sqrt(sum(rows.sds[k] ** 2 for k in picked)))
    own = Columns(rows.array, (0.0,) * piece.size, tuple(rows.sds[k] / unit for k in picked))
    effect = Effect(own, Iid(), (replace(piece, start=0, stop=piece.size),))
    return EffectsPart(key, effect, own, factor, start, 1, share=piece.slot, picked=picked, less=means, unit=unit)


def prefix_of(spec: ModelSpec, predictor: int = 0) -> str:
    """Return what the names of a predictor's quantities begin with: nothing for the main parameter's."""
    return prefixed(spec.predictors[predictor].parameter, FAMILIES[spec.family].bare, "")


def in_thresholds(spec: ModelSpec, predictor: int = 0) -> bool:
    """Return whether a predictor has no intercept because the response's thresholds stand in its place."""
    return predictor == 0 and "no_intercept" in FAMILIES[spec.family].words


def has_intercept(spec: ModelSpec, predictor: int = 0) -> bool:
    """Return whether a predictor has an intercept where its formula has one."""
    return FAMILIES[spec.family].has_intercept(spec.predictors[predictor].parameter)


def thresholds_at_means(spec: ModelSpec) -> bool:
    """Return whether the prior of thresholds is on those at the columns' means: a default is, a user's on their own."""
    chosen = [spec.prior(p.name) for p in FAMILIES[spec.family].parameters if p.shape == "cut"]
    return all(one is None or one.origin == "default" for one in chosen)


def effects_of(spec: ModelSpec, predictor: int = 0) -> list[tuple[str, Effect]]:
    """Return the effects of a predictor's terms, of the main one unless another is meant, each with its term's key."""
    found = []
    for term in spec.predictors[predictor].terms:
        declare = TERMS[term.kind].effects
        assert declare is not None
        found += [(term.key, effect) for effect in declare(term.state)]
    return found


def copies_of(effect: Effect) -> int:
    """Return how many times a level's coefficients are written out in one level of the system; 0 for none."""
    if isinstance(effect.rows, Columns | Places):
        return 1
    if isinstance(effect.law, Scaled) and effect.law.axes:
        return effect.law.axes
    several = isinstance(effect.rows, Members) or isinstance(effect.law, Structured)
    return len(effect.rows.labels) if isinstance(effect.rows, Grouped | Members) and several else 0


def sparse_of(effect: Effect) -> Sparse | None:
    """Return the law of an effect as the graph of neighbours has it, of rows that have one level; None without."""
    alone = isinstance(effect.rows, Grouped) and effect.rows.array is None
    return effect.law.sparse if isinstance(effect.law, Scaled) and alone else None


def can_be_sparse(spec: ModelSpec) -> bool:
    """Return whether a model has effects that lean on neighbours, and few other coefficients that would fill their system."""
    if not available():
        return False
    every = [(number, effect) for number in range(len(spec.predictors)) for _, effect in effects_of(spec, number)]
    found = [own for _, effect in every if (own := sparse_of(effect)) is not None]
    if not found or sum(len(own.neighbours.pieces) for own in found) > MOST_PIECES:
        return False
    # A covariance that changes with hyperparameters is dense, and has no place in a sparse precision.
    if any(isinstance(effect.law, Process) for _, effect in every):
        return False
    layouts = [layout_of(spec, number, sparse=True) for number in range(len(spec.predictors))]
    sizes = [levels * width for layout in layouts for _, levels, width in layout.factors]
    others = sum(sizes) - max(sizes) + sum(len(layout.means) for layout in layouts)
    return others <= MOST_OTHERS


def _units(part: Columns, centred: bool) -> list[float]:
    """Return each column's sd, or its root mean square where nothing is taken off."""
    squares = np.square(part.sds) + (0.0 if centred else np.square(part.means))
    units = np.sqrt(squares)
    # A column that does not vary would be divided by rounding errors.
    tiny = units <= 1e-10 * np.maximum(np.abs(part.means), 1e-300)
    return list(np.where(tiny, np.maximum(np.abs(part.means), 1.0), units))
