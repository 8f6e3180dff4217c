"""Which effects of groups can be integrated out of a row's likelihood, group by group, and their law in each draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.collapse.eligibility import effects_reason
from bayesdeep.collapse.row_system import why_not_by_row
from bayesdeep.collapse.row_values import correlated, effect_sds
from bayesdeep.core.effects import Effect, Grouped, Members, Scaled
from bayesdeep.core.registry import FAMILIES
from bayesdeep.results.rows import Rows
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec

MOST_COEFFICIENTS = 2
"""How many coefficients a group may have."""


@dataclass(frozen=True, eq=False)
class GroupFactor:
    """A grouping factor whose effects are normal and independent from group to group, given sds and correlations that all share.

    Attributes
    ----------
    name
        Of the factor, and in which parameter its effects are where several have predictors.
    parts
        Its effects, each with its term's key.
    codes
        Each row's group ``(obs,)``.
    sizes
        The number of rows of each row's group ``(obs,)``.
    """

    name: str
    parts: tuple[tuple[str, Effect], ...]
    codes: np.ndarray
    sizes: np.ndarray

    @property
    def width(self) -> int:
        """Return the number of coefficients of a group."""
        return sum(effect.width for _, effect in self.parts)

    @property
    def typical(self) -> float:
        """Return the median number of rows of a group."""
        return float(np.median(np.bincount(self.codes)[np.unique(self.codes)]))

    def columns(self, rows: Rows) -> np.ndarray:
        """Return what each coefficient is multiplied by in each of some rows ``(row, coefficient)``."""
        found = []
        for key, effect in self.parts:
            assert isinstance(effect.rows, Grouped)
            found += [np.ones((rows.rows, 1))] if effect.rows.intercept else []
            if effect.rows.array is not None:
                found.append(np.asarray(rows.arrays[f"{key}.{effect.rows.array}"], dtype=np.float64).reshape(rows.rows, -1))
        return np.concatenate(found, axis=1)

    def effects(self, draws: Mapping[str, np.ndarray], groups: np.ndarray) -> np.ndarray:
        """Return the coefficients of some groups in each draw ``(draw, group, coefficient)``."""
        found = []
        for _, effect in self.parts:
            for piece in effect.pieces:
                own = draws[piece.slot][..., groups]
                found.append(own[:, :, None] if piece.scalar else np.moveaxis(own, 1, 2))
        return np.concatenate(found, axis=2)

    def roots(self, spec: ModelSpec, draws: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return a root of the coefficients' covariance in each draw ``(draw, coefficient, coefficient)``."""
        count = len(next(iter(draws.values())))
        found, at = np.zeros((count, self.width, self.width)), 0
        for _, effect in self.parts:
            own = slice(at, at + effect.width)
            standard = np.broadcast_to(np.eye(effect.width), (count, effect.width, effect.width))
            found[:, own, own] = effect_sds(spec, effect, draws) * correlated(effect, draws, standard)
            at += effect.width
        return found

    def replaced(self, draws: Mapping[str, np.ndarray], groups: np.ndarray, effects: np.ndarray) -> dict[str, np.ndarray]:
        """Return draws by name with other ``effects`` ``(draw, group, coefficient)`` of some groups."""
        found, at = dict(draws), 0
        for _, effect in self.parts:
            for piece in effect.pieces:
                value = found[piece.slot].copy()
                own = effects[:, :, at : at + piece.size]
                value[..., groups] = own[:, :, 0] if piece.scalar else np.moveaxis(own, 2, 1)
                found[piece.slot], at = value, at + piece.size
        return found


def group_factors(spec: ModelSpec, rows: Rows) -> tuple[GroupFactor, ...]:
    """Return the factors whose effects can be integrated out, those of the smallest groups first.

    A row has one level of such a factor; its effects are normal about 0 and lean on no other level's; they are in the main
    predictor, and what other predictors there are is linear, and stays as drawn, with effects of the same groups that may be in
    it; a level has at most :data:`MOST_COEFFICIENTS`.
    """
    if why_not_by_row(spec) is not None or FAMILIES[spec.family].components is not None:
        return ()
    found: dict[str, list[tuple[str, Effect]]] = {}
    barred: set[str] = set()
    for term in spec.predictors[0].terms:
        for effect in effects_of(term):
            own = effect.rows
            if not isinstance(own, Grouped | Members):
                continue
            each = isinstance(effect.law, Scaled) and effect.law.each
            unlike = each or effect.law.related or effect.strata is not None or effect.law.shared != ""
            if isinstance(own, Members) or unlike or effects_reason(spec, effect) is not None:
                barred.add(own.factor)
            found.setdefault(own.factor, []).append((term.key, effect))
    main, *others = spec.predictors
    where = f" in {main.parameter}" if others else ""
    factors = (_factor(name, where, tuple(parts), rows) for name, parts in found.items() if name not in barred)
    return tuple(sorted((f for f in factors if f is not None), key=lambda f: f.typical))


def _factor(name: str, where: str, parts: tuple[tuple[str, Effect], ...], rows: Rows) -> GroupFactor | None:
    """Return the factor, unless its effects are too many or meet the rows by different levels."""
    every = []
    for key, effect in parts:
        assert isinstance(effect.rows, Grouped)
        every.append(np.asarray(rows.arrays[f"{key}.{effect.rows.codes}"]))
    codes = every[0]
    if any(not np.array_equal(codes, other) for other in every[1:]):
        return None
    if sum(effect.width for _, effect in parts) > MOST_COEFFICIENTS:
        return None
    return GroupFactor(name + where, parts, codes, np.bincount(codes)[codes])
