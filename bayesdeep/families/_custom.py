"""Distributions with a log density of our own: where PyMC's would overflow, or where there is none."""

from collections.abc import Callable
from typing import Any

from bayesdeep.core.lazy import pm


def custom(name: str, logp: Callable[..., Any], draw: Callable[..., Any], *params: Any, signature: str) -> Any:
    """Return an unregistered variable.

    Parameters
    ----------
    name
        The distribution's name in pictures of the model.
    logp
        ``logp(value, *params)``.
    draw
        ``draw(*params, size)``: a graph of PyMC distributions; ``size`` may be a symbolic None.
    params
        Tensors.
    signature
        Core dimensions of the parameters and the draw, ``"(),(k)->()"``.
    """
    return pm.CustomDist.dist(*params, logp=logp, dist=draw, signature=signature, class_name=name)
