"""Distributions with a log density of our own: where PyMC's would overflow, or where there is none."""

from collections.abc import Callable
from typing import Any

from bayesdeep.core.lazy import pm

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
