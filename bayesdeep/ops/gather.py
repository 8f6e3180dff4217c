r"""Effects of groups, brought to the rows: :math:`\eta_i = \sum_k x_{ik} u_{k g(i)}` and its transpose, one pass each.

The general way takes one pass over the rows for each coefficient's indexing, one for its column and one for the sum, and
as many again for the gradient. Here the coefficients of one group lie side by side and each row is visited once.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt


def gather(effects: Any, codes: Any, columns: Any, intercept: bool) -> Any:
    """Return each row's sum of its group's effects times its columns, ``(obs,)``.

    Parameters
    ----------
    effects
        One ``(group,)`` tensor a coefficient; the intercept's, if there is one, comes first.
    codes
        Each row's group ``(obs,)``, known to be a group.
    columns
        ``(obs, column)``, or None without columns.
    intercept
        Whether the first effect is multiplied by 1.
    """
    table = pt.stack(list(effects), axis=-1)
    columns = pt.zeros((0, 0)) if columns is None else columns
    return operation()(len(effects), intercept)(table, codes, columns)


@cache
def operation() -> Any:
    """Return the class of the operation, made when first used, since PyTensor is not imported before."""
    from pytensor.gradient import disconnected_type
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class Gather(Op):
        """``(table (group, width), codes, columns) -> (obs,)``."""

        __props__ = ("width", "intercept")

        def __init__(self, width: int, intercept: bool) -> None:
            self.width, self.intercept = width, intercept

        def make_node(self, table: Any, codes: Any, columns: Any) -> Any:  # type: ignore[override]
            inputs = [pt.as_tensor(table), pt.as_tensor(codes), pt.as_tensor(columns)]
            return Apply(self, inputs, [pt.TensorType("float64", shape=(inputs[1].type.shape[0],))()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            table, codes, columns = inputs
            first = int(self.intercept)
            found = table[codes, 0] if first else np.zeros(len(codes))
            for k in range(first, self.width):
                found = found + table[codes, k] * columns[:, k - first]
            outputs[0][0] = np.asarray(found, dtype=np.float64)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [shapes[1]]

        def connection_pattern(self, node: Any) -> list[list[bool]]:
            del node
            return [[True], [False], [False]]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            del outputs
            table, codes, columns = inputs
            back = Scatter(self.width, self.intercept)(cotangents[0], codes, columns, table.shape[0])
            return [back, disconnected_type(), disconnected_type()]

    class Scatter(Op):
        """``(slope (obs,), codes, columns, groups) -> (group, width)``, the transpose."""

        __props__ = ("width", "intercept")

        def __init__(self, width: int, intercept: bool) -> None:
            self.width, self.intercept = width, intercept

        def make_node(self, slope: Any, codes: Any, columns: Any, groups: Any) -> Any:  # type: ignore[override]
            inputs = [pt.as_tensor(i) for i in (slope, codes, columns, groups)]
            return Apply(self, inputs, [pt.TensorType("float64", shape=(None, self.width))()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            slope, codes, columns, groups = inputs
            first, found = int(self.intercept), np.zeros((int(groups), self.width))
            for k in range(self.width):
                weights = slope if k < first else slope * columns[:, k - first]
                found[:, k] = np.bincount(codes, weights, minlength=int(groups))
            outputs[0][0] = found

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del shapes
            return [(node.inputs[3], pt.constant(self.width))]

    @_vectorize_node.register(Gather)
    def vectorised(op: Any, node: Any, table: Any, codes: Any, columns: Any) -> Any:
        del node
        assert (codes.ndim, columns.ndim) == (1, 2), "the rows do not vary over draws"
        first, found = int(op.intercept), 0.0
        for k in range(op.width):
            part = table[..., codes, k]
            found = found + (part if k < first else part * columns[:, k - first])
        return pt.as_tensor(found).owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(Gather)
    def compiled(op: Any, **options: Any) -> Any:
        del options
        return _forward(op.width, op.intercept), 2

    @register(Scatter)
    def compiled_transpose(op: Any, **options: Any) -> Any:
        del options
        return _backward(op.width, op.intercept), 2

    return Gather


# The number of coefficients is known when the loops are compiled, so that the inner one is unrolled.


def _forward(width: int, intercept: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    first = int(intercept)

    @numba_njit(fastmath=False)
    def forward(table: Any, codes: Any, columns: Any) -> Any:
        out = np.empty(codes.size)
        for i in range(codes.size):
            g = codes[i]
            value = 0.0
            if first:
                value = table[g, 0]
            for k in range(first, width):
                value += table[g, k] * columns[i, k - first]
            out[i] = value
        return out

    return forward


def _backward(width: int, intercept: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    first = int(intercept)

    @numba_njit(fastmath=False)
    def backward(slope: Any, codes: Any, columns: Any, groups: Any) -> Any:
        out = np.zeros((groups.item(), width))
        for i in range(codes.size):
            g, s = codes[i], slope[i]
            if first:
                out[g, 0] += s
            for k in range(first, width):
                out[g, k] += s * columns[i, k - first]
        return out

    return backward
