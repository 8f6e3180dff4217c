r"""Levels that are reached one after another: at each a row stops, or goes on to the next.

With the probability :math:`s_k` of stopping at level :math:`k` of those who got there,

.. math:: P(y = k) = s_k \prod_{j < k} (1 - s_j), \qquad P(y = K) = \prod_{j < K} (1 - s_j) .
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Aux, Link

from ._thresholds import distances, levels_rv

Steps = Callable[[Any, Link], tuple[Any, Any]]
"""``steps(distances, link)``: log probabilities of stopping at each level but the last, and of going on ``(…, level - 1)``."""


def rv_of(name: str, steps: Steps) -> Callable[[Mapping[str, Any], Aux], Any]:
    """Return the family's distribution of a level."""

    def rv(params: Mapping[str, Any], aux: Aux) -> Any:
        def log_probability(value: Any, at: Any) -> Any:
            stop, on = steps(at, aux.link)
            value, cuts = pt.as_tensor(value), at.shape[-1]
            level = pt.arange(cuts)
            own = pt.switch(pt.lt(level, value[..., None]), on, pt.switch(pt.eq(level, value[..., None]), stop, 0.0))
            return pt.switch(pt.and_(pt.ge(value, 0), pt.le(value, cuts)), own.sum(axis=-1), -np.inf)

        return levels_rv(name, params, log_probability, lambda at: _probabilities(*steps(at, aux.link)))

    return rv


def mean_of(steps: Steps) -> Callable[[Mapping[str, Any], Aux], Any]:
    """Return the levels' probabilities ``(obs, level)``, as the family has them."""
    return lambda params, aux: _probabilities(*steps(distances(params), aux.link))


def _probabilities(stop: Any, on: Any) -> Any:
    nothing = pt.zeros_like(stop[..., :1])
    reached = pt.concatenate([nothing, pt.cumsum(on, axis=-1)], axis=-1)
    return pt.exp(reached + pt.concatenate([stop, nothing], axis=-1))
