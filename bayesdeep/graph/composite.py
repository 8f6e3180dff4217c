"""Distributions that PyMC composes of others, as mixtures, made ready to be stretched over an axis of draws.

The components of such a distribution know how many values they have from a size worked out when they were made, and a graph
whose sizes are fixed cannot be vectorised. All rows are independent, though, so that draws times rows are but so many more
rows: when a distribution wrapped here is stretched, it is made anew for all of them in one long row.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bayesdeep.core.lazy import pm, pt


def is_composite(rv: Any, params: Sequence[Any]) -> bool:
    """Return whether a random variable with one value a row is made of others, beside those its parameters come from."""
    from pymc.distributions.distribution import SymbolicRandomVariable
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.random.op import RandomVariable

    op = getattr(rv.owner, "op", None)
    if not isinstance(op, SymbolicRandomVariable) or op.ndim_supp != 0:
        return False
    kinds = (RandomVariable, SymbolicRandomVariable)
    given = set(params)
    found = ancestors(rv.owner.inputs, blockers=list(given))
    return any(v.owner is not None and isinstance(v.owner.op, kinds) for v in found if v not in given)


def stretchable(make: Callable[[Sequence[Any]], Any], params: Sequence[Any]) -> Any:
    """Return the random variable ``make(params)`` ``(obs,)`` as one that can be vectorised over all of its parameters.

    Parameters
    ----------
    make
        Unregistered random variable from parameters by row ``(row,)``.
    params
        Tensors ``(obs,)`` or scalars.
    """
    from pytensor.graph.replace import _vectorize_node

    rows = sum((pt.zeros_like(p, dtype="float64") for p in params), start=pt.zeros(()))
    by_row = [p + pt.cast(rows, p.dtype) for p in params]
    signature = f"{','.join('()' for _ in by_row)}->()"

    def dist(*inputs: Any) -> Any:
        return make(inputs[: len(by_row)])

    rv = pm.CustomDist.dist(*by_row, dist=dist, signature=signature, class_name="Composite")

    @_vectorize_node.register(type(rv.owner.op))
    def vectorised(op: Any, node: Any, *inputs: Any) -> Any:
        at = op.get_input_output_type_idxs(op.extended_signature)[0][2]
        given = pt.broadcast_arrays(*(inputs[i] for i in at))
        drawn = make([p.ravel() for p in given]).reshape(given[0].shape, ndim=given[0].ndim)
        return [drawn, *node.outputs[1:]]

    return rv
