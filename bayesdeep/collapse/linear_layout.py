"""Where the parts of a linear model lie among its rows' arrays, and in its system."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Grouped, Iid, Members, Piece, Shift, Structured
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import is_share
from bayesdeep.spec.slots import prefixed


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
    share
        Of population columns whose coefficients have a share of a budget, and with it a standard deviation that is estimated:
        their name. Empty for all others.
    picked, less, unit
        Of these: which columns of the array they are, what is taken off each, and what they are divided by.
    """

    key: str
    effect: Effect
    rows: Columns | Grouped | Members
    factor: int
    start: int
    copies: int = 0
    share: str = ""
    picked: tuple[int, ...] = ()
    less: tuple[float, ...] = ()
    unit: float = 1.0

    def codes(self, arrays: Mapping[str, np.ndarray], rows: slice) -> np.ndarray:
        """Return each row's level of the factor ``(obs,)``."""
        if self.copies:
            count = len(next(iter(arrays.values()))[rows])
            return np.zeros(count, dtype=np.int64)
        assert isinstance(self.rows, Grouped)
        return np.asarray(arrays[f"{self.key}.{self.rows.codes}"][rows])

    def columns(self, arrays: Mapping[str, np.ndarray], rows: slice) -> list[np.ndarray | None]:
        """Return what each coefficient of a level is multiplied by ``(obs,)``, None for a column of ones."""
        found: list[np.ndarray | None] = [None] if self.rows.intercept and not isinstance(self.rows, Columns) else []
        if self.rows.array is not None:
            matrix = arrays[f"{self.key}.{self.rows.array}"][rows]
            if self.share:
                matrix = (matrix[:, list(self.picked)] - np.array(self.less)) / self.unit
            found += [np.ascontiguousarray(matrix[:, k]) for k in range(matrix.shape[1])]
        if not self.copies or isinstance(self.rows, Columns):
            return found
        begin = f"{self.key}."
        own = {name.removeprefix(begin): array[rows] for name, array in arrays.items() if name.startswith(begin)}
        shares = self.rows.incidence(own)
        law = self.effect.law
        matrix = shares @ law.root if isinstance(law, Structured) else shares.toarray()
        return [
            np.ascontiguousarray(matrix[:, j] if column is None else matrix[:, j] * column)
            for j in range(self.copies)
            for column in found
        ]


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


def layout_of(spec: ModelSpec, predictor: int = 0) -> Layout:
    """Return the layout of a predictor of a model that :func:`~bayesdeep.collapse.eligibility.why_not` has nothing against."""
    columns: list[ColumnsPart] = []
    effects: list[EffectsPart] = []
    shifts: list[str] = []
    sizes: dict[str, tuple[int, int, int]] = {}
    parts = effects_of(spec, predictor)
    asked = any(isinstance(e.rows, Columns) and e.rows.intercept for _, e in parts)
    intercept = asked and not in_thresholds(spec, predictor)
    centred = intercept or (asked and thresholds_at_means(spec))
    means, sds = [0.0] * intercept, [1.0] * intercept
    for key, effect in parts:
        rows = effect.rows
        if isinstance(rows, Shift):
            shifts.append(f"{key}.{rows.array}")
        elif isinstance(rows, Columns) and not isinstance(effect.law, Iid):
            sharing = [p for p in effect.pieces if is_share(spec.prior(prefix_of(spec, predictor) + quantity_name(p.slot)))]
            part = _without(ColumnsPart(key, effect, rows, len(means)), sharing)
            columns.append(part)
            means += list(part.rows.means) if centred else [0.0] * len(part.rows.means)
            sds += _units(part.rows, centred)
            if sharing:
                name = f"columns of {key}"
                index, width = len(sizes), 0
                for piece in sharing:
                    effects.append(_sharing(key, rows, piece, index, width, centred=centred))
                    width += piece.size
                sizes[name] = (index, 1, width)
        else:
            copies = copies_of(effect)
            name = effect.pieces[0].slot if isinstance(rows, Columns) else rows.factor
            if copies:
                name = f"{name} of {key}"
            count = 1 if copies or isinstance(rows, Columns) else len(rows.labels)
            index, levels, width = sizes.get(name, (len(sizes), count, 0))
            effects.append(EffectsPart(key, effect, rows, index, width, copies))
            sizes[name] = (index, levels, width + effect.width * max(copies, 1))
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
    return EffectsPart(key, effect, own, factor, start, 1, piece.slot, picked, means, unit)


def prefix_of(spec: ModelSpec, predictor: int = 0) -> str:
    """Return what the names of a predictor's quantities begin with: nothing for the main parameter's."""
    return prefixed(spec.predictors[predictor].parameter, FAMILIES[spec.family].main.name, "")


def in_thresholds(spec: ModelSpec, predictor: int = 0) -> bool:
    """Return whether a predictor has no intercept because the response's thresholds stand in its place."""
    return predictor == 0 and "no_intercept" in FAMILIES[spec.family].words


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
    if isinstance(effect.rows, Columns):
        return 1
    several = isinstance(effect.rows, Members) or isinstance(effect.law, Structured)
    return len(effect.rows.labels) if isinstance(effect.rows, Grouped | Members) and several else 0


def _units(part: Columns, centred: bool) -> list[float]:
    """Return each column's sd, or its root mean square where nothing is taken off."""
    squares = np.square(part.sds) + (0.0 if centred else np.square(part.means))
    units = np.sqrt(squares)
    # A column that does not vary would be divided by rounding errors.
    tiny = units <= 1e-10 * np.maximum(np.abs(part.means), 1e-300)
    return list(np.where(tiny, np.maximum(np.abs(part.means), 1.0), units))
