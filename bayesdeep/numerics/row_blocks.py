"""A sparse matrix times a few vectors, by blocks of rows on several cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

ONE_CORE_ENTRIES = 100_000
"""Entries up to which one core does it."""


@dataclass(frozen=True)
class RowBlocks:
    """Blocks of rows; each row's sum is made by one core in one order, so that the result does not depend on their number."""

    blocks: tuple[sparse.csr_array, ...]

    @classmethod
    def of(cls, matrix: sparse.csr_array, cores: int) -> "RowBlocks":
        """Return the rows in blocks of about as many entries each, one for each core."""
        if matrix.nnz <= ONE_CORE_ENTRIES or cores == 1:
            return cls((matrix,))
        edges = np.searchsorted(matrix.indptr, np.linspace(0, matrix.nnz, cores + 1)[1:-1])
        bounds = [0, *edges.tolist(), matrix.shape[0]]
        return cls(tuple(matrix[a:b] for a, b in pairwise(bounds) if b > a))

    def times(self, vectors: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
        """Return the product with ``(column, vector)``."""
        if len(self.blocks) == 1:
            return self.blocks[0] @ vectors
        work: list[Callable[[], np.ndarray]] = [pool.submit(block.__matmul__, vectors).result for block in self.blocks]
        return np.concatenate([done() for done in work])
