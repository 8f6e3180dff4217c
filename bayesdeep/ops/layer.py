r"""A layer of a network, :math:`a(hW + b)`, and its derivatives, in one pass each beside the matrix products.

PyTensor's ``tanh`` and ``sigmoid`` call the C library, a number at a time, and the derivative calls them once more: most of the
gradient of a small network is spent there. Here they are the plain arithmetic of :mod:`bayesdeep.numerics.vector_math`, and
derivatives are worked out from the units' values: :math:`1 - y^2`, :math:`y (1 - y)`, and 1 where a rectifier is on. Where
the units go into one sum, as those of the last hidden layer do, or into two where networks share it, what comes back to them is
an outer product, or two; these are multiplied out within the same pass.

In single precision a layer takes two thirds of the time or less: its linear predictors, units and what comes back to them are
float32, and what leaves the network, the predictor of a row and the derivative by a parameter, is made double again.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.numerics.single_math import single_math
from bayesdeep.numerics.vector_math import vector_math

from .matvec import factors
from .product import product

KINDS = ("tanh", "logit", "relu")
"""Activations with a pass of their own."""
MOST_PAIRS = 2
"""Of vectors whose outer products are multiplied out in a pass."""
CHUNK = 64
"""Rows whose sums are kept in single precision before they are added to double ones."""


def layer(units: Any, weights: Any, bias: Any, name: str, activation: Any, *, single: bool = False) -> Any:
    """Return the units ``(obs, unit)`` of a layer.

    Parameters
    ----------
    units
        Those of the layer before ``(obs, before)``.
    weights, bias
        ``(before, unit)`` and ``(unit,)``.
    name, activation
        The activation's name, and what it does to the linear predictors, for those that have no pass of their own.
    single
        Whether the layer is computed in single precision, where it has a pass of its own; the units are then float32.
    """
    kind = "logit" if name == "sigmoid" else name
    if kind in KINDS:
        return operation()(kind, single)(units, weights, bias)
    return activation(product(units, weights) + bias)


def by_numpy(kind: str, eta: np.ndarray) -> np.ndarray:
    """Return an activation of arrays."""
    if kind == "relu":
        return np.maximum(eta, 0.0)
    if kind == "tanh":
        return np.tanh(eta)
    from scipy.special import expit

    return expit(eta)


def slope_by_numpy(kind: str, g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a layer's linear predictors get back ``(obs, unit)``, and its sum over rows ``(unit,)``."""
    found = g * {"tanh": 1.0 - y * y, "logit": y * (1.0 - y), "relu": y > 0}[kind]
    return found, found.sum(axis=0, dtype=np.float64)


def by_tensor(kind: str, eta: Any) -> Any:
    """Return an activation of tensors."""
    return {"tanh": pt.tanh, "logit": pt.sigmoid, "relu": lambda v: pt.maximum(v, 0.0)}[kind](eta)


@cache
def operation() -> Any:
    """Return the class of the operation, made when first used, since PyTensor is not imported before."""
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class Layer(Op):
        """``(units (obs, before), weights (before, unit), bias (unit,)) -> (obs, unit)``."""

        __props__ = ("kind", "single")

        def __init__(self, kind: str, single: bool = False) -> None:
            self.kind, self.single = kind, single

        def make_node(self, units: Any, weights: Any, bias: Any) -> Any:  # type: ignore[override]
            dtype = "float32" if self.single else "float64"
            inputs = [pt.as_tensor(v).astype(dtype) for v in (units, weights, bias)]
            shape = (inputs[0].type.shape[0], inputs[1].type.shape[1])
            return Apply(self, inputs, [pt.TensorType(dtype, shape=shape)()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            outputs[0][0] = by_numpy(self.kind, inputs[0] @ inputs[1] + inputs[2])

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [(shapes[0][0], shapes[1][1])]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            units, weights, _ = inputs
            pairs = factors(cotangents[0])
            pairs = pairs if len(pairs) <= MOST_PAIRS else ()
            back = [vector for pair in pairs for vector in pair] or cotangents
            slope, bias = Slope(self.kind, len(pairs), self.single).make_node(*back, outputs[0]).outputs
            return [product(slope, weights, turn_b=True), product(units, slope, turn_a=True), bias]

    class Slope(Op):
        """``(cotangent (obs, unit), values (obs, unit)) -> (obs, unit)`` and its sum over rows ``(unit,)``.

        With ``pairs`` the cotangent is given as so many pairs of vectors whose outer products add up to it, ``(obs,)`` and
        ``(unit,)`` each.
        """

        __props__ = ("kind", "pairs", "single")

        def __init__(self, kind: str, pairs: int, single: bool) -> None:
            self.kind, self.pairs, self.single = kind, pairs, single

        def make_node(self, *given: Any) -> Any:
            dtype = "float32" if self.single else "float64"
            inputs = [pt.as_tensor(v).astype(dtype) for v in given]
            width = inputs[-1].type.shape
            return Apply(self, inputs, [pt.TensorType(dtype, shape=width)(), pt.TensorType("float64", shape=width[1:])()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            *back, values = inputs
            pairs = [np.outer(*pair) for pair in zip(back[::2], back[1::2], strict=True)] if self.pairs else back
            cotangent = np.sum(pairs, axis=0)
            outputs[0][0], outputs[1][0] = slope_by_numpy(self.kind, cotangent, values)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [shapes[-1], shapes[-1][1:]]

    @_vectorize_node.register(Layer)
    def vectorised(op: Any, node: Any, units: Any, weights: Any, bias: Any) -> Any:
        del node
        return by_tensor(op.kind, pt.matmul(units, weights) + bias[..., None, :]).owner

    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(Layer)
    def compiled(op: Any, **options: Any) -> Any:
        del options
        return _forward(op.kind, op.single), 4

    @register(Slope)
    def compiled_slope(op: Any, **options: Any) -> Any:
        del options
        return (_backward, _outer_backward, _two_outer_backward)[op.pairs](op.kind, op.single), 5

    return Layer


def _value(kind: str, single: bool) -> Any:
    """Return the activation of one number, for use inside loops."""
    from numba import njit

    if single and kind != "relu":
        return dict(zip(("tanh", "logit"), single_math(), strict=True))[kind]
    maths, nothing = vector_math(), _zero(single)
    logistic = maths.logistic

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def logit(x: Any) -> Any:
        x = x if x < 700.0 else 700.0
        x = x if x > -700.0 else -700.0
        return logistic(x)

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def relu(x: Any) -> Any:
        return x if x > nothing else nothing

    return {"tanh": maths.tanh, "logit": logit, "relu": relu}[kind]


def _zero(single: bool) -> Any:
    """Return 0 in a layer's precision: compiled arithmetic with a double would be double."""
    return np.float32(0.0) if single else np.float64(0.0)


def _forward(kind: str, single: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    value = _value(kind, single)

    @numba_njit(error_model="numpy", fastmath=False)
    def add_and_activate(out: Any, flat: Any, bias: Any) -> None:
        for i in range(out.shape[0]):
            for j in range(bias.size):
                out[i, j] += bias[j]
        # One long loop: rows are not whole numbers of vector instructions.
        for i in range(flat.size):
            flat[i] = value(flat[i])

    @numba_njit(fastmath=False)
    def forward(units: Any, weights: Any, bias: Any) -> Any:
        out = np.dot(np.ascontiguousarray(units), np.ascontiguousarray(weights))
        add_and_activate(out, out.ravel(), np.ascontiguousarray(bias))
        return out

    return forward


def _derivative(kind: str, single: bool) -> Any:
    """Return the derivative of an activation from its value, for use inside loops."""
    from numba import njit

    nothing = _zero(single)
    one = nothing + nothing.dtype.type(1.0)

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def tanh(y: Any) -> Any:
        return one - y * y

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def logit(y: Any) -> Any:
        return y * (one - y)

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def relu(y: Any) -> Any:
        return one if y > nothing else nothing

    return {"tanh": tanh, "logit": logit, "relu": relu}[kind]


def _backward(kind: str, single: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    derivative, nothing = _derivative(kind, single), _zero(single)

    @numba_njit(error_model="numpy", fastmath=False)
    def loop(g: Any, y: Any, out: Any, part: Any, total: Any) -> None:
        for start in range(0, y.shape[0], CHUNK):
            part[:] = nothing
            for i in range(start, min(start + CHUNK, y.shape[0])):
                for j in range(y.shape[1]):
                    out[i, j] = g[i, j] * derivative(y[i, j])
                    part[j] += out[i, j]
            for j in range(y.shape[1]):
                total[j] += part[j]

    @numba_njit(fastmath=False)
    def backward(g: Any, y: Any) -> Any:
        out, total = np.empty_like(y), np.zeros(y.shape[1])
        loop(g, y, out, np.empty(y.shape[1], dtype=y.dtype), total)
        return out, total

    return backward


def _outer_backward(kind: str, single: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    derivative, nothing = _derivative(kind, single), _zero(single)

    @numba_njit(error_model="numpy", fastmath=False)
    def loop(rows: Any, columns: Any, y: Any, out: Any, part: Any, total: Any) -> None:
        for start in range(0, y.shape[0], CHUNK):
            part[:] = nothing
            for i in range(start, min(start + CHUNK, y.shape[0])):
                g = rows[i]
                for j in range(y.shape[1]):
                    out[i, j] = (g * columns[j]) * derivative(y[i, j])
                    part[j] += out[i, j]
            for j in range(y.shape[1]):
                total[j] += part[j]

    @numba_njit(fastmath=False)
    def backward(rows: Any, columns: Any, y: Any) -> Any:
        out, total = np.empty_like(y), np.zeros(y.shape[1])
        loop(rows, columns, y, out, np.empty(y.shape[1], dtype=y.dtype), total)
        return out, total

    return backward


def _two_outer_backward(kind: str, single: bool) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    derivative, nothing = _derivative(kind, single), _zero(single)

    @numba_njit(error_model="numpy", fastmath=False)
    def loop(rows: Any, columns: Any, others: Any, beside: Any, y: Any, out: Any, part: Any, total: Any) -> None:
        for start in range(0, y.shape[0], CHUNK):
            part[:] = nothing
            for i in range(start, min(start + CHUNK, y.shape[0])):
                g, also = rows[i], others[i]
                for j in range(y.shape[1]):
                    out[i, j] = (g * columns[j] + also * beside[j]) * derivative(y[i, j])
                    part[j] += out[i, j]
            for j in range(y.shape[1]):
                total[j] += part[j]

    @numba_njit(fastmath=False)
    def backward(rows: Any, columns: Any, others: Any, beside: Any, y: Any) -> Any:
        out, total = np.empty_like(y), np.zeros(y.shape[1])
        loop(rows, columns, others, beside, y, out, np.empty(y.shape[1], dtype=y.dtype), total)
        return out, total

    return backward
