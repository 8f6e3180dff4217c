"""Parts of the count families."""

from typing import Any

from bayesdeep.core.lazy import pt

MOST = 1e15
"""Largest mean of a count. Random generators refuse means that do not fit 64-bit integers, and one row of a wide
prior is enough for such a mean; a likelihood that reaches it is hopeless with or without the limit."""

COUNT_LINKS = ("log", "sqrt", "identity", "softplus")


def held(mu: Any) -> Any:
    """Return a mean of counts, held at the limit."""
    return pt.minimum(mu, MOST)


def log_poisson(value: Any, mu: Any) -> Any:
    """Return ``value log mu - mu - log value!`` for counts ``value``; a mean of 0 gives nothing but zeros."""
    some = pt.where(pt.eq(mu, 0.0), 1.0, mu)
    logs = pt.switch(pt.eq(mu, 0.0), pt.switch(pt.eq(value, 0), 0.0, -float("inf")), value * pt.log(some))
    return logs - mu - pt.gammaln(value + 1.0)


TINY_TAIL = 1e-290


def tail_or(tail: Any, otherwise: Any) -> Any:
    """Return the logarithm of a tail probability, or ``otherwise`` where the probability underflows."""
    fits = pt.gt(tail, TINY_TAIL)
    return pt.switch(fits, pt.log(pt.where(fits, tail, 1.0)), otherwise)
