"""Mixtures of multivariate t distributions: draws, densities, and fits to weighted points.

References
----------
Cappé, Douc, Guillin, Marin and Robert (2008), Adaptive importance sampling in general mixture classes,
doi:10.1007/s11222-008-9059-x. Peel and McLachlan (2000), Robust mixture modelling using the t distribution,
doi:10.1023/A:1008981510081.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy.special import gammaln


@dataclass(frozen=True)
class Mixture:
    """A mixture of multivariate t distributions.

    Attributes
    ----------
    weights, means, factors, freedoms
        ``(component,)``, ``(component, dim)``, lower Cholesky factors of the scale matrices
        ``(component, dim, dim)``, degrees of freedom ``(component,)``.
    folded
        Coordinates whose sign is dropped: scales that may be 0.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    freedoms: np.ndarray
    folded: tuple[int, ...] = ()

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return points ``(count, dim)``."""
        which = rng.choice(len(self.weights), size=count, p=self.weights)
        z = rng.standard_normal((count, self.means.shape[1]))
        spread = np.sqrt(self.freedoms[which] / rng.chisquare(self.freedoms[which]))
        points = self.means[which] + np.einsum("nij,nj->ni", self.factors[which], z) * spread[:, None]
        folded = list(self.folded)
        points[:, folded] = np.abs(points[:, folded])
        return points

    @cached_property
    def _whitening(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what whitens points for each component, ``(dim, component * dim)`` and an offset, and log constants."""
        dim, nu = self.means.shape[1], self.freedoms
        inverse = np.linalg.inv(self.factors)
        constant = gammaln((nu + dim) / 2) - gammaln(nu / 2) - 0.5 * dim * np.log(nu * np.pi)
        constant -= np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        constant += np.log(np.maximum(self.weights, 1e-300))
        offset = np.einsum("kij,kj->ki", inverse, self.means)
        return np.ascontiguousarray(inverse.reshape(-1, dim).T), offset.ravel(), constant[:, None]

    def parts(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each component's log density with its weight, and squared distances; both ``(component, batch)``."""
        count, dim = points.shape
        whiten, offset, constant = self._whitening
        z = points @ whiten
        z -= offset
        z *= z
        distance = np.ascontiguousarray(z.reshape(count, -1, dim).sum(axis=2).T)
        nu = self.freedoms[:, None]
        return constant - 0.5 * (nu + dim) * np.log1p(distance / nu), distance

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density ``(batch,)``, of folded coordinates the sum over both signs."""
        count, folded = len(points), list(self.folded)
        if not folded:
            return log_sum(self.parts(points)[0])
        signs = np.ones((2 ** len(folded), 1, points.shape[1]))
        signs[:, 0, folded] = list(product((1.0, -1.0), repeat=len(folded)))
        terms, _ = self.parts((points * signs).reshape(-1, points.shape[1]))
        return log_sum(terms.reshape(-1, count))


def single(mean: np.ndarray, factor: np.ndarray, freedom: float) -> Mixture:
    """Return one t distribution."""
    return Mixture(np.ones(1), mean[None], factor[None], np.array([freedom]))


def fit_mixture(
    points: np.ndarray, weights: np.ndarray, components: int, freedom: float, rng: np.random.Generator
) -> Mixture:
    """Return a mixture of t distributions fitted to weighted points ``(n, dim)`` by a few steps of EM."""
    dim = points.shape[1]
    mean = weights @ points
    centred = points - mean
    whole = (centred * weights[:, None]).T @ centred + 1e-8 * np.eye(dim)
    start = rng.choice(len(points), size=components, p=weights)
    mixture = Mixture(
        np.full(components, 1 / components),
        points[start] if components > 1 else mean[None],
        np.repeat(np.linalg.cholesky(whole)[None], components, axis=0),
        np.full(components, freedom),
    )
    for _ in range(8 if components > 1 else 4):
        density, distance = mixture.parts(points)
        share = np.exp(density - log_sum(density)) * weights
        mass = share.sum(axis=1)
        tail = share * (freedom + dim) / (freedom + distance)
        total = np.maximum(tail.sum(axis=1), 1e-300)
        means = tail @ points / total[:, None]
        scatter = (points.T[None] * tail[:, None]) @ points - total[:, None, None] * means[:, :, None] * means[:, None]
        # A little of the whole cloud's shape keeps small components from collapsing.
        prior = 0.02
        factors = np.linalg.cholesky((scatter + prior * whole) / (mass + prior)[:, None, None])
        mixture = Mixture((mass + 1e-6) / (mass + 1e-6).sum(), means, factors, mixture.freedoms)
    return mixture


def with_guard(mixture: Mixture, guard: Mixture, share: float) -> Mixture:
    """Return the mixture with ``share`` of a wide component, so that no tail is left uncovered."""
    return Mixture(
        np.concatenate([(1 - share) * mixture.weights, share * guard.weights]),
        np.concatenate([mixture.means, guard.means]),
        np.concatenate([mixture.factors, guard.factors]),
        np.concatenate([mixture.freedoms, guard.freedoms]),
        guard.folded,
    )


def log_sum(terms: np.ndarray) -> np.ndarray:
    """Return the log of the sum of exponentials over the first axis."""
    highest = np.max(terms, axis=0)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(terms - highest).sum(axis=0)) + highest
