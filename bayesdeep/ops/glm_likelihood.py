r"""Log likelihoods of counts under their canonical links: value and slope of all rows in one pass.

With :math:`\eta` the predictor, :math:`y` the response, :math:`n` the trials and :math:`c` what depends on the data alone,

.. math::

    \text{logit:}\quad \ell = c - y \log(1 + e^{-\eta}) - (n - y) \log(1 + e^{\eta}), \qquad
    \ell' = \frac{y}{1 + e^{\eta}} - \frac{n - y}{1 + e^{-\eta}}

    \text{log:}\quad \ell = c + y \eta - e^{\eta}, \qquad \ell' = y - e^{\eta}

The families' ``rv`` stays the definition of the model; this is what the samplers' density is computed by where it applies, and
the tests hold it to the definition, value and gradient. One exponential a row does, where the general way takes two or
three and a pass over the rows for each step of the arithmetic.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family

from .glm_loops import loops

KINDS = {"bernoulli": "logit", "binomial": "logit", "poisson": "log"}
"""Kinds of the operation, as families name them in ``fused``, and the link of each."""

LOWEST, HIGHEST = -700.0, math.log(1e15)
"""Beyond these the log link's mean is held, as in the families."""
LARGEST = 1e300
"""Stands for a predictor that is infinite: 0 times it is 0."""


def kind_of(family: Family, aux: Aux, value: Any) -> str | None:
    """Return the kind of operation that computes a family's log likelihood; None where there is none.

    Responses outside the family's range, which only a graph made by hand can have, are left to the definition.
    """
    kind = family.fused.get(aux.link.name)
    data = _array(value)
    if kind is None or data is None or data.ndim != 1:
        return None
    trials = None if aux.trials is None else _array(aux.trials)
    if kind == "binomial" and (trials is None or (data > trials).any()):
        return None
    fits = np.isin(data, (0, 1)).all() if kind == "bernoulli" else (data >= 0).all()
    return kind if fits else None


def _array(tensor: Any) -> np.ndarray | None:
    return tensor.get_value(borrow=True) if hasattr(tensor, "get_value") else None


def observe_fused(name: str, kind: str, family: Family, eta: Any, aux: Aux, value: Any, dims: Any) -> None:
    """Register the observed response with the model in context; its log density is the fused one."""
    import pytensor

    further = [] if aux.trials is None else [aux.trials]
    main = family.main
    base = [] if kind == "bernoulli" else [pytensor.shared(base_of(kind, _array(value), [_array(t) for t in further]))]

    def logp(value: Any, eta: Any, *rest: Any) -> Any:
        return log_likelihood(kind)(eta, value, *rest)[0]

    def dist(eta: Any, *rest: Any) -> Any:
        given = Aux(aux.link, rest[0] if further else None, aux.levels)
        mu = eta if main.link_in_family else aux.link.inverse(eta)
        params: Mapping[str, Any] = {main.name: mu}
        return family.rv(params, given)

    pm.CustomDist(name, eta, *further, *base, logp=logp, dist=dist, observed=value, dims=dims, ndim_supp=0)


def base_of(kind: str, value: Any, further: list[Any]) -> np.ndarray:
    """Return the part of the log likelihood ``(obs,)`` that depends on the data alone."""
    from scipy.special import gammaln

    y = np.asarray(value, dtype=np.float64)
    if kind == "poisson":
        return -gammaln(y + 1.0)
    trials = np.asarray(further[0], dtype=np.float64)
    return gammaln(trials + 1.0) - gammaln(y + 1.0) - gammaln(trials - y + 1.0)


def by_numpy(kind: str, eta: Any, y: Any, *rest: Any) -> tuple[Any, Any]:
    """Return log likelihoods and slopes; the arrays broadcast."""
    y = np.asarray(y, dtype=np.float64)
    if kind == "poisson":
        held = np.clip(eta, LOWEST, HIGHEST)
        mu = np.exp(held)
        return y * held - mu + rest[0], np.where((eta < LOWEST) | (eta > HIGHEST), 0.0, y - mu)
    trials, base = (1.0, 0.0) if kind == "bernoulli" else (np.asarray(rest[0], dtype=np.float64), rest[1])
    small = np.exp(-np.abs(eta))
    above, below = np.clip(eta, 0.0, LARGEST), np.clip(-eta, 0.0, LARGEST)
    value = base - (y * below + (trials - y) * above + trials * np.log1p(small))
    larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
    up = eta >= 0
    return value, y * np.where(up, smaller, larger) - (trials - y) * np.where(up, larger, smaller)


@cache
def log_likelihood(kind: str, summed: bool = False) -> Any:
    """Return the operation ``(eta, y[, trials][, base]) -> (log likelihood, slope)``; summed, the first is a scalar."""
    return _operation()(kind, summed)


@cache
def _operation() -> Any:
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.replace import _vectorize_node
    from pytensor.link.numba.dispatch import basic as numba_basic

    class LogLikelihood(Op):
        """Log likelihood of rows ``(obs,)`` and its derivative by the predictor ``(obs,)``."""

        __props__ = ("kind", "summed")

        def __init__(self, kind: str, summed: bool) -> None:
            self.kind, self.summed = kind, summed

        def make_node(self, *inputs: Any) -> Any:
            eta, *rest = (pt.as_tensor(i) for i in inputs)
            inputs = (eta.astype("float64"), *rest)
            depth = max(i.ndim for i in inputs)
            outputs = [pt.TensorType("float64", shape=(None,) * d)() for d in (0 if self.summed else depth, depth)]
            return Apply(self, list(inputs), outputs)

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            del node
            value, slope = by_numpy(self.kind, *inputs)
            outputs[0][0] = np.asarray(value.sum() if self.summed else value, dtype=np.float64)
            outputs[1][0] = np.asarray(slope, dtype=np.float64)

        def infer_shape(self, node: Any, shapes: Any) -> Any:
            del node
            return [() if self.summed else shapes[0], shapes[0]]

        def connection_pattern(self, node: Any) -> list[list[bool]]:
            return [[i == 0, False] for i in range(len(node.inputs))]

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            from pytensor.gradient import disconnected_type

            slopes: Any = self(*inputs)
            return [cotangents[0] * slopes[1], *(disconnected_type() for _ in inputs[1:])]

    @_vectorize_node.register(LogLikelihood)
    def vectorised(op: Any, node: Any, *inputs: Any) -> Any:
        del node
        assert not op.summed, "sums over rows are made after stretching"
        return op.make_node(*inputs)

    _register_sum(LogLikelihood)
    register = getattr(numba_basic, "register_funcify_default_op_cache_key", numba_basic.numba_funcify.register)

    @register(LogLikelihood)
    def compiled(op: Any, **options: Any) -> Any:
        del options
        return loops(op.kind, op.summed)

    return LogLikelihood


def _register_sum(operation: Any) -> None:
    """Let the sum of the rows' log likelihoods be taken while they are computed."""
    from pytensor.graph.rewriting.basic import node_rewriter
    from pytensor.tensor.math import Sum
    from pytensor.tensor.rewriting.basic import register_specialize

    @register_specialize
    @node_rewriter([Sum])
    def sum_of_log_likelihoods(fgraph: Any, node: Any) -> Any:
        del fgraph
        rows = node.inputs[0]
        apply = rows.owner
        if apply is None or not isinstance(apply.op, operation) or apply.op.summed or rows is not apply.outputs[0]:
            return False
        if rows.ndim != 1 or any(i.ndim != 1 for i in apply.inputs):
            return False
        value, slope = operation(apply.op.kind, True)(apply.inputs[0], *(_uncast(i) for i in apply.inputs[1:]))
        return {node.outputs[0]: value, apply.outputs[1]: slope}


def _uncast(data: Any) -> Any:
    """Return data as they are kept: PyMC widens whole numbers, which would be done anew for every gradient."""
    from pytensor.scalar import Cast

    owner = data.owner
    if owner is None or not isinstance(getattr(owner.op, "scalar_op", None), Cast):
        return data
    given = owner.inputs[0]
    whole = given.type.dtype.startswith(("int", "uint")) and data.type.dtype.startswith("int")
    return given if whole and given.ndim == data.ndim else data
