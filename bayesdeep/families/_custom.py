"""Distributions with a log density of our own: where PyMC's would overflow, or where there is none."""

from collections.abc import Callable
from functools import cache
from typing import Any

from bayesdeep.core.lazy import pm, pt

Function = Callable[..., Any]


def custom(
    name: str,
    logp: Function,
    draw: Function,
    *params: Any,
    signature: str,
    logcdf: Function | None = None,
    icdf: Function | None = None,
) -> Any:
    """Return an unregistered variable that, unlike PyMC's own composite ones, can be vectorised over its parameters.

    Parameters
    ----------
    name
        The distribution's name in pictures of the model.
    logp, logcdf, icdf
        ``logp(value, *params)`` and so on; with ``icdf`` PyMC draws truncated values without rejection.
    draw
        ``draw(*params, size)``: a graph of plain PyMC distributions; ``size`` may be a symbolic None. The shape of
        each must follow from ``params`` and ``size`` as handed on, not from a size worked out in between.
    params
        Tensors.
    signature
        Core dimensions of the parameters and the draw, ``"(),(k)->()"``.
    """
    rv = pm.CustomDist.dist(*params, logp=logp, logcdf=logcdf, dist=draw, signature=signature, class_name=name)
    # PyMC makes a class of its own for every such variable, so that these rules concern this one alone.
    _register(type(rv.owner.op), icdf)
    return rv


def not_evaluated(value: Any, *params: Any) -> Any:
    """Stand for the log density of what is only drawn."""
    raise NotImplementedError(value, *params)


def _register(kind: type, icdf: Function | None) -> None:
    from pymc.logprob.abstract import _icdf
    from pytensor.graph.replace import _vectorize_node, vectorize_graph

    @_vectorize_node.register(kind)
    def vectorised(op: Any, node: Any, *inputs: Any) -> Any:
        del node
        inner = op.fgraph.unfreeze()
        return vectorize_graph(list(inner.outputs), dict(zip(inner.inputs, inputs, strict=True)))

    if icdf is not None:

        @_icdf.register(kind)
        def quantile(op: Any, value: Any, size: Any, *inputs: Any, **options: Any) -> Any:
            del size, options
            return icdf(value, *inputs[: len(op.ndims_params)])


@cache
def drawn_by(name: str, draw: Callable[..., Any]) -> Callable[..., Any]:
    """Return a random variable of two parameters whose draws NumPy makes, for distributions that PyMC's own do not make up.

    ``draw(rng, one, other)`` takes arrays of one shape and returns whole numbers.
    """
    import numpy as np
    from pytensor.tensor.random.op import RandomVariable

    class Drawn(RandomVariable):
        signature = "(),()->()"
        dtype = "int64"
        _print_name = (name, name)

        @classmethod
        def rng_fn(cls, rng: Any, one: Any, other: Any, size: Any) -> Any:
            shape = np.broadcast_shapes(np.shape(one), np.shape(other)) if size is None else tuple(size)
            return np.asarray(draw(rng, np.broadcast_to(one, shape), np.broadcast_to(other, shape)), dtype=np.int64)

    Drawn.name = name
    operation = Drawn()

    def made(one: Any, other: Any, size: Any) -> Any:
        return operation(one, other, size=size, rng=pt.random.shared_rng(seed=None), return_next_rng=True)[1]

    return made
