"""Probabilities behind a link, as logarithms that stay finite where the probability rounds to 0 or 1."""

from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Link

UNIT_LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit")
"""Links onto the unit interval, the default first."""

SYMMETRIC = frozenset({"logit", "probit", "cauchit", "tanh"})
"""Links with ``inverse(-eta) = 1 - inverse(eta)``."""

MIN_PROBABILITY = 1e-15
MOST = 1.0 - float(np.finfo(np.float64).epsneg)
"""The largest number below 1: what is drawn beside ones is at most that."""


def probability(eta: Any, link: Link) -> Any:
    """Return the probability of success; ``tanh`` means ``(1 + tanh eta) / 2``, which is the logistic of 2 eta."""
    return pt.sigmoid(2.0 * eta) if link.name == "tanh" else link.inverse(eta)


def drawable(eta: Any, link: Link) -> Any:
    """Return the probability of success for random draws: an identity link's predictor is cut at 0 and 1."""
    found = probability(eta, link)
    return pt.clip(found, 0.0, 1.0) if link.name == "identity" else found


def log_probabilities(eta: Any, link: Link) -> tuple[Any, Any]:
    """Return the logarithms of the probabilities of success and of failure."""
    if link.name == "tanh":
        return -pt.softplus(-2.0 * eta), -pt.softplus(2.0 * eta)
    if link.log_inverse is not None and link.log1m_inverse is not None:
        return link.log_inverse(eta), link.log1m_inverse(eta)
    # Identity: a predictor outside the unit interval is no probability.
    inside = pt.and_(pt.ge(eta, 0.0), pt.le(eta, 1.0))
    inner = inner_unit(eta)
    return pt.switch(inside, pt.log(inner), -np.inf), pt.switch(inside, pt.log1p(-inner), -np.inf)


def inner_unit(probability: Any) -> Any:
    """Return a probability kept off 0 and 1 by a rounding error, so that its logarithms have finite gradients."""
    return pt.clip(probability, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
