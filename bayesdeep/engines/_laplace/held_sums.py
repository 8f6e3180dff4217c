r"""Sums of coefficients that lean on their neighbours, held at 0.

With :math:`H` the precision of all coefficients as if nothing were held, and :math:`B` the sums over pieces of the graph, draws
of the normal distribution under :math:`Bu = 0` are :math:`u - G B u`, :math:`G = H^{-1} B' S^{-1}` and :math:`S = B H^{-1} B'`,
of draws :math:`u` of that without (Rue and Held 2005, Gaussian Markov Random Fields, section 2.3.3). What :math:`Bu` was before,
:math:`N(Bm, S)` about that of the mean, nobody sees: it keeps its own distribution, so that there are as many numbers :math:`z`
as coefficients and :math:`H` stays sparse.
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.numerics import sparse_factors
from bayesdeep.numerics.sparse_factors import Factors, Pattern

RIDGE = 1e-6
"""Share of its diagonal that is added to the graph's precision in :math:`H`, which then has an inverse also where rows say
nothing of a piece's level. The density has it without."""


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
