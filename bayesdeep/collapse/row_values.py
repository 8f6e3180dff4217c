"""What linear predictors say of rows, in NumPy, from draws by name; and of a linear Gaussian model its noise and log density.

The same values as the model's graph has, to rounding, without building one. Predictors are linear where
:func:`~bayesdeep.collapse.row_system.why_not_predictors` has nothing against them, and there is no more to a model where
:func:`~bayesdeep.collapse.eligibility.why_not` has not either.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Given, Grouped, Members, Places, Process, Scaled, Shift
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import read_name

from .eligibility import why_not
from .linear_layout import effects_of, has_intercept, prefix_of

LOG_ROOT = 0.5 * math.log(2 * math.pi)
SMALLEST = 1e-14
"""Least square of a Cholesky factor's diagonal: it only matters where a correlation is 1 to the last digit."""

Arrays = Mapping[str, np.ndarray]


def is_linear(spec: ModelSpec) -> bool:
    """Return whether a model is a linear Gaussian one, of whose rows these functions say all there is to say."""
    return why_not(spec, sparse=True) is None


def addends(spec: ModelSpec, draws: Arrays, data: Arrays, number: int = 0) -> dict[str, np.ndarray]:
    """Return the addends of a predictor, of the main one unless another is meant, by term key: ``(draw, row)`` or what
    broadcasts to it.

    Parameters
    ----------
    draws
        Posterior arrays by name ``(draw, …)``.
    data
        The rows' arrays by ``"term key.array"``.
    """
    found: dict[str, np.ndarray] = {}
    prefix, intercept = prefix_of(spec, number), has_intercept(spec, number)
    for key, effect in effects_of(spec, number):
        own = partial(_own, data, key)
        value = _addend(effect, draws, own, prefix, intercept=intercept)
        found[key] = found[key] + value if key in found else value
    return found


def predictor(spec: ModelSpec, draws: Arrays, data: Arrays, rows: int, number: int = 0) -> np.ndarray:
    """Return a predictor ``(draw, row)``, the main one unless another is meant."""
    total = sum(addends(spec, draws, data, number).values(), start=np.zeros((1, 1)))
    return np.broadcast_to(total, (_count(draws), rows))


def noise_sd(spec: ModelSpec, draws: Arrays, data: Arrays) -> np.ndarray:
    """Return the residual sd, ``(draw, 1)`` where it is estimated, ``(1, row)`` of a column, ``(1, 1)`` of a number."""
    if "sigma" not in spec.known:
        return draws["sigma"][:, None]
    value = spec.known["sigma"].value
    return np.asarray(data["sigma"])[None] if isinstance(value, str) else np.full((1, 1), float(value))


def log_density(spec: ModelSpec, draws: Arrays, data: Arrays, rows: int) -> np.ndarray:
    """Return the rows' log likelihood ``(draw, row)``, in units of the column that the response was made of."""
    name, sd = spec.response.name, noise_sd(spec, draws, data)
    found = (data[f"{name}_value"] - predictor(spec, draws, data, rows)) / sd
    found = -0.5 * found**2 - LOG_ROOT - np.log(sd)
    if f"{name}_log_slope" in data:
        found = found + data[f"{name}_log_slope"]
    return found * data[f"{name}_weights"] if f"{name}_weights" in data else found


def new_effects(
    spec: ModelSpec,
    draws: Arrays,
    data: Arrays,
    unseen: Mapping[str, Sequence[Any]],
    seed: int,
    new: ModelSpec,
    *,
    at_location: bool,
) -> dict[str, np.ndarray]:
    """Return effects of groups the model was not fitted to, by name; the last axis runs over these groups.

    Each draw's are from the distribution of groups that this draw says, or with ``at_location`` at its centre, 0. ``data`` are
    the arrays of the rows that are of such groups, by ``"term key.array"``; ``new`` is the model with these groups in
    place of its own.
    """
    rng, found, count = np.random.default_rng(seed), {}, _count(draws)
    every = [
        (prefix_of(spec, number), *known, other)
        for number in range(len(spec.predictors))
        for known, (_, other) in zip(effects_of(spec, number), effects_of(new, number), strict=True)
    ]
    for prefix, key, effect, other in every:
        rows = effect.rows
        if not isinstance(rows, Grouped | Members) or not unseen.get(rows.factor):
            continue
        groups, width = len(unseen[rows.factor]), effect.width
        standard = np.zeros((count, width, groups)) if at_location else rng.standard_normal((count, width, groups))
        classes = unseen_classes(key, effect, data, groups)
        effects = effect_sds(spec, other, draws, prefix, classes) * correlated(effect, draws, standard, prefix, classes)
        for piece in effect.pieces:
            found[prefix + piece.slot] = effects[:, piece.start] if piece.scalar else effects[:, piece.start : piece.stop]
    return found


def _count(draws: Arrays) -> int:
    return len(next(iter(draws.values()))) if draws else 1


def _own(data: Arrays, key: str, array: str) -> np.ndarray:
    return np.asarray(data[f"{key}.{array}"])


def _addend(
    effect: Effect, draws: Arrays, own: Callable[[str], np.ndarray], prefix: str, *, intercept: bool
) -> np.ndarray:
    """Return what one effect adds ``(draw, row)``; ``own`` gives the term's arrays by key.

    Names of the draws begin with ``prefix``; without ``intercept`` the predictor has none.
    """
    rows = effect.rows
    if isinstance(rows, Shift):
        return own(rows.array)[None]
    matrix = None if rows.array is None else own(rows.array)
    if isinstance(rows, Columns):
        return _columns(effect, draws, matrix, prefix, intercept=rows.intercept and intercept)
    if isinstance(rows, Places):
        there = np.take(draws[prefix + effect.pieces[0].slot], own(rows.codes), axis=1)
        return there if rows.array is None else there * own(rows.array)[:, 0]
    codes, weights = own(rows.codes), own(rows.weights) if isinstance(rows, Members) else None
    values = [draws[prefix + piece.slot] for piece in effect.pieces]
    return _by_level(effect, rows.intercept, values, codes, weights, matrix)


def _columns(
    effect: Effect, draws: Arrays, matrix: np.ndarray | None, prefix: str, *, intercept: bool
) -> np.ndarray:
    total = draws[f"{prefix}Intercept"][:, None] if intercept else np.zeros((1, 1))
    if matrix is None or not effect.pieces:
        return total
    basis = not isinstance(effect.law, Given)
    own = [draws[prefix + (piece.slot if basis else quantity_name(piece.slot))] for piece in effect.pieces]
    coefficients = np.concatenate([value[:, None] if value.ndim == 1 else value for value in own], axis=1)
    return total + coefficients @ np.asarray(matrix, dtype=np.float64).T


def _by_level(
    effect: Effect,
    intercept: bool,
    values: Sequence[np.ndarray],
    codes: np.ndarray,
    weights: np.ndarray | None,
    columns: np.ndarray | None,
) -> np.ndarray:
    total: Any = 0.0
    for piece, value in zip(effect.pieces, values, strict=True):
        for k in range(piece.start, piece.stop):
            own = np.take(value if piece.scalar else value[:, k - piece.start], codes, axis=1)
            by = None if k < intercept or columns is None else columns[..., k - intercept]
            if weights is not None:
                # A member's own column stands inside of the sum over members.
                inside = by is not None and by.ndim > 1
                own = (own * (weights * by if inside else weights)).sum(axis=2)
                by = None if inside else by
            total = total + (own if by is None else own * by)
    return total


def unseen_classes(key: str, effect: Effect, data: Arrays, count: int) -> tuple[int, ...] | None:
    """Return the class of each of ``count`` new levels, from the rows' arrays; None where levels have no classes."""
    strata, rows = effect.strata, effect.rows
    if strata is None or not isinstance(rows, Grouped):
        return None
    return strata.of_unseen(_own(data, key, rows.codes), _own(data, key, strata.codes), count)


def effect_sds(
    spec: ModelSpec, effect: Effect, draws: Arrays, prefix: str = "", classes: Sequence[int] | None = None
) -> np.ndarray:
    """Return the sd of each coefficient ``(draw, coefficient, 1)``, those of a ``root`` where the law has one; of levels
    that have an sd each ``(draw, 1, level)``.

    Names of the draws begin with ``prefix``.

    With the ``classes`` of some groups, ``(draw, coefficient, group)``.
    """
    found, law = [], effect.law
    if isinstance(law, Scaled | Process):
        made = law.sds([draws[read_name(spec, prefix, slot)][:, None] for slot in law.slots], np)
        if isinstance(law, Scaled) and law.each:
            return made[:, None, :]
        count = (law.axes if isinstance(law, Scaled) else 0) or effect.width
        return np.broadcast_to(made, (_count(draws), count))[..., None]
    for piece in effect.pieces:
        chosen, width = spec.prior(prefix + piece.slot), piece.size
        if chosen is None and classes is not None:
            by_class = draws[prefix + piece.sd][..., np.asarray(classes, dtype=np.int64)]
            found.append(by_class.reshape(_count(draws), width, len(classes)))
            continue
        if chosen is None:
            value = draws[prefix + piece.sd]
            value = value[:, list(effect.sds(piece).of)] if value.ndim > 1 else value
        else:
            argument = str(PRIORS[chosen.prior.name].scale)
            given: Any = chosen.prior.get(argument)
            nested = argument in chosen.prior.nested
            value = draws[f"{chosen.key}_{argument}"] if nested else np.full(_count(draws), float(given))
        own = np.broadcast_to(value[:, None] if value.ndim == 1 else value, (_count(draws), width))[..., None]
        found.append(own if classes is None else np.broadcast_to(own, (_count(draws), width, len(classes))))
    return np.concatenate(found, axis=1)


def correlated(
    effect: Effect, draws: Arrays, standard: np.ndarray, prefix: str = "", classes: Sequence[int] | None = None
) -> np.ndarray:
    """Return independent numbers ``(draw, coefficient, group)`` with the correlations that the draws say.

    ``classes`` are those of the groups, where correlations differ by them.
    """
    slot = effect.law.correlation
    if slot is None:
        return standard
    pairs = draws[prefix + slot]
    if classes is None:
        return _root(pairs, standard.shape[1]) @ standard
    found = np.empty_like(standard)
    for k in set(classes):
        own = np.flatnonzero(np.asarray(classes) == k)
        found[..., own] = _root(pairs[:, k], standard.shape[1]) @ standard[..., own]
    return found


def _root(pairs: np.ndarray, size: int) -> np.ndarray:
    """Return the Cholesky factors of correlation matrices ``(draw, size, size)`` from their pairs ``(draw, pair)``."""
    factor = np.zeros((len(pairs), size, size))
    factor[:, 0, 0], k = 1.0, 0
    for i in range(1, size):
        for j in range(i):
            dot = (factor[:, i, :j] * factor[:, j, :j]).sum(axis=1)
            factor[:, i, j] = (pairs[:, k] - dot) / factor[:, j, j]
            k += 1
        factor[:, i, i] = np.sqrt(np.maximum(1.0 - (factor[:, i, :i] ** 2).sum(axis=1), SMALLEST))
    return factor
