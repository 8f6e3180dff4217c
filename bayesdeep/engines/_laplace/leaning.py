r"""Coefficients that lean on their neighbours: their part of a sparse precision, and the sums that are held at 0.

With :math:`H` the precision of all coefficients as if nothing were held, and :math:`B` the sums over pieces of the graph, draws
of the normal distribution under :math:`Bu = 0` are :math:`u - G B u`, :math:`G = H^{-1} B' S^{-1}` and :math:`S = B H^{-1} B'`,
of draws :math:`u` of that without (Rue and Held 2005, Gaussian Markov Random Fields, section 2.3.3). What :math:`Bu` was before,
:math:`N(Bm, S)` about that of the mean, nobody sees: it keeps its own distribution, so that there are as many numbers :math:`z`
as coefficients and :math:`H` stays sparse.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.hyperparameters import LEAST_SCALE, Scales
from bayesdeep.numerics import sparse_factors
from bayesdeep.numerics.lane_loops import product
from bayesdeep.numerics.sparse_factors import Factors, Pattern

from .flat_layout import Layout

RIDGE = 1e-6
"""Share of its diagonal that is added to the graph's precision in :math:`H`, which then has an inverse also where rows say
nothing of a piece's level. The density has it without."""


@dataclass(frozen=True, eq=False)
class Leaning:
    """The last coefficients of a factor's levels.

    Attributes
    ----------
    factor, at
        Its number, and the coefficient's place among those of a level.
    places
        Where they lie in the layout ``(level,)``.
    precision
        Of their graph ``(level, level)``, to be divided by their variance.
    numbers
        The different entries of its lower triangle, those of the diagonal with a ridge ``(number,)``.
    below
        Rows and columns in the layout of the entries below the diagonal, and which number each is.
    own
        Which number the diagonal's are ``(level,)``.
    pieces
        Places in the layout that sum to 0 together.
    """

    factor: int
    at: int
    places: np.ndarray
    precision: sparse.csr_array
    numbers: np.ndarray
    below: tuple[np.ndarray, np.ndarray, np.ndarray]
    own: np.ndarray
    pieces: tuple[np.ndarray, ...]

    def variance(self, scales: Scales) -> np.ndarray:
        """Return that of the coefficients ``(lane,)``."""
        return np.maximum(np.asarray(scales.roots[self.factor][self.at][self.at]), LEAST_SCALE) ** 2

    def take(self, variance: np.ndarray, u: np.ndarray, gradient: np.ndarray, squares: np.ndarray) -> None:
        """Take ``Q u`` off ``gradient`` ``(coefficient, lane)`` and add ``u'Q u`` to ``squares`` ``(lane,)``, both in place."""
        own = np.ascontiguousarray(u[self.places])
        by = product(self.precision, own) / variance
        gradient[self.places] -= by
        squares += np.einsum("il,il->l", own, by)


def leaning_of(system: LinearSystem, layout: Layout) -> tuple[Leaning, ...]:
    """Return the coefficients of a system that lean on neighbours."""
    found = []
    for number, factor in enumerate(system.factors):
        if factor.neighbours is None:
            continue
        at = factor.width - 1
        places = layout.starts[number] + np.arange(factor.levels) * factor.width + at
        precision = sparse.csr_array(factor.neighbours.precision)
        lower = sparse.coo_array(sparse.tril(precision, -1))
        diagonal = precision.diagonal() * (1.0 + RIDGE)
        numbers, which = np.unique(np.concatenate([lower.data, diagonal]), return_inverse=True)
        i, j = lower.coords
        below = (places[i], places[j], which[: len(i)])
        precision.indices, precision.indptr = precision.indices.astype(np.int32), precision.indptr.astype(np.int32)
        pieces = tuple(places[own] for own in factor.neighbours.pieces)
        found.append(Leaning(number, at, places, precision, numbers, below, which[len(i) :], pieces))
    return tuple(found)


@dataclass(frozen=True)
class Held:
    """What holding sums at 0 needs, at some hyperparameters.

    Attributes
    ----------
    pieces
        Places in the layout that sum to 0 together.
    whitened
        Of each sum, what it is of ``z`` ``(piece, coefficient, lane)``.
    gain
        ``G``, ``(piece, coefficient, lane)``.
    precision, half_log_det
        The inverse of ``S`` ``(lane, piece, piece)``, and half the log determinant of ``S`` ``(lane,)``.
    """

    pieces: tuple[np.ndarray, ...]
    whitened: np.ndarray
    gain: np.ndarray
    precision: np.ndarray
    half_log_det: np.ndarray

    @classmethod
    def of(cls, pattern: Pattern, factors: Factors, pieces: tuple[np.ndarray, ...]) -> "Held":
        """Return it for factors of ``H``."""
        size, lanes = factors.ahead.shape
        whitened, back = np.zeros((2, len(pieces), size, lanes))
        bare = Factors(factors.lower, factors.spread, np.zeros((size, lanes)), factors.log_det)
        for k, own in enumerate(pieces):
            whitened[k, own] = 1.0
            sparse_factors.whiten(pattern, factors, whitened[k])
            back[k] = sparse_factors.solved(pattern, bare, whitened[k])
        variance = np.einsum("kil,mil->lkm", whitened, whitened)
        good = np.isfinite(variance).all(axis=(1, 2)) & np.isfinite(factors.log_det)
        variance = np.where(good[:, None, None], variance, np.eye(len(pieces)))
        precision = np.linalg.inv(variance)
        half = np.where(good, 0.5 * np.linalg.slogdet(variance)[1], np.nan)
        return cls(pieces, whitened, np.einsum("kil,lkm->mil", back, precision), precision, half)

    def projected(self, u: np.ndarray) -> np.ndarray:
        """Return coefficients ``(coefficient, lane)`` with the sums at 0."""
        for own, gain in zip(self.sums(u), self.gain, strict=True):
            u = u - gain * own
        return u

    def turned(self, gradient: np.ndarray) -> np.ndarray:
        """Turn gradients by what :meth:`projected` returns into those by what it was given, in place."""
        along = [np.einsum("il,il->l", gain, gradient) for gain in self.gain]
        for places, own in zip(self.pieces, along, strict=True):
            gradient[places] -= own
        return gradient

    def sums(self, u: np.ndarray) -> np.ndarray:
        """Return the sum over each piece ``(piece, lane)``."""
        return np.array([u[places].sum(axis=0) for places in self.pieces])

    def unseen(self, z: np.ndarray, stretch: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the log density of the sums before ``(lane,)`` and its gradient by ``z`` ``(coefficient, lane)``."""
        whitened = self.whitened if stretch is None else self.whitened * stretch[:, None]
        apart = np.einsum("kil,il->kl", whitened, z)
        by = np.einsum("lkm,ml->kl", self.precision, apart)
        return -0.5 * np.einsum("kl,kl->l", apart, by), -np.einsum("kil,kl->il", whitened, by)
