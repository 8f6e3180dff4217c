"""Coefficients that lean on their neighbours: their part of a sparse precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem, Neighbours
from bayesdeep.numerics.lane_loops import product

from .hyperparameters import LEAST_SCALE, Scales


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
        The different entries of its lower triangle, those of the diagonal with what is added to it ``(number,)``.
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


def leaning_of(
    system: LinearSystem, starts: Sequence[int], more: Callable[[Neighbours], np.ndarray]
) -> tuple[Leaning, ...]:
    """Return the coefficients of a system that lean on neighbours.

    Parameters
    ----------
    starts
        By number of a factor, where its coefficients begin.
    more
        What is added to the diagonal of a graph's precision ``(level,)``, which has no inverse without.
    """
    found = []
    for number, factor in enumerate(system.factors):
        if factor.neighbours is None:
            continue
        at = factor.width - 1
        places = starts[number] + np.arange(factor.levels) * factor.width + at
        precision = sparse.csr_array(factor.neighbours.precision)
        lower = sparse.coo_array(sparse.tril(precision, -1))
        diagonal = precision.diagonal() + more(factor.neighbours)
        numbers, which = np.unique(np.concatenate([lower.data, diagonal]), return_inverse=True)
        i, j = lower.coords
        below = (places[i], places[j], which[: len(i)])
        precision.indices, precision.indptr = precision.indices.astype(np.int32), precision.indptr.astype(np.int32)
        pieces = tuple(places[own] for own in factor.neighbours.pieces)
        found.append(Leaning(number, at, places, precision, numbers, below, which[len(i) :], pieces))
    return tuple(found)
