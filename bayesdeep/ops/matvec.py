"""A matrix times a vector, compiled in a second: designs and coefficients, units and the weights that go out from them.

PyTensor's numba code for a matrix product goes through BLAS with a wrapper for every layout; compiling it takes half a
minute on a machine that has never done so. The product here is two plain loops. For the sizes of ordinary designs they
cost about as much as BLAS; for large ones :func:`times` uses BLAS after all.

What a matrix of units gets back from such a product is an outer product, which :mod:`bayesdeep.ops.layer` never writes down:
it asks :func:`factors` for the two vectors. Where the units are in single precision the product is, too, by BLAS, which
compiles in a second if numba's own ``dot`` calls it; what comes out is double.
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


def factors(variable: Any) -> tuple[tuple[Any, Any], ...]:
    """Return pairs ``(a, b)`` of vectors whose outer products add up to a variable, in whichever precision; none if none do."""
    from pytensor.scalar import Add, Cast

    node = variable.owner
    scalar = getattr(getattr(node, "op", None), "scalar_op", None)
    # Derivatives by variables in single precision are rounded to it.
    if isinstance(scalar, Cast):
        return factors(node.inputs[0])
    if isinstance(scalar, Add):
        parts = [factors(addend) for addend in node.inputs]
        return tuple(pair for part in parts for pair in part) if all(parts) else ()
    return (tuple(node.inputs),) if node is not None and isinstance(node.op, outer_product()) else ()


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
            dtype = "float32" if matrix.type.dtype == "float32" else "float64"
            matrix, vector = matrix.astype(dtype), vector.astype(dtype)
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
            outer = outer_product()()
            return [outer(vector, slope) if self.transposed else outer(slope, vector), back]

    @_vectorize_node.register(MatrixVector)
    def vectorised(op: Any, node: Any, matrix: Any, vector: Any) -> Any:
        del node
        if matrix.ndim == 2:
            return (vector @ (matrix if op.transposed else matrix.T)).owner
        # Units vary over draws; designs do not.
        return pt.matmul(matrix.mT if op.transposed else matrix, vector[..., None])[..., 0].owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(MatrixVector)
    def compiled(op: Any, node: Any = None, **options: Any) -> Any:
        del options
        # The number is what the disk cache of compiled code knows this version by.
        if node is not None and node.inputs[0].type.dtype == "float32":
            return _single(op.transposed), 3
        return (_transposed_loops() if op.transposed else _loops()), 3

    return MatrixVector()


@cache
def outer_product() -> Any:
    """Return the class of the operation ``(a (n,), b (k,)) -> (n, k)``, made when first used."""
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class OuterProduct(Op):
        """``a[:, None] * b``."""

        __props__ = ()

        def make_node(self, a: Any, b: Any) -> Any:  # type: ignore[override]
            a, b = pt.as_tensor(a), pt.as_tensor(b)
            return Apply(self, [a, b], [pt.TensorType("float64", shape=(*a.type.shape, *b.type.shape))()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            outputs[0][0] = np.outer(*inputs)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [(shapes[0][0], shapes[1][0])]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            del outputs
            (a, b), (slope,) = inputs, cotangents
            plain = matrix_vector()
            return [plain(slope, b), type(plain)(True)(slope, a)]

    @_vectorize_node.register(OuterProduct)
    def vectorised(op: Any, node: Any, a: Any, b: Any) -> Any:
        del op, node
        return (a[..., None] * b[..., None, :]).owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(OuterProduct)
    def compiled(op: Any, **options: Any) -> Any:
        del op, options
        return _outer_loops(), 1

    return OuterProduct


def _loops() -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    @numba_njit(fastmath=False)
    def product(matrix: Any, vector: Any) -> Any:
        rows, columns = matrix.shape
        out, whole = np.empty(rows), columns // 4 * 4
        for i in range(rows):
            # Four running sums, always the same ones: vector instructions, and no waiting for the sum before.
            a = b = c = d = 0.0
            for k in range(0, whole, 4):
                a += matrix[i, k] * vector[k]
                b += matrix[i, k + 1] * vector[k + 1]
                c += matrix[i, k + 2] * vector[k + 2]
                d += matrix[i, k + 3] * vector[k + 3]
            rest = 0.0
            for k in range(whole, columns):
                rest += matrix[i, k] * vector[k]
            out[i] = ((a + b) + (c + d)) + rest
        return out

    return product


def _outer_loops() -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    @numba_njit(fastmath=False)
    def outer(a: Any, b: Any) -> Any:
        out = np.empty((a.size, b.size))
        for i in range(a.size):
            for k in range(b.size):
                out[i, k] = a[i] * b[k]
        return out

    return outer


def _single(transposed: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    if transposed:

        @numba_njit(fastmath=False)
        def back(matrix: Any, vector: Any) -> Any:
            return np.dot(np.ascontiguousarray(matrix).T, np.ascontiguousarray(vector)).astype(np.float64)

        return back

    @numba_njit(fastmath=False)
    def forth(matrix: Any, vector: Any) -> Any:
        return np.dot(np.ascontiguousarray(matrix), np.ascontiguousarray(vector)).astype(np.float64)

    return forth


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
