"""Products of matrices, either of them turned over, by BLAS through numba's own ``dot``.

PyTensor's code for such a product has a wrapper for every layout of its arguments, and numba takes half a minute to compile each
on a machine that has never done so; for the gradient of a network it was three quarters of the time before the first draw. What
is here compiles in a second and calls the same routine.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt


def product(a: Any, b: Any, *, turn_a: bool = False, turn_b: bool = False) -> Any:
    """Return ``a @ b`` of matrices, with ``a.T`` for ``a`` or ``b.T`` for ``b`` if asked; float32 if either of them is."""
    return operation()(turn_a, turn_b)(a, b)


@cache
def operation() -> Any:
    """Return the class of the operation, made when first used, since PyTensor is not imported before."""
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class Product(Op):
        """``a @ b``, each turned over if the property says so."""

        __props__ = ("turn_a", "turn_b")

        def __init__(self, turn_a: bool, turn_b: bool) -> None:
            self.turn_a, self.turn_b = turn_a, turn_b

        def make_node(self, a: Any, b: Any) -> Any:  # type: ignore[override]
            a, b = pt.as_tensor(a), pt.as_tensor(b)
            dtype = "float32" if "float32" in (a.type.dtype, b.type.dtype) else "float64"
            a, b = a.astype(dtype), b.astype(dtype)
            shape = (a.type.shape[1 if self.turn_a else 0], b.type.shape[0 if self.turn_b else 1])
            return Apply(self, [a, b], [pt.TensorType(dtype, shape=shape)()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            a, b = inputs
            dtype = node.outputs[0].type.dtype
            outputs[0][0] = np.asarray((a.T if self.turn_a else a) @ (b.T if self.turn_b else b), dtype=dtype)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [(shapes[0][1 if self.turn_a else 0], shapes[1][0 if self.turn_b else 1])]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            del outputs
            (a, b), (g,) = inputs, cotangents
            # Of C = A B: dA = G B', dB = A' G; of a matrix that is turned over the derivative is, too.
            first = product(b, g, turn_a=self.turn_b, turn_b=True) if self.turn_a else product(g, b, turn_b=not self.turn_b)
            second = product(g, a, turn_a=True, turn_b=self.turn_a) if self.turn_b else product(a, g, turn_a=not self.turn_a)
            return [first, second]

    @_vectorize_node.register(Product)
    def vectorised(op: Any, node: Any, a: Any, b: Any) -> Any:
        del node
        return pt.matmul(a.mT if op.turn_a else a, b.mT if op.turn_b else b).owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(Product)
    def compiled(op: Any, **options: Any) -> Any:
        del options
        # The number is what the disk cache of compiled code knows this version by.
        return _code(op.turn_a, op.turn_b), 1

    return Product


def _code(turn_a: bool, turn_b: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    if turn_a and turn_b:

        @numba_njit(fastmath=False)
        def both(a: Any, b: Any) -> Any:
            return np.dot(np.ascontiguousarray(a).T, np.ascontiguousarray(b).T)

        return both
    if turn_a:

        @numba_njit(fastmath=False)
        def first(a: Any, b: Any) -> Any:
            return np.dot(np.ascontiguousarray(a).T, np.ascontiguousarray(b))

        return first
    if turn_b:

        @numba_njit(fastmath=False)
        def second(a: Any, b: Any) -> Any:
            return np.dot(np.ascontiguousarray(a), np.ascontiguousarray(b).T)

        return second

    @numba_njit(fastmath=False)
    def plain(a: Any, b: Any) -> Any:
        return np.dot(np.ascontiguousarray(a), np.ascontiguousarray(b))

    return plain
