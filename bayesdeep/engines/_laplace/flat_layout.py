"""All coefficients of a model in one array ``(coefficient, lane)``: factors as they are eliminated, then population columns."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.rowwise import RowSystem
from bayesdeep.numerics.lane_loops import add_product, product

from .weighted_products import Products


@dataclass(frozen=True)
class Layout:
    """Where coefficients lie.

    Attributes
    ----------
    starts
        By number of a factor, where its coefficients begin; within it they run over levels, then coefficients.
    shapes
        By number of a factor, its levels and width.
    columns
        Where population coefficients begin, after all others.
    size
        How many coefficients there are.
    population
        Population columns ``(obs, column)``.
    design
        The factors' columns ``(obs, coefficient)``.
    effects
        The same by number of a factor, each ``(obs, its coefficients)``.
    """

    starts: tuple[int, ...]
    shapes: tuple[tuple[int, int], ...]
    columns: int
    size: int
    population: np.ndarray
    design: sparse.csr_array
    effects: tuple[sparse.csr_array, ...]

    @classmethod
    def of(cls, rows: RowSystem, products: Products) -> "Layout":
        """Return that of a model's rows."""
        factors, at = rows.system.factors, 0
        starts = [0] * len(factors)
        order = [*(level.factor for level in products.levels), *(number for number, _ in products.inner)]
        for number in order:
            starts[number] = at
            at += factors[number].levels * factors[number].width
        shapes = tuple((f.levels, f.width) for f in factors)
        tables = [products.effects[number] for number in order]
        count = len(rows.offset)
        design = sparse.csr_array(sparse.hstack(tables)) if tables else sparse.csr_array((count, 0))
        if max(design.nnz, *design.shape) < 2**31:
            design.indices, design.indptr = design.indices.astype(np.int32), design.indptr.astype(np.int32)
        return cls(tuple(starts), shapes, at, at + rows.system.columns, rows.columns, design, products.effects)

    def flat(self, columns: np.ndarray, effects: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return ``(coefficient, lane)`` from ``(lane, column)`` and by factor ``(lane, level, width)``."""
        found = np.empty((self.size, len(columns)))
        found[self.columns :] = columns.T
        for start, (levels, width), own in zip(self.starts, self.shapes, effects, strict=True):
            found[start : start + levels * width] = own.reshape(len(own), -1).T
        return found

    def split(self, flat: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return ``(lane, column)``, then by factor ``(lane, level, width)``, as views."""
        lanes = flat.shape[1]
        effects = (
            flat[start : start + levels * width].reshape(levels, width, lanes).transpose(2, 0, 1)
            for start, (levels, width) in zip(self.starts, self.shapes, strict=True)
        )
        return (flat[self.columns :].T, *effects)

    def predictor_of(self, number: int, flat: np.ndarray) -> np.ndarray:
        """Return a factor's part of the predictor ``(obs, lane)``."""
        start, (levels, width) = self.starts[number], self.shapes[number]
        return product(self.effects[number], flat[start : start + levels * width])

    def predictor(self, flat: np.ndarray) -> np.ndarray:
        """Return the predictor without its offset ``(obs, lane)``."""
        return add_product(self.design, flat[: self.columns], self.population @ flat[self.columns :])
