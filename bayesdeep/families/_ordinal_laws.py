"""Distributions of ordered levels on arrays, draw by draw: sequential and adjacent category models."""

from collections.abc import Callable

import numpy as np

from bayesdeep.core.records import RowLaw, RowValues

from ._adjacent_terms import LINKS, log_odds
from ._log_tails import TAILS, Tails


def of_stops(link: str) -> RowLaw | None:
    """Return that of the stopping ratio; None for links without tails on arrays."""
    return _law(lambda z: _sequential(z, TAILS[link])) if link in TAILS else None


def of_going_on(link: str) -> RowLaw | None:
    """Return that of the continuation ratio."""
    return _law(lambda z: _sequential(z, TAILS[link].mirrored)) if link in TAILS else None


def of_neighbours(link: str) -> RowLaw | None:
    """Return that of the adjacent category model."""
    return _law(lambda z: _adjacent(z, link)) if link in LINKS else None


def _sequential(z: np.ndarray, tails: Tails) -> np.ndarray:
    found = np.empty((*z.shape[:-1], z.shape[-1] + 1))
    reached = np.zeros(z.shape[:-1])
    for k in range(z.shape[-1]):
        found[..., k] = reached + tails.below(z[..., k])[0]
        reached = reached + tails.above(z[..., k])[0]
    found[..., -1] = reached
    return np.asarray(np.exp(found))


def _adjacent(z: np.ndarray, link: str) -> np.ndarray:
    found = np.zeros((*z.shape[:-1], z.shape[-1] + 1))
    np.cumsum(log_odds(z, link)[0], axis=-1, out=found[..., 1:])
    found = np.exp(found - found.max(axis=-1, keepdims=True))
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def _law(probabilities: Callable[[np.ndarray], np.ndarray]) -> RowLaw:
    def mean(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        apart = params["threshold"][:, None, :] - params["mu"][..., None]
        return probabilities(params["disc"][..., None] * apart if "disc" in params else apart)

    def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        below = np.cumsum(mean(params, trials), axis=-1)[..., :-1]
        uniform = rng.random(below.shape[:-1])
        return np.asarray((uniform[..., None] > below).sum(axis=-1))

    return RowLaw(mean, draw)
