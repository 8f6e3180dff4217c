"""Shares with a Dirichlet distribution of precision ``kappa``, on tensors."""

from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt

LEAST = 1e-300
"""The smallest shape of a part: a mean share that underflows would else have neither value nor gradient."""
LARGE = 100.0
"""Shapes from which ``log Γ(a + y) - log Γ(a)`` is a difference of Stirling's series, taken together beforehand."""


def shapes(eta: Any, kappa: Any) -> Any:
    """Return ``kappa mu`` of every part, ``mu`` the softmax of ``eta (…, part)``, from ``kappa (…,)``."""
    return pt.maximum(pt.as_tensor(kappa)[..., None] * pt.special.softmax(eta, axis=-1), LEAST)


def dirichlet(eta: Any, kappa: Any, **options: Any) -> Any:
    """Return shares to draw."""
    return pm.Dirichlet.dist(a=shapes(eta, kappa), **options)


def density(value: Any, eta: Any, kappa: Any) -> Any:
    """Return the log density of shares ``(…, part)`` over all but one of them; minus infinity where one is 0 or below."""
    a, inside = shapes(eta, kappa), pt.gt(value, 0.0)
    logs = pt.log(pt.where(inside, value, 1.0))
    found = pt.gammaln(kappa) + ((a - 1.0) * logs - pt.gammaln(a)).sum(axis=-1)
    return pt.switch(pt.all(inside, axis=-1), found, -np.inf)


def log_rising(a: Any, count: Any) -> Any:
    r"""Return ``log Γ(a + count) - log Γ(a)``, the logarithm of ``a (a + 1) … (a + count - 1)``.

    For large ``a`` it is :math:`n \log a + (a + n - 1/2) \log(1 + n / a) - n + r(a + n) - r(a)`, with what Stirling's formula
    leaves over (Abramowitz & Stegun 6.1.41): as accurate as ``n log a``, where the two logarithms of gamma functions cancel.
    """
    large = pt.gt(a, LARGE)
    some, few = pt.where(large, a, LARGE), pt.where(large, LARGE, a)
    series = (
        count * pt.log(some) + (some + count - 0.5) * pt.log1p(count / some) - count + _rest(some + count) - _rest(some)
    )
    return pt.switch(large, series, pt.gammaln(few + count) - pt.gammaln(few))


def _rest(z: Any) -> Any:
    return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * z**2)) / z**2) / z
