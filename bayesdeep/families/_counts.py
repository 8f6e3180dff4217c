"""Parts of the count families."""

from typing import Any

from bayesdeep.core.lazy import pt

MAX_MEAN = 1e15
"""Largest mean of a count. Random generators refuse means that do not fit 64-bit integers, and one row of a wide
prior is enough for such a mean; a likelihood that reaches it is hopeless with or without the limit."""

LEAST_MEAN = 1e-300
"""Smallest mean of counts whose zeros are cut off."""

COUNT_LINKS = ("log", "sqrt", "identity", "softplus")


def clip_mean(mu: Any) -> Any:
    """Return a mean of counts, clipped at the limit."""
    return pt.minimum(mu, MAX_MEAN)


def log_poisson(value: Any, mu: Any) -> Any:
    """Return ``value log mu - mu - log value!`` for counts ``value``; a mean of 0 gives nothing but zeros."""
    some = pt.where(pt.eq(mu, 0.0), 1.0, mu)
    logs = pt.switch(pt.eq(mu, 0.0), pt.switch(pt.eq(value, 0), 0.0, -float("inf")), value * pt.log(some))
    return logs - mu - pt.gammaln(value + 1.0)


TINY_TAIL = 1e-290


def log_few(log_mass: Any, ratio: Any, turn: Any) -> Any:
    """Return ``log P(Y <= value)`` of counts ``value`` far below the mean, from ``log_mass``, that of ``P(Y = value)``.

    Parameters
    ----------
    ratio
        ``P(Y = value - 1) / P(Y = value)``. With it, terms below ``value`` are a geometric sum.
    turn
        By which part of itself the ratio falls from one count to the next below: the sum's first correction.
    """
    inside = pt.clip(ratio, 0.0, 0.99)  # where there are other means, this is not used, but has a gradient
    correction = pt.clip(turn * (inside / (1.0 - inside)) ** 2, 0.0, 0.5)
    return log_mass - pt.log1p(-inside) + pt.log1p(-correction)


def tail_or(tail: Any, otherwise: Any) -> Any:
    """Return the logarithm of a tail probability, or ``otherwise`` where the probability underflows."""
    fits = pt.gt(tail, TINY_TAIL)
    return pt.switch(fits, pt.log(pt.where(fits, tail, 1.0)), otherwise)
