"""What a linear Gaussian model says of rows, in NumPy: its predictor, noise and log density, from draws by name.

The same values as the model's graph has, to rounding, without building one. A model is one of these where
:func:`~bayesdeep.collapse.applies.why_not` has nothing against it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.linear import LinearColumns, LinearEffects
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec

from .applies import why_not

LOG_ROOT = 0.5 * math.log(2 * math.pi)
SMALLEST = 1e-14
"""Least square of a Cholesky factor's diagonal: it only matters where a correlation is 1 to the last digit."""

Arrays = Mapping[str, np.ndarray]


def is_linear(spec: ModelSpec) -> bool:
    """Return whether these functions say all there is to say of a model's rows."""
    return why_not(spec) is None


def addends(spec: ModelSpec, draws: Arrays, data: Arrays) -> dict[str, np.ndarray]:
    """Return the addends of the predictor by term key, ``(draw, row)`` or what broadcasts to it.

    Parameters
    ----------
    draws
        Posterior arrays by name ``(draw, …)``.
    data
        The rows' arrays by ``"term key.array"``.
    """
    found = {}
    for term in spec.predictors[0].terms:
        part = _part(term)
        if isinstance(part, LinearColumns):
            found[term.key] = _columns(part, draws, None if part.array is None else data[f"{term.key}.{part.array}"])
        elif isinstance(part, LinearEffects):
            columns = None if part.array is None else data[f"{term.key}.{part.array}"]
            found[term.key] = _effects(part, draws, np.asarray(data[f"{term.key}.{part.codes}"]), columns)
        else:
            found[term.key] = np.asarray(data[f"{term.key}.{part.array}"])[None]
    return found


def predictor(spec: ModelSpec, draws: Arrays, data: Arrays, rows: int) -> np.ndarray:
    """Return the predictor ``(draw, row)``."""
    total = sum(addends(spec, draws, data).values(), start=np.zeros((1, 1)))
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
    spec: ModelSpec, draws: Arrays, unseen: Mapping[str, Sequence[Any]], seed: int, *, at_location: bool
) -> dict[str, np.ndarray]:
    """Return effects of groups the model was not fitted to, by name; the last axis runs over these groups.

    Each draw's are from the distribution of groups that this draw says, or with ``at_location`` at its centre, 0.
    """
    rng, found, count = np.random.default_rng(seed), {}, _count(draws)
    for term in spec.predictors[0].terms:
        part = _part(term)
        if not isinstance(part, LinearEffects) or not unseen.get(part.factor):
            continue
        groups, width = len(unseen[part.factor]), part.slices[-1].stop
        standard = np.zeros((count, width, groups)) if at_location else rng.standard_normal((count, width, groups))
        effects = _spread(spec, part, draws) * _correlated(part, draws, standard)
        for piece in part.slices:
            found[piece.slot] = effects[:, piece.start] if piece.scalar else effects[:, piece.start : piece.stop]
    return found


def _part(term: Any) -> Any:
    declare = TERMS[term.kind].linear
    assert declare is not None
    return declare(term.state)


def _count(draws: Arrays) -> int:
    return len(next(iter(draws.values()))) if draws else 1


def _columns(part: LinearColumns, draws: Arrays, matrix: np.ndarray | None) -> np.ndarray:
    total = draws["Intercept"][:, None] if part.intercept else np.zeros((1, 1))
    if matrix is None or not part.slices:
        return total
    own = [draws[piece.slot] for piece in part.slices]
    coefficients = np.concatenate([value[:, None] if value.ndim == 1 else value for value in own], axis=1)
    return total + coefficients @ np.asarray(matrix, dtype=np.float64).T


def _effects(part: LinearEffects, draws: Arrays, codes: np.ndarray, columns: np.ndarray | None) -> np.ndarray:
    total: Any = 0.0
    for piece in part.slices:
        value = draws[piece.slot]
        for k in range(piece.start, piece.stop):
            own = np.take(value if piece.scalar else value[:, k - piece.start], codes, axis=1)
            column = k - part.intercept
            total = total + (own if column < 0 or columns is None else own * columns[:, column])
    return total


def _spread(spec: ModelSpec, part: LinearEffects, draws: Arrays) -> np.ndarray:
    """Return the sd of each coefficient ``(draw, coefficient, 1)``."""
    found = []
    for piece in part.slices:
        chosen, width = spec.prior(piece.slot), piece.stop - piece.start
        if chosen is None:
            value = draws[f"{piece.slot}_sigma"]
        else:
            argument = str(PRIORS[chosen.prior.name].scale)
            given: Any = chosen.prior.get(argument)
            nested = isinstance(given, PriorSpec)
            value = draws[f"{chosen.key}_{argument}"] if nested else np.full(_count(draws), float(given))
        found.append(np.broadcast_to(value[:, None] if value.ndim == 1 else value, (_count(draws), width)))
    return np.concatenate(found, axis=1)[..., None]


def _correlated(part: LinearEffects, draws: Arrays, standard: np.ndarray) -> np.ndarray:
    """Return independent numbers ``(draw, coefficient, group)`` with the correlations that the draws say."""
    if part.correlation is None:
        return standard
    pairs, size = draws[part.correlation], standard.shape[1]
    factor = np.zeros((len(pairs), size, size))
    factor[:, 0, 0], k = 1.0, 0
    for i in range(1, size):
        for j in range(i):
            dot = (factor[:, i, :j] * factor[:, j, :j]).sum(axis=1)
            factor[:, i, j] = (pairs[:, k] - dot) / factor[:, j, j]
            k += 1
        factor[:, i, i] = np.sqrt(np.maximum(1.0 - (factor[:, i, :i] ** 2).sum(axis=1), SMALLEST))
    return factor @ standard
