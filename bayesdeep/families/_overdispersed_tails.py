"""Probabilities of negative binomial counts below and beyond a value, for the family and for those that put zeros beside it."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux

from ._counts import clip_mean, log_few, tail_or


def _plain(params: Mapping[str, Any]) -> Any:
    return pm.NegativeBinomial.dist(mu=clip_mean(params["mu"]), alpha=params["alpha"])


def log_below(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y <= value)``, the incomplete beta function ``I_x(alpha, value + 1)``, ``x = alpha / (mu + alpha)``.

    Where it underflows see ``log_few``: the shape is large then.
    """
    del aux
    k = pt.maximum(pt.floor(value), 0.0)
    mu, alpha = clip_mean(params["mu"]), params["alpha"]
    x, shape = mu / (mu + alpha), pt.maximum(alpha, 2.0)
    ratio = k / ((k - 1.0 + shape) * x)
    turn = (shape - 1.0) / (pt.maximum(k, 1.0) * (k - 1.0 + shape))
    far = log_few(pm.logp(_plain(params), k), ratio, turn)
    return pt.switch(pt.lt(value, 0), -float("inf"), tail_or(pt.betainc(alpha, k + 1.0, 1.0 - x), far))


def log_survival(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log P(Y > value)``, the incomplete beta function ``I_x(value + 1, alpha)``, ``x = mu / (mu + alpha)``.

    Where it underflows, ``P(Y = value + 1)`` with the terms after it as a geometric sum.
    """
    del aux
    # Below 0 everything is above.
    k = pt.maximum(pt.floor(value), 0.0)
    mu, alpha = clip_mean(params["mu"]), params["alpha"]
    x = mu / (mu + alpha)
    ratio = x * (k + 1.0 + alpha) / (k + 2.0)
    far = pm.logp(_plain(params), k + 1.0) - pt.log1p(-pt.minimum(ratio, 0.99))
    return pt.switch(pt.lt(value, 0), 0.0, tail_or(pt.betainc(k + 1.0, alpha, x), far))
