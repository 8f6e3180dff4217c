"""Where rows lie, seen from the rows that a model was fitted to: size of their group, range and distance of their inputs.

What a row is predicted from is called its training part: all rows but its own unit (itself, or its whole group where groups
were left out), or all rows where other, held-out ones are predicted. Refits in folds leave out a few more rows than that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import BayesdeepError, FitError, nearest
from bayesdeep.core.names import named
from bayesdeep.effects.input_function import Input, predictor_of
from bayesdeep.inference.kfold import group_codes
from bayesdeep.results.aligned import aligned, labels_of
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.rows import rows_of
from bayesdeep.spec.declared import factors_of_rows

from .compared import Compared

SIZES = (("0 (new)", 0, 0), ("1–5", 1, 5), ("6–20", 6, 20), ("21 or more", 21, np.inf))
"""Group sizes by name, first and last."""
REGIONS = ("inside the range", "outside the range")
THIRDS = ("near", "middle", "far")


@dataclass(frozen=True, eq=False)
class Ground:
    """The rows that were predicted and those they were predicted from.

    Attributes
    ----------
    fits
        The fits that hold their rows, by name.
    held_out
        The held-out rows, or None where training rows were predicted.
    units
        What was left out together with each row ``(obs,)``, or None for the row alone.
    """

    fits: Mapping[str, Fitted]
    held_out: Frame | None = None
    units: np.ndarray | None = None


def ground_of(comparison: Compared) -> Ground:
    """Return the rows of a comparison.

    Raises
    ------
    FitError
        Where no fit holds its rows.
    """
    fits = {str(n): f for n, f in comparison.fits.items() if f.in_memory}
    if not fits:
        raise FitError("errors: no fit of the comparison holds its rows")
    units = None
    if comparison.target == "groups":
        units = codes_of(fits, str(comparison.by))[0]
    return Ground(fits, comparison.data, units)


def factors_of(ground: Ground) -> list[str]:
    """Return the grouping factors of all fits of which a row has one level, those of the first fit first."""
    found = {name: None for fit in ground.fits.values() for name, single in factors_of_rows(fit.spec).items() if single}
    return list(found)


def codes_of(fits: Mapping[str, Fitted], factor: str) -> tuple[np.ndarray, Fitted]:
    """Return each training row's group ``(obs,)`` and the fit it was read from."""
    for fit in fits.values():
        try:
            return group_codes(fit.spec, fit.rows, factor), fit
        except FitError:
            continue
    raise FitError(f"errors: no model has group effects for '{factor}'")


def group_sizes(ground: Ground, factor: str) -> np.ndarray:
    """Return how many rows of each row's group are in its training part ``(obs,)``; 0 for a group that is new to it."""
    known = factors_of(ground)
    if named(factor, known) is None:
        hint = nearest(factor, known) if known else "; no model has group effects"
        raise FitError(f"errors: no grouping factor '{factor}'{hint}")
    codes, fit = codes_of(ground.fits, factor)
    if ground.held_out is not None:
        count = np.bincount(codes)
        given = group_codes(fit.spec, rows_of(fit.spec, ground.held_out, observed=False), factor)
        return np.where(given < len(count), count[np.minimum(given, len(count) - 1)], 0)
    units = np.arange(len(codes)) if ground.units is None else ground.units
    return np.bincount(codes)[codes] - _shared(codes, units)


def _shared(codes: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return how many rows have both the group and the unit of each row ``(obs,)``."""
    _, place, count = np.unique(np.stack([codes, units]), axis=1, return_inverse=True, return_counts=True)
    return count[place.ravel()]


def inputs_of(ground: Ground) -> tuple[dict[str, Column], dict[str, Column]]:
    """Return the columns that enter a predictor other than by grouping rows: on the training rows, and on those predicted."""
    train: dict[str, Column] = {}
    named: set[str] = set()
    for fit in ground.fits.values():
        for given in _inputs(fit):
            train.update({name: fit.columns[name] for name in given.columns if given.kind != "group"})
            named.update(given.columns if given.kind != "number" else ())
    if ground.held_out is None:
        return train, train
    return train, {name: aligned(ground.held_out.columns[name], own, name in named) for name, own in train.items()}


def _inputs(fit: Fitted) -> tuple[Input, ...]:
    try:
        return predictor_of(fit, "errors", 1).inputs
    except BayesdeepError:
        return ()


def outside(ground: Ground) -> np.ndarray | None:
    """Return whether a row has a number outside the range, or a level not among the levels, of its training part ``(obs,)``.

    None where no fit has inputs. This looks at one column at a time: a combination that never occurred counts as inside.
    """
    train, asked = inputs_of(ground)
    if not train:
        return None
    found = np.zeros(len(next(iter(asked.values())).values), dtype=bool)
    for name, column in train.items():
        if column.levels is not None or asked[name].levels is not None:
            found |= _new_level(column, asked[name], ground)
        else:
            found |= _beyond(np.asarray(column.values, float), np.asarray(asked[name].values, float), ground)
    return found


def _new_level(train: Column, asked: Column, ground: Ground) -> np.ndarray:
    if ground.held_out is not None:
        # Levels that occur in training come first in columns that were aligned with it.
        return asked.values >= len(labels_of(train))
    levels = train.levels or ()
    units = np.arange(len(train.values)) if ground.units is None else ground.units
    return np.bincount(train.values, minlength=len(levels))[train.values] == _shared(train.values, units)


def _beyond(train: np.ndarray, asked: np.ndarray, ground: Ground) -> np.ndarray:
    if ground.held_out is not None:
        return (asked < train.min()) | (asked > train.max())
    units = np.arange(len(train)) if ground.units is None else np.unique(ground.units, return_inverse=True)[1]
    return (train > _largest_of_others(train, units)) | (-train > _largest_of_others(-train, units))


def _largest_of_others(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return for each row the largest value among the rows of other units ``(obs,)``."""
    most = np.full(int(units.max()) + 1, -np.inf)
    np.maximum.at(most, units, values)
    first = int(np.argmax(most))
    second = np.max(np.delete(most, first), initial=-np.inf)
    return np.where(units == first, second, most[first])


def distance(ground: Ground) -> np.ndarray | None:
    r"""Return the Mahalanobis distance of each row's numbers from the mean of the training rows ``(obs,)``.

    :math:`\sqrt{(x - \bar x)^\top S^{+} (x - \bar x)}` with the training rows' mean and covariance, all of them also where
    a row is one of them. None where no input is a number.
    """
    train, asked = inputs_of(ground)
    names = [n for n, c in train.items() if c.kind in ("number", "bool") and asked[n].levels is None]
    if not names:
        return None
    x = np.column_stack([np.asarray(train[n].values, dtype=float) for n in names])
    new = np.column_stack([np.asarray(asked[n].values, dtype=float) for n in names])
    scale = x.std(axis=0)
    scale[scale == 0] = 1.0
    apart, covariance = (new - x.mean(axis=0)) / scale, np.atleast_2d(np.cov(x / scale, rowvar=False))
    square = np.einsum("ni,ij,nj->n", apart, np.linalg.pinv(covariance, hermitian=True), apart)
    return np.sqrt(np.maximum(square, 0.0))


def bins(ground: Ground, by: str, factor: str | None) -> dict[str, np.ndarray]:
    """Return a mask ``(obs,)`` a region, by its name, for ``"size"``, ``"range"`` or ``"distance"``; empty ones are left out.

    Nothing where a question has no answer: no grouping factor, no inputs.
    """
    if by == "size":
        known = factors_of(ground)
        if factor is None and not known:
            return {}
        size = group_sizes(ground, factor or known[0])
        found = {label: (size >= low) & (size <= high) for label, low, high in SIZES}
    elif by == "range":
        beyond = outside(ground)
        found = {} if beyond is None else dict(zip(REGIONS, (~beyond, beyond), strict=True))
    else:
        far = distance(ground)
        found = {} if far is None else dict(zip(THIRDS, thirds(far), strict=True))
    return {label: mask for label, mask in found.items() if mask.any()}


def thirds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks ``(obs,)`` of the lowest, middle and highest third; equal values stay together."""
    first, second = np.quantile(values, [1 / 3, 2 / 3], method="inverted_cdf")
    return values <= first, (values > first) & (values <= second), values > second
