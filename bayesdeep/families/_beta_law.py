"""The beta distribution of mean ``mu`` and precision ``kappa``, on tensors, for families that have it in them."""

from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt

from ._defaults import fixed
from ._positive import TINY
from ._unit import MOST, inner_unit

KAPPA = fixed("LogNormal(3, 1.5)", "about 1 (values crowd at 0 and 1) to 400 (values close to their mean)")
"""Default prior of the precision."""


def beta(mu: Any, kappa: Any, **options: Any) -> Any:
    """Return ``Beta(mu kappa, (1 - mu) kappa)``."""
    mu = inner_unit(mu)
    return pm.Beta.dist(alpha=mu * kappa, beta=(1.0 - mu) * kappa, **options)


def density(value: Any, mu: Any, kappa: Any) -> Any:
    """Return the log density, minus infinity at 0, at 1 and outside, without a NaN in any gradient."""
    inside = pt.and_(pt.gt(value, 0.0), pt.lt(value, 1.0))
    return pt.switch(inside, pm.logp(beta(mu, kappa), pt.where(inside, value, 0.5)), -np.inf)


def draw(mu: Any, kappa: Any, size: Any = None) -> Any:
    """Return draws strictly between 0 and 1."""
    return pt.clip(beta(mu, kappa, size=size), TINY, MOST)


def mean(mu: Any, kappa: Any) -> Any:
    """Return ``mu``."""
    del kappa
    return mu


def variance(mu: Any, kappa: Any) -> Any:
    """Return ``mu (1 - mu) / (1 + kappa)``."""
    mu = inner_unit(mu)
    return mu * (1.0 - mu) / (1.0 + kappa)
