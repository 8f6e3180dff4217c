"""Design matrix times coefficients, compiled in a second.

PyTensor's numba code for a matrix product goes through BLAS with a wrapper for every layout; compiling it takes half a
minute on a machine that has never done so. The product here is two plain loops. For the sizes of ordinary designs they
cost about as much as BLAS; for large ones :func:`times` uses BLAS after all.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt

LARGE = 300_000
"""Entries of a matrix from which BLAS is worth compiling."""


def times(matrix: Any, coefficients: Any, entries: int, width: int | None) -> Any:
    """Return ``matrix @ coefficients``.

    Parameters
    ----------
    matrix
        ``(obs, column)``.
    coefficients
        ``(column,)`` or ``(column, width)``.
    entries
        How many entries the matrix has, to choose the way of computing.
    width
        Second dimension of the coefficients, or None if they have none.
    """
    if entries > LARGE:
        return matrix @ coefficients
    product = matrix_vector()
    if width is None:
        return product(matrix, coefficients)
    return pt.stack([product(matrix, coefficients[:, k]) for k in range(width)], axis=1)


def times_transposed(matrix: Any, vector: Any, entries: int) -> Any:
    """Return ``matrix.T @ vector``."""
    return matrix.T @ vector if entries > LARGE else type(matrix_vector())(True)(matrix, vector)


@cache
def matrix_vector() -> Any:
    """Return the operation, made when first used, since PyTensor is not imported before."""
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class MatrixVector(Op):
        """``matrix @ vector``; with ``transposed`` the matrix is used the other way round."""

        __props__ = ("transposed",)

        def __init__(self, transposed: bool = False) -> None:
            self.transposed = transposed

        def make_node(self, matrix: Any, vector: Any) -> Any:  # type: ignore[override]
            matrix, vector = pt.as_tensor(matrix), pt.as_tensor(vector)
            length = matrix.type.shape[1 if self.transposed else 0]
            return Apply(self, [matrix, vector], [pt.TensorType("float64", shape=(length,))()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            matrix, vector = inputs
            outputs[0][0] = np.asarray((matrix.T if self.transposed else matrix) @ vector, dtype=np.float64)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [(shapes[0][1 if self.transposed else 0],)]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            del outputs
            matrix, vector = inputs
            (slope,) = cotangents
            back = MatrixVector(not self.transposed)(matrix, slope)
            outer = slope[:, None] * vector[None, :]
            return [outer.T if self.transposed else outer, back]

    @_vectorize_node.register(MatrixVector)
    def vectorised(op: Any, node: Any, matrix: Any, vector: Any) -> Any:
        del node
        assert matrix.ndim == 2, "the design does not vary over draws"
        return (vector @ (matrix if op.transposed else matrix.T)).owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(MatrixVector)
    def compiled(op: Any, **options: Any) -> Any:
        del options
        # The number is what the disk cache of compiled code knows this version by.
        return (_transposed_loops() if op.transposed else _loops()), 2

    return MatrixVector()


def _loops() -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    @numba_njit(fastmath=False)
    def product(matrix: Any, vector: Any) -> Any:
        rows, columns = matrix.shape
        out = np.empty(rows)
        for i in range(rows):
            total = 0.0
            for k in range(columns):
                total += matrix[i, k] * vector[k]
            out[i] = total
        return out

    return product


def _transposed_loops() -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    @numba_njit(fastmath=False)
    def product(matrix: Any, vector: Any) -> Any:
        rows, columns = matrix.shape
        out = np.zeros(columns)
        for i in range(rows):
            slope = vector[i]
            for k in range(columns):
                out[k] += matrix[i, k] * slope
        return out

    return product
