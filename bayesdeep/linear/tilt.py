r"""A proposal tilted by a polynomial, so that it follows the skewness and the kurtosis that a mixture leaves over.

The log ratio of posterior and mixture is smooth; a polynomial :math:`c(z)` of low degree in whitened coordinates, fitted to
points that have been evaluated anyway, takes up most of it. With :math:`c` kept within :math:`\pm b` the density
:math:`\propto q(x)\, e^{c(z)}` is drawn from by rejection, exactly and without evaluating the posterior.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement, groupby
from typing import Protocol

import numpy as np

from .unexplored import UnexploredError

BOUND = 1.0
"""The tilt's largest size on the log scale: rejection keeps at least one point in eight."""

MOST_ROUNDS = 200

DEGREES = (2, 3, 4)
RIDGE = 0.3
"""Prior precision of the polynomial's coefficients, in units of one point; higher degrees are held more firmly."""


class Proposal(Protocol):
    """A distribution to propose from."""

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return points ``(count, dim)``."""
        ...

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density ``(batch,)``, up to a constant."""
        ...


@dataclass(frozen=True)
class Tilted:
    """``base`` times the exponential of a bounded polynomial; its log density lacks a constant.

    Attributes
    ----------
    centre, whiten
        ``z = (x - centre) @ whiten``.
    terms
        Each a tuple of the coordinates that are multiplied.
    coefficients
        ``(term,)``.
    """

    base: Proposal
    centre: np.ndarray
    whiten: np.ndarray
    terms: tuple[tuple[int, ...], ...]
    coefficients: np.ndarray

    def tilt(self, points: np.ndarray) -> np.ndarray:
        """Return the polynomial ``(batch,)``, smoothly kept within the bound."""
        return BOUND * np.tanh(self.coefficients @ _features(self.terms, (points - self.centre) @ self.whiten) / BOUND)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density ``(batch,)``, up to a constant."""
        return self.base.log_density(points) + self.tilt(points)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return points ``(count, dim)``."""
        parts: list[np.ndarray] = []
        for _ in range(MOST_ROUNDS):
            if sum(map(len, parts)) >= count:
                break
            points = self.base.draw(count + 100, rng)
            parts.append(points[np.log(rng.random(len(points))) < self.tilt(points) - BOUND])
        found = np.concatenate(parts)[:count]
        if len(found) < count:
            raise UnexploredError("the posterior of the scales cannot be proposed from; use method='nuts'")
        return found


def _features(terms: tuple[tuple[int, ...], ...], z: np.ndarray) -> np.ndarray:
    """Return the products of coordinates ``(term, batch)``, each from one of a degree less."""
    # Beyond four standard deviations a power says nothing.
    columns = np.ascontiguousarray(np.clip(z, -4.0, 4.0).T)
    found = np.empty((len(terms), len(z)))
    for begin, stop, before, last in _steps(terms):
        np.multiply(1.0 if before is None else found[before], columns[last], out=found[begin:stop])
    return found


@lru_cache(maxsize=256)
def _steps(terms: tuple[tuple[int, ...], ...]) -> list[tuple[int, int, np.ndarray | None, np.ndarray]]:
    """Return by degree where its terms begin and end, which terms of one degree less they come from, and the last coordinate."""
    place = {term: k for k, term in enumerate(terms)}
    found = []
    for degree, own in groupby(range(len(terms)), key=lambda k: len(terms[k])):
        members = list(own)
        before = None if degree == 1 else np.array([place[terms[k][:-1]] for k in members])
        found.append((members[0], members[-1] + 1, before, np.array([terms[k][-1] for k in members])))
    return found


def tilted(
    base: Proposal, points: np.ndarray, log_p: np.ndarray, weights: np.ndarray
) -> tuple[Proposal, float] | None:
    """Return ``base`` tilted towards the target and the efficiency it promises; None where a tilt does not help.

    ``weights`` ``(n,)`` make the points ``(n, dim)`` a sample of the target; half of them are fitted to, the rest judge.
    """
    good = np.isfinite(log_p)
    points, log_p, weights = points[good], log_p[good], weights[good]
    dim, count = points.shape[1], len(points)
    log_q = base.log_density(points)
    mass = weights / weights.sum()
    centre = mass @ points
    spread = (points - centre).T @ ((points - centre) * mass[:, None]) + 1e-9 * np.eye(dim)
    whiten = np.linalg.inv(np.linalg.cholesky(spread)).T
    fitting, judging = slice(0, None, 2), slice(1, None, 2)
    best: tuple[float, int] = (_efficiency(log_p[judging], log_q[judging], mass[judging]), 0)
    for degree in DEGREES:
        terms = _terms(dim, degree)
        if len(terms) > count // 4:
            break
        fitted = _fit(base, centre, whiten, terms, points[fitting], (log_p - log_q)[fitting], mass[fitting])
        tilt = fitted.tilt(points[judging])
        best = max(best, (_efficiency(log_p[judging], log_q[judging] + tilt, mass[judging]), degree))
    if best[1] == 0:
        return None
    return _fit(base, centre, whiten, _terms(dim, best[1]), points, log_p - log_q, mass), min(best[0], 1.0)


def _terms(dim: int, degree: int) -> tuple[tuple[int, ...], ...]:
    return tuple(t for d in range(1, degree + 1) for t in combinations_with_replacement(range(dim), d))


def _fit(
    base: Proposal,
    centre: np.ndarray,
    whiten: np.ndarray,
    terms: tuple[tuple[int, ...], ...],
    points: np.ndarray,
    ratio: np.ndarray,
    mass: np.ndarray,
) -> Tilted:
    """Return the tilt by weighted ridge regression of log ratios about their mean."""
    mass = mass / mass.sum()
    features = _features(terms, (points - centre) @ whiten)
    features = features - (features @ mass)[:, None]
    wanted = np.clip(ratio - mass @ ratio, -2.0 * BOUND, 2.0 * BOUND)
    effective = 1.0 / (mass**2).sum()
    hold = RIDGE * np.array([len(term) ** 2 for term in terms]) / effective
    gram = (features * mass) @ features.T + np.diag(hold)
    return Tilted(base, centre, whiten, terms, np.linalg.solve(gram, features @ (mass * wanted)))


def _efficiency(log_p: np.ndarray, log_s: np.ndarray, mass: np.ndarray) -> float:
    """Return effective over actual number of draws from ``s``, judged by weighted points of ``p``; neither normalised."""
    ratio = np.clip(log_p - log_s, -50.0, 50.0)
    ratio = ratio - np.median(ratio)
    return float(mass.sum() ** 2 / ((mass @ np.exp(ratio)) * (mass @ np.exp(-ratio))))
